import type { Active } from "../deployment/active.ts";
import { takeAway } from "../deployment/settling.ts";
import { waitFor } from "../deployment.ts";
import { Overtaken } from "../failures.ts";
import type { Live } from "../live.ts";
import { removeStrayGuards } from "./guard.ts";
import { checkNotRolledBack, claim } from "./recording.ts";
import type { FunctionState, Work } from "./work.ts";

/**
 * Has a deployment that is under way end: stops it when it is of an older commit, and waits for any other. Returns what is live then.
 *
 * @throws {ReleaseError} when the commit being released was rolled back.
 * @throws {Overtaken} when the alias was changed since it was read.
 */
export async function endDeployment(work: Work, state: FunctionState, active: Active): Promise<Live> {
  const { commit, compare, log, limit } = work;
  const { name } = state.candidate;
  // Recorded first: whoever waits for that deployment sees why it was stopped.
  checkNotRolledBack(work, state);
  await claim(work, state, "changed");
  const isOlder = active.commit !== undefined && active.commit !== commit && compare(active.commit) === "ancestor";
  log(
    `${name}: deployment ${active.id} of ${active.commit ?? "another version"} is under way; ${isOlder ? "it is superseded" : "waiting for its end"}`,
  );
  const waiting = { name, functionName: state.live.functionName, id: active.id, isToBeStopped: isOlder };
  return waitFor(work, waiting, limit);
}

/**
 * Clears what an ended deployment has left: weights and alarms.
 *
 * @throws {Overtaken} when there were weights: the alias is not any more what it was.
 */
export async function clearLeftovers(work: Work, { candidate, live }: FunctionState): Promise<void> {
  if (Object.keys(live.weights).length > 0) {
    await takeAway(work, candidate.name, live);
    throw new Overtaken("a deployment had left the alias with two versions");
  }
  await removeStrayGuards(work, live.functionName);
}
