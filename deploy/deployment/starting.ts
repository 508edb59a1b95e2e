import { createHash, randomUUID } from "node:crypto";
import { isNamed, Overtaken, ReleaseError } from "../failures.ts";
import { liveAlias } from "../live.ts";
import type { Stack } from "../stack.ts";
import { findActiveInfo } from "./active.ts";
import type { Strategy } from "./strategy.ts";

/** A move of the alias `live` from one version of a function to another. */
export interface Deployment {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly functionName: string;
  readonly from: string;
  readonly to: string;
  /** The commit that is released; left out where a version is put back. */
  readonly commit?: string;
  /** How traffic moves. */
  readonly strategy: Strategy;
  /** The alarms that stop it. */
  readonly alarms: readonly string[];
  /** Called when it has started; the deployment goes on whatever comes of it, so it does not throw. */
  readonly onStarted?: () => Promise<void>;
}

/**
 * Starts a deployment, once: a try whose answer was lost may have started it. Returns its id.
 *
 * @throws {Overtaken} when another deployment of the function is under way.
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
 */
export async function start(stack: Stack, deployment: Deployment): Promise<string> {
  const { name, functionName, from, to, commit, strategy, alarms } = deployment;
  // CreateDeployment has no idempotency token, and a description has at most 100 characters.
  const description = `${commit ?? "rollback"}, version ${from} to ${to}, ${randomUUID().slice(0, 8)}`;
  try {
    const { deploymentId } = await stack.codedeploy.createDeployment({
      applicationName: stack.application,
      deploymentGroupName: name,
      deploymentConfigName: strategy.deploymentConfigName,
      description,
      revision: appSpec(functionName, from, to),
      ...(alarms.length > 0 && {
        overrideAlarmConfiguration: { enabled: true, alarms: alarms.map((alarm) => ({ name: alarm })) },
        autoRollbackConfiguration: {
          enabled: true,
          events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
      }),
    });
    if (!deploymentId) {
      throw new ReleaseError("CodeDeploy created a deployment without an id");
    }
    return deploymentId;
  } catch (error) {
    // Whatever the error: it may have been started by a try whose answer was lost.
    const active = await findActiveInfo(stack, name).catch(() => undefined);
    if (active?.deploymentId && active.description === description) {
      return active.deploymentId;
    }
    throw isNamed(error, "DeploymentLimitExceededException")
      ? new Overtaken(`another deployment is under way: ${error instanceof Error ? error.message : error}`)
      : error;
  }
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html */
function appSpec(functionName: string, currentversion: string, targetversion: string) {
  const Properties = { name: functionName, alias: liveAlias, currentversion, targetversion };
  const content = JSON.stringify({
    version: 0.0,
    Resources: [{ [functionName]: { Type: "AWS::Lambda::Function", Properties } }],
  });
  return {
    revisionType: "AppSpecContent",
    appSpecContent: { content, sha256: createHash("sha256").update(content).digest("hex") },
  } as const;
}
