import "./infra/stackTraces.ts";
import * as pulumi from "@pulumi/pulumi";
import { bundleFunctions } from "./deploy/bundle.ts";
import { BuildProject } from "./infra/buildProject.ts";
import { CodeDeployApplication } from "./infra/codeDeployApplication.ts";
import { ConfigurationRelease } from "./infra/configurationRelease.ts";
import { credentialOf } from "./infra/credential.ts";
import { CustomDomain } from "./infra/customDomain.ts";
import { HttpApi } from "./infra/httpApi.ts";
import { LiveFunction } from "./infra/liveFunction.ts";
import { Monitoring } from "./infra/monitoring.ts";
import { existingOidcProvider, PreviewRole } from "./infra/previewRole.ts";
import { readSettings } from "./infra/settings/settings.ts";
import { pullRequestsTo, pushTo } from "./infra/webhookFilters.ts";

const zips = await bundleFunctions(import.meta.dirname);
const settings = readSettings(zips.all.map((zip) => zip.name));

const api = new HttpApi("http", settings.api);
const domain = settings.domain && new CustomDomain("domain", { settings: settings.domain, api });
const application = new CodeDeployApplication("releases", settings.application);

const helloUser = new LiveFunction("hello-user", {
  settings: settings.function("hello-user"),
  zip: zips.pathOf("hello-user"),
  application,
});
const functions = [helloUser];

api.route("GET /hello_user", helloUser);

const credential = credentialOf("token", settings.credential);
const deploy = new BuildProject("deploy", {
  settings: settings.deploy,
  credential,
  description: "A push to the branch: test, bundle, release",
  buildspec: "buildspec.yml",
  filterGroups: pushTo(settings.deploy.branch),
  releases: { application, functions },
  after: functions,
});
const pullRequest =
  settings.pullRequest &&
  new BuildProject("pull-request", {
    settings: settings.pullRequest,
    credential: settings.pullRequestCredential
      ? credentialOf("pull-request-token", settings.pullRequestCredential)
      : credential,
    description: "A pull request: types, the team's tests, the bundle; no right to deploy",
    buildspec: "buildspec.pr.yml",
    filterGroups: pullRequestsTo(settings.pullRequest.branch),
    after: functions,
  });
const configuration = new ConfigurationRelease("configuration", {
  prefix: settings.prefix,
  functions,
  project: deploy,
});

new Monitoring("monitoring", { settings: settings.monitoring, api, functions, project: deploy, application });

const previewRole =
  settings.previewRole &&
  new PreviewRole("preview", {
    settings: settings.previewRole,
    existingProvider: await existingOidcProvider(settings.previewRole),
  });

export const apiUrl = domain?.url ?? api.url;
/** What a DNS record of the custom domain refers to, where the stack makes none. */
export const domainTarget = domain?.target;
export const functionNames = Object.fromEntries(functions.map((fn) => [fn.folder, fn.functionName]));
export const deployProject = deploy.projectName;
export const pullRequestProject = pullRequest?.projectName;
/** What a GitHub Enterprise Server has to be told. */
export const webhookUrl = deploy.webhookUrl;
export const webhookSecret = deploy.webhookSecret;
export const pullRequestWebhookUrl = pullRequest?.webhookUrl;
export const pullRequestWebhookSecret = pullRequest?.webhookSecret;
/** What `.github/workflows/preview.yml` takes, where the settings ask for it. */
export const previewRoleArn = previewRole?.arn;
/** Shown by `pulumi up` when it changes. */
export const configurationHash = pulumi.interpolate`${configuration.hash}; a change is released by a build of ${deploy.projectName}, which starts by itself`;
