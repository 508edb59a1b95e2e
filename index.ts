import * as aws from "@pulumi/aws";
import { bundleFunctions } from "./deploy/bundle.ts";
import { BuildProject } from "./infra/buildProject.ts";
import { HttpApi } from "./infra/httpApi.ts";
import { HttpFunction } from "./infra/httpFunction.ts";
import { readSettings } from "./infra/settings.ts";
import { pushTo } from "./infra/webhookFilters.ts";

const zips = await bundleFunctions(import.meta.dirname);
const settings = readSettings(zips.all.map((zip) => zip.name));

const api = new HttpApi("http", settings);

const application = new aws.codedeploy.Application("releases", { name: settings.prefix, computePlatform: "Lambda" });

const functions = [
  new HttpFunction("hello-user", {
    ...settings,
    api,
    application,
    route: "GET /hello_user",
    zip: zips.pathOf("hello-user"),
  }),
];

const deploy = new BuildProject("deploy", {
  ...settings,
  projectName: `${settings.prefix}-deploy`,
  description: "A push to the branch: test, bundle, release",
  buildspec: "buildspec.yml",
  filterGroups: pushTo(settings.branch),
  timeoutMinutes: settings.buildTimeoutMinutes,
  releases: { application, functions, deploymentConfigName: settings.deploymentConfigName },
});

export const apiUrl = api.url;
export const functionNames = Object.fromEntries(functions.map((fn) => [fn.folder, fn.functionName]));
export const deployProject = deploy.projectName;
export const webhookUrl = deploy.webhookUrl;
