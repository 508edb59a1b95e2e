import type { FunctionState, ReleaseArgs } from "./work.ts";

/** The commit that goes before the one being released. */
export interface Superseding {
  readonly by: string;
  /** Why it does, for the user, after a colon or a comma; empty where it is the newer one. */
  readonly why: string;
}

/** The commit that goes before the one being released; undefined where none was decided on. */
export function supersededBy(
  { commit, compare }: ReleaseArgs,
  { live: { decision, isRecorded }, claim }: FunctionState,
): Superseding | undefined {
  if (!decision || decision.commit === commit) {
    return undefined;
  }
  const { commit: by } = decision;
  switch (compare(by)) {
    case "descendant":
      return { by, why: "" };
    case "rewritten":
      return { by, why: ": this commit is on no branch of the remote" };
    case "unknown":
      // Of two that know no order between them, the later one wins: each would else begin again because of the other.
      return claim.isMade && isRecorded ? { by, why: ", which was recorded after this commit" } : undefined;
    case "abandoned":
    case "ancestor":
      return undefined;
  }
}

/** Tells of a commit that is released over although it is not known to be older. */
export function tellUnordered(
  { commit, compare, log }: ReleaseArgs,
  { candidate, live: { decision } }: FunctionState,
): void {
  if (decision && decision.commit !== commit && compare(decision.commit) !== "ancestor") {
    log(
      `${candidate.name}: ${decision.commit}, the latest so far, is not in this commit's history (rewritten, or another branch); releasing over it`,
    );
  }
}
