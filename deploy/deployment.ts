import type { DeploymentInfo } from "@aws-sdk/client-codedeploy";
import type { Limit } from "./atMost.ts";
import { Progress } from "./deployment/progress.ts";
import { settle } from "./deployment/settling.ts";
import { type Deployment, start } from "./deployment/starting.ts";
import { Stopping } from "./deployment/stopping.ts";
import { isGradual } from "./deployment/strategy.ts";
import { watch } from "./deployment/watching.ts";
import { messageOf, ReleaseError } from "./failures.ts";
import { type Live, type LiveAlias, readAlias } from "./live.ts";
import { patiently } from "./rateLimit.ts";
import type { Stack } from "./stack.ts";

/** How a deployment ended. */
export interface Ended {
  readonly id: string;
  /** When it was asked for, by this machine's clock, in ms. */
  readonly began: number;
  readonly info: DeploymentInfo;
  /** Whether the new version had any traffic. */
  readonly hadTraffic: boolean;
  /** The alias once everything that the deployment has started has ended: it refers to one version. */
  readonly live: Live;
}

/**
 * Has CodeDeploy move the alias `live`, and waits until it has, or has moved it back. The caller reads from the alias what came of it.
 *
 * @param isWanted Whether the move is still wanted by what the alias records; when it is not, the deployment is stopped.
 * @param limit Has as few functions as it says settle at once.
 * @throws {Overtaken} when another deployment of the function is under way.
 * @throws {ReleaseError} when the deployment cannot be watched any more.
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments.html
 */
export async function runDeployment(
  stack: Stack,
  deployment: Deployment,
  isWanted: (live: LiveAlias) => boolean,
  limit: Limit,
): Promise<Ended> {
  const { log, signal } = stack;
  const { name, functionName, from, to } = deployment;
  const began = Date.now();
  const id = await start(stack, deployment);
  log(`${name}: deployment ${id} from version ${from} to ${to} began`);
  const progress = new Progress(stack, deployment);
  const stopping = new Stopping(stack, name, id);
  await deployment.onStarted?.();
  const look = async (now: DeploymentInfo): Promise<void> => {
    if (stopping.isAskedFor) {
      return;
    }
    if (signal?.aborted) {
      return stopping.ask();
    }
    const live = isGradual(deployment.strategy)
      ? await patiently(() => readAlias(stack.lambda, functionName))
      : undefined;
    if (live) {
      await progress.show(live, now);
      if (!isWanted(live)) {
        await stopping.ask();
      }
    }
  };
  const info = await watch(stack, id, look).catch((error: unknown) => {
    throw new ReleaseError(
      `deployment ${id} cannot be watched any more, and goes on by itself: ${messageOf(error)}; the next release sees what has come of it`,
    );
  });
  const live = await limit(() => settle(stack, deployment, { ...info, deploymentId: id }));
  const hadTraffic = progress.hadTraffic || info.rollbackInfo?.rollbackDeploymentId !== undefined;
  return { id, began, info, live, hadTraffic };
}

/** A deployment of somebody else's that is in the way. */
export interface Waiting extends Pick<Deployment, "functionName" | "name"> {
  readonly id: string;
  /** Whether to stop it first. */
  readonly isToBeStopped: boolean;
}

/**
 * Waits until a deployment of somebody else's has ended, and all that it has started: the alias then refers to one version.
 *
 * @param limit Has as few functions as it says settle at once.
 */
export async function waitFor(
  stack: Stack,
  { name, functionName, id, isToBeStopped }: Waiting,
  limit: Limit,
): Promise<Live> {
  const stopping = new Stopping(stack, name, id);
  const info = await watch(stack, id, async () => {
    stack.signal?.throwIfAborted();
    if (isToBeStopped && !stopping.isAskedFor) {
      await stopping.ask();
    }
  });
  return limit(() => settle(stack, { name, functionName }, { ...info, deploymentId: id }));
}

/** Why CodeDeploy ended a deployment. */
export function reasonOf({ status, errorInformation: { code, message } = {} }: DeploymentInfo): string {
  const how = status === "Stopped" ? "was stopped" : "failed";
  return `${how}: ${[code, message].filter(Boolean).join(", ") || "CodeDeploy gave no reason"}`;
}
