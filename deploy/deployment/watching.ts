import type { DeploymentInfo } from "@aws-sdk/client-codedeploy";
import { isNamed } from "../failures.ts";
import { pause } from "../pause.ts";
import type { Stack } from "../stack.ts";
import { isActive } from "./active.ts";

const longestPollMs = 15_000;
/** How often in a row a deployment may not be readable before it is no longer watched; the SDK has tried each time more than once. */
const maxUnreadable = 5;

/**
 * Looks at a deployment again and again until it has ended, and returns what it is then.
 *
 * @param look Called with what it is each time, as long as it is under way; what that throws is taken as if the deployment were not readable.
 * @throws what the fifth look in a row has failed for; at once where access is denied, or for the signal's own reason.
 */
export async function watch(
  { codedeploy, signal }: Stack,
  deploymentId: string,
  look: (info: DeploymentInfo) => Promise<void> = async () => {},
): Promise<DeploymentInfo> {
  let unreadable = 0;
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 1.5, longestPollMs)) {
    try {
      const { deploymentInfo: info = {} } = await codedeploy.getDeployment({ deploymentId });
      if (!isActive(info)) {
        return info;
      }
      await look(info);
      unreadable = 0;
    } catch (error) {
      unreadable += 1;
      const isFinal = error === signal?.reason || isNamed(error, "AccessDeniedException");
      if (isFinal || unreadable === maxUnreadable) {
        throw error;
      }
    }
    // Not all functions' looks at the same time. An aborted signal ends no further pause: the deployment has to be waited for all the same.
    await pause(waitMs * (0.75 + Math.random() / 2), signal?.aborted ? undefined : signal);
  }
}
