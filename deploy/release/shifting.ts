import { isGradual, strategyOf } from "../deployment/strategy.ts";
import { type Ended, runDeployment } from "../deployment.ts";
import { Overtaken } from "../failures.ts";
import { type LiveAlias, readAlias } from "../live.ts";
import { guard, removeGuard, renewGuard } from "./guard.ts";
import type { FunctionState, Work } from "./work.ts";

/**
 * Has CodeDeploy move `live` to a published version, under the guard of alarms where traffic moves bit by bit.
 *
 * @throws {Overtaken} when it is not wanted any more, or another deployment of the function is under way.
 */
export async function shift(work: Work, state: FunctionState, version: string): Promise<Ended> {
  const { commit, lambda, signal } = work;
  const { name } = state.candidate;
  const { functionName, version: before } = state.live;
  const strategy = await strategyOf(work, name);
  const isGuarded = isGradual(strategy);
  const alarms = isGuarded ? await guard(work, state.live, version) : [];
  const unguard = async (): Promise<void> => {
    if (isGuarded) {
      await removeGuard(work, functionName, version);
    }
  };
  // Without a record, as where CodeDeploy has lost it, nobody has said otherwise.
  const isWanted = ({ decision, isRecorded }: LiveAlias): boolean =>
    !isRecorded || (decision?.commit === commit && decision.outcome !== "rolled back");

  const now = await readAlias(lambda, functionName);
  if (now?.version !== before || !isWanted(now)) {
    await unguard();
    throw new Overtaken(`live is version ${now?.version}, latest commit ${now?.decision?.commit ?? "unknown"}`);
  }
  if (signal?.aborted) {
    await unguard();
    throw signal.reason;
  }
  const onStarted = isGuarded && { onStarted: () => renewGuard(work, functionName, version) };
  const move = { name, functionName, from: before, to: version, commit, strategy, alarms, ...onStarted };
  const ended = await runDeployment(work, move, isWanted, work.limit);
  await unguard();
  return ended;
}
