import type { DeploymentInfo } from "@aws-sdk/client-codedeploy";
import { Overtaken, ReleaseError } from "../failures.ts";
import { clearWeights, type Live, type LiveAlias, liveAlias, percent, readLive } from "../live.ts";
import { pause } from "../pause.ts";
import type { Stack } from "../stack.ts";
import { findActive } from "./active.ts";
import type { Deployment } from "./starting.ts";
import { watch } from "./watching.ts";

/** How long a rollback may take to show up, in ms: AWS does not document whether a stopped deployment has it at once. */
const rollbackWaitMs = 10_000;

/**
 * What `live` is once everything that an ended deployment has started has ended, too: a rollback is a deployment of its own. Takes away
 * weights that none is left to move.
 *
 * @param moved The function, and the version to which the deployment was to move `live`, where that is known.
 * @throws {ReleaseError} when the function or its alias is not there any more.
 */
export async function settle(
  stack: Stack,
  { name, functionName, to }: Pick<Deployment, "name" | "functionName"> & { readonly to?: string },
  info: DeploymentInfo,
): Promise<Live> {
  const { codedeploy } = stack;
  const { deploymentId } = info;
  let { rollbackInfo } = info;
  for (const began = Date.now(); ; await pause(500)) {
    if (rollbackInfo?.rollbackDeploymentId) {
      await watch(stack, rollbackInfo.rollbackDeploymentId);
    }
    const live = await readLive(stack.lambda, functionName);
    if (!live) {
      throw new ReleaseError(`${functionName} or its alias ${liveAlias} does not exist any more, or may not be read`);
    }
    const isWeighted = Object.keys(live.weights).length > 0;
    const isExpected = info.status !== "Succeeded" && (isWeighted || live.version === to);
    if (!rollbackInfo?.rollbackDeploymentId && isExpected && Date.now() - began < rollbackWaitMs) {
      rollbackInfo = (await codedeploy.getDeployment({ deploymentId })).deploymentInfo?.rollbackInfo;
      continue;
    }
    if (!isWeighted) {
      return live;
    }
    const active = await findActive(stack, name);
    if (active) {
      await watch(stack, active.id);
    } else {
      await takeAway(stack, name, live);
    }
  }
}

/** Takes away the weights of an alias that no deployment is left to move. */
export async function takeAway({ lambda, log }: Stack, name: string, live: LiveAlias): Promise<void> {
  try {
    await clearWeights(lambda, live);
    const left = Object.entries(live.weights).map(([version, weight]) => `${percent(weight)} for version ${version}`);
    log(`${name}: took away what a deployment had left: ${left.join(", ")}`);
  } catch (error) {
    if (!(error instanceof Overtaken)) {
      throw error;
    }
  }
}
