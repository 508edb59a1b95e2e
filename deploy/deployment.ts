import { createHash } from "node:crypto";
import type { CodeDeploy, DeploymentInfo } from "@aws-sdk/client-codedeploy";
import type { Lambda } from "@aws-sdk/client-lambda";
import { Overtaken, ReleaseError } from "./failures.ts";
import { liveAlias, readLive } from "./live.ts";

/** The stack whose functions are deployed, and how to reach it. */
export interface Stack {
  /** The CodeDeploy application, `<project>-<stack>`; a function's Lambda name is `<application>-<folder>`. */
  readonly application: string;
  readonly lambda: Lambda;
  readonly codedeploy: CodeDeploy;
  /** Takes a line of progress. */
  readonly log: (line: string) => void;
}

/** A move of the alias `live` from one version of a function to another. */
export interface Deployment {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly functionName: string;
  readonly from: string;
  readonly to: string;
  readonly description: string;
  /** How traffic moves. @default as the group has it */
  readonly deploymentConfigName?: string;
}

const pollMs = 500;

/**
 * Has CodeDeploy move the alias `live`, and waits until it has.
 *
 * @throws {Overtaken} when the deployment fails because the alias was moved by another one.
 * @throws {ReleaseError} with CodeDeploy's reason when the deployment fails or is stopped.
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments.html
 */
export async function runDeployment(stack: Stack, deployment: Deployment): Promise<void> {
  const { name, functionName, from, to, ...options } = deployment;
  const { deploymentId } = await stack.codedeploy.createDeployment({
    applicationName: stack.application,
    deploymentGroupName: name,
    ...options,
    revision: appSpec(functionName, from, to),
  });
  if (!deploymentId) {
    throw new ReleaseError("CodeDeploy created a deployment without an id");
  }
  let shown: string | undefined;
  for (;;) {
    const { deploymentInfo } = await stack.codedeploy.getDeployment({ deploymentId });
    const status = deploymentInfo?.status;
    if (status !== shown) {
      stack.log(`${name}: deployment ${deploymentId} from version ${from} to ${to}: ${status}`);
      shown = status;
    }
    if (status === "Succeeded") {
      return;
    }
    if (status === "Failed" || status === "Stopped") {
      const now = await readLive(stack.lambda, functionName).catch(() => undefined);
      const reason = `deployment ${deploymentId} to version ${to} ${reasonOf(deploymentInfo)}`;
      throw now && now.version !== from ? new Overtaken(reason) : new ReleaseError(reason);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
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

function reasonOf(info: DeploymentInfo | undefined): string {
  const { code, message } = info?.errorInformation ?? {};
  return `${info?.status === "Stopped" ? "was stopped" : "failed"}: ${[code, message].filter(Boolean).join(", ") || "CodeDeploy gave no reason"}`;
}

/**
 * The CodeDeploy application that the environment names.
 *
 * @throws {ReleaseError} when `CODEDEPLOY_APPLICATION` is not set.
 */
export function codeDeployApplication(): string {
  const application = process.env.CODEDEPLOY_APPLICATION;
  if (!application) {
    throw new ReleaseError(
      "CODEDEPLOY_APPLICATION is not set: it is <project>-<stack>, for example push-to-live-dev; the deploy build has it",
    );
  }
  return application;
}
