import { ReleaseError } from "../failures.ts";
import { type Live, record } from "../live.ts";
import type { FunctionState, ReleaseArgs } from "./work.ts";

/**
 * Records the commit as the latest, unless it is.
 *
 * @throws {Overtaken} when the alias was changed since it was read.
 */
export async function claim(
  { lambda, commit }: ReleaseArgs,
  { live, claim }: FunctionState,
  outcome: "changed" | "unchanged",
): Promise<void> {
  if (!isClaimed(live, commit, outcome)) {
    await record(lambda, live, { commit, outcome });
    claim.isMade = true;
  }
}

/** Whether the alias already records how it was decided on a commit. */
function isClaimed({ decision, version }: Live, commit: string, outcome: "changed" | "unchanged"): boolean {
  if (decision?.commit !== commit || decision.outcome === "rolled back") {
    return false;
  }
  if (outcome === "changed") {
    // A commit's second release, as of a changed configuration, has another version to go back to.
    return decision.outcome === "changed" && decision.version === version;
  }
  // Recorded before it was known that nothing has to be released: whoever puts another version live has to know.
  return decision.outcome === "unchanged" || decision.version !== version;
}

/** @throws {ReleaseError} when the commit was rolled back, unless the release is forced. */
export function checkNotRolledBack(
  { commit, force }: ReleaseArgs,
  { candidate, live: { decision } }: FunctionState,
): void {
  if (decision?.commit === commit && decision.outcome === "rolled back" && !force) {
    throw new ReleaseError(
      `commit ${commit} of functions/${candidate.name} was rolled back: push a fix, or release it all the same with "npm run release -- --force"`,
    );
  }
}
