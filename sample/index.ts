import "./infra/stackTraces.ts";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { bundleFunctions } from "./deploy/bundle.ts";
import { BuildProject, type Credential } from "./infra/buildProject.ts";
import { ConfigurationRelease } from "./infra/configurationRelease.ts";
import { CustomDomain } from "./infra/customDomain.ts";
import { deploymentConfigs as declareConfigs } from "./infra/deploymentConfigs.ts";
import { HttpApi } from "./infra/httpApi.ts";
import { LiveFunction } from "./infra/liveFunction.ts";
import { Monitoring } from "./infra/monitoring.ts";
import { existingOidcProvider, PreviewRole } from "./infra/previewRole.ts";
import { containerOf } from "./infra/settings/buildComputes.ts";
import type { CredentialSetting } from "./infra/settings/credentials.ts";
import { readSettings } from "./infra/settings/settings.ts";
import { TokenSecret } from "./infra/tokenSecret.ts";
import { pullRequestsTo, pushTo } from "./infra/webhookFilters.ts";

const zips = await bundleFunctions(import.meta.dirname);
const settings = readSettings(zips.all.map((zip) => zip.name));

const api = new HttpApi("http", settings);
const domain = settings.domain && new CustomDomain("domain", { ...settings.domain, api });

const application = new aws.codedeploy.Application("releases", { name: settings.prefix, computePlatform: "Lambda" });
const deploymentConfigs = declareConfigs(settings.releaseStrategies);

const helloUser = new LiveFunction("hello-user", {
  ...settings,
  ...settings.functionSettings("hello-user"),
  application,
  deploymentConfigs,
  zip: zips.pathOf("hello-user"),
});
const functions = [helloUser];

api.route("GET /hello_user", helloUser);

const credential = credentialOf("token", settings.credential);

const deploy = new BuildProject("deploy", {
  ...settings,
  credential,
  projectName: `${settings.prefix}_deploy`,
  description: "A push to the branch: test, bundle, release",
  buildspec: "buildspec.yml",
  filterGroups: pushTo(settings.branch),
  timeoutMinutes: settings.buildTimeoutMinutes,
  releases: { ...settings, application, deploymentConfigs, functions },
  after: functions,
});

const pullRequest = settings.pullRequests
  ? new BuildProject("pull-request", {
      ...settings,
      credential:
        settings.pullRequestCredential === settings.credential
          ? credential
          : credentialOf("pull-request-token", settings.pullRequestCredential),
      projectName: `${settings.prefix}_pull-request`,
      description: "A pull request: every test, and no right to deploy",
      buildspec: "buildspec.pr.yml",
      filterGroups: pullRequestsTo(settings.branch),
      statusContext: `${settings.prefix}/pull-request`,
      // Installing everything and all the tests take some two minutes, on two cores and with more memory than the smallest Lambda compute has.
      compute: containerOf(settings.compute),
      timeoutMinutes: 15,
      after: functions,
    })
  : undefined;

const configuration = new ConfigurationRelease("configuration", { ...settings, functions, project: deploy });

new Monitoring("monitoring", { ...settings, api, functions, project: deploy, application });

const previewRole =
  settings.previewRole &&
  new PreviewRole("preview", {
    ...settings,
    ...settings.previewRole,
    existingProvider: settings.previewRole.oidcProvider === "create" ? await existingOidcProvider() : undefined,
  });

export const apiUrl = domain?.url ?? api.url;
/** What a DNS record of the custom domain refers to, where the stack makes none. */
export const domainTarget = domain?.target;
export const functionNames = Object.fromEntries(functions.map((fn) => [fn.folder, fn.functionName]));
export const deployProject = deploy.projectName;
export const pullRequestProject = pullRequest?.projectName;
export const webhookUrl = deploy.webhookUrl;
export const pullRequestWebhookUrl = pullRequest?.webhookUrl;
/** What `.github/workflows/preview.yml` takes, where the settings ask for it. */
export const previewRoleArn = previewRole?.arn;
const tellsSecrets = settings.repository.type === "GITHUB_ENTERPRISE";
/** What a GitHub Enterprise Server has to be told, with `webhookUrl` and with `pullRequestWebhookUrl`. */
export const webhookSecret = tellsSecrets ? deploy.webhookSecret : "set at GitHub by CodeBuild";
export const pullRequestWebhookSecret = tellsSecrets ? pullRequest?.webhookSecret : "set at GitHub by CodeBuild";
/** Shown by `pulumi up` when it changes. */
export const configurationHash = pulumi.interpolate`${configuration.hash}; a change is released by a build of ${deploy.projectName}, which starts by itself`;

/** What CodeBuild reads the repository with; a token becomes a secret of the stack's own. */
function credentialOf(name: string, setting: CredentialSetting): Credential {
  if (setting.type !== "TOKEN") {
    return setting;
  }
  const { arn } = new TokenSecret(name, { ...settings, ...setting });
  return { ...setting, type: "SECRETS_MANAGER", arn };
}
