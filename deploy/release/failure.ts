import { type Ended, reasonOf } from "../deployment.ts";
import { messageOf, Overtaken, ReleaseError, TrafficReturned } from "../failures.ts";
import { errorLines } from "./errorLog.ts";
import type { FunctionState, ReleaseArgs } from "./work.ts";

/** What to throw of a deployment that has not put its version live, by what the alias records and whether the version had traffic. */
export async function failureOf(
  args: ReleaseArgs,
  state: FunctionState,
  version: string,
  { id, began, info, live, hadTraffic }: Ended,
): Promise<ReleaseError> {
  const { commit, signal } = args;
  const reason = `deployment ${id} to version ${version} ${reasonOf(info)}`;
  const decision = live.isRecorded ? live.decision : undefined;
  if (decision && decision.commit !== commit) {
    return new Overtaken(reason);
  }
  const Failure = hadTraffic ? TrafficReturned : ReleaseError;
  if (decision?.outcome === "rolled back") {
    return new Failure(`commit ${commit} was rolled back during its deployment`);
  }
  if (signal?.aborted) {
    return new Failure(`${messageOf(signal.reason)}; ${reason}`);
  }
  if (live.version !== state.live.version) {
    return new Overtaken(reason);
  }
  if (!hadTraffic) {
    return new ReleaseError(reason);
  }
  const lines = await errorLines(args, live, version, began);
  return new TrafficReturned([reason, ...lines.map((line) => `  version ${version} logged: ${line}`)].join("\n"));
}
