import { allAtOnce } from "../deployment/strategy.ts";
import { reasonOf, runDeployment } from "../deployment.ts";
import { Overtaken, TrafficReturned } from "../failures.ts";
import type { Decision, Live } from "../live.ts";
import type { Released } from "./verdict.ts";
import type { FunctionState, ReleaseArgs, Work } from "./work.ts";

/**
 * The decision by which a version that has just gone live has to go again: its commit was rolled back meanwhile, or a later commit was found
 * to be what was live before. Neither has a deployment of its own. Undefined where there is none.
 */
export function decidedMeanwhile(
  { commit }: ReleaseArgs,
  { live: before }: FunctionState,
  { decision, isRecorded }: Live,
): Decision | undefined {
  if (!decision || !isRecorded) {
    return undefined;
  }
  const { outcome, version } = decision;
  const isAgainst =
    decision.commit === commit ? outcome === "rolled back" : outcome === "unchanged" && version === before.version;
  return isAgainst ? decision : undefined;
}

/**
 * Puts back what was live before a version went live, all at once.
 *
 * @param against The decision by which it has to be.
 * @throws {Overtaken} when it was not put back.
 * @throws {TrafficReturned} when it was, because the commit was rolled back.
 */
export async function takeBack(
  work: Work,
  { candidate: { name }, live: before }: FunctionState,
  version: string,
  against: Decision,
): Promise<Released> {
  const { commit, log } = work;
  const isRolledBack = against.commit === commit;
  const why = isRolledBack ? "rolled back" : `superseded by ${against.commit}`;
  log(`${name}: ${why} during its deployment, putting version ${before.version} back`);
  const { functionName } = before;
  const back = { name, functionName, from: version, to: before.version, strategy: allAtOnce, alarms: [] };
  const { info, live } = await runDeployment(work, back, () => true, work.limit);
  if (live.version !== before.version) {
    throw new Overtaken(`version ${before.version} was not put back: ${reasonOf(info)}`);
  }
  if (isRolledBack) {
    throw new TrafficReturned(`commit ${commit} was rolled back during its deployment`);
  }
  return { name, outcome: "superseded", version: before.version, by: against.commit };
}
