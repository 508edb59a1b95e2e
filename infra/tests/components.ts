import type * as aws from "@pulumi/aws";
import { BuildProject } from "../buildProject.ts";
import { CodeDeployApplication } from "../codeDeployApplication.ts";
import { credentialOf } from "../credential.ts";
import { HttpApi } from "../httpApi.ts";
import { LiveFunction } from "../liveFunction.ts";
import { readSettings } from "../settings/settings.ts";
import { pushTo } from "../webhookFilters.ts";

/**
 * Declares a stack with a function for each of these folders as `index.ts` does: the API, each function with its route `GET /<folder>`, and
 * the build that releases them.
 *
 * @param policyStatements What each function may do beside writing its log.
 */
export function declareStack(folders: readonly string[], policyStatements: aws.iam.PolicyStatement[] = []) {
  const settings = readSettings(folders);
  const api = new HttpApi("http", settings.api);
  const application = new CodeDeployApplication("releases", settings.application);
  const functions = folders.map(
    (folder) =>
      new LiveFunction(folder, { settings: settings.function(folder), zip: "no.zip", application, policyStatements }),
  );
  for (const fn of functions) {
    api.route(`GET /${fn.folder}`, fn);
  }
  const deploy = new BuildProject("deploy", {
    settings: settings.deploy,
    credential: credentialOf("token", settings.credential),
    description: "A push to the branch: test, bundle, release",
    buildspec: "buildspec.yml",
    filterGroups: pushTo(settings.deploy.branch),
    releases: { application, functions },
    after: functions,
  });
  return { settings, api, application, functions, deploy };
}
