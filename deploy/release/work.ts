import { atMost, type Limit } from "../atMost.ts";
import type { Live } from "../live.ts";
import { functionsAtOnce, type Stack } from "../stack.ts";
import type { Candidate } from "./candidates.ts";
import type { Relation } from "./history.ts";

/** What a release works with. */
export interface ReleaseArgs extends Stack {
  /** The commit being released: the description of each version it publishes. */
  readonly commit: string;
  readonly candidates: readonly Candidate[];
  /** What another commit is to the one being released. */
  readonly compare: (other: string) => Relation;
  /** Whether to release a commit also when it was rolled back. @default false */
  readonly force?: boolean;
}

/** What the functions of one release share. */
export interface Work extends ReleaseArgs {
  /** Has at most four functions read, published, settled or pruned at once. */
  readonly limit: Limit;
  /** Tells, once, that the role may not delete versions. */
  readonly tellDenied: (why: string) => void;
}

/** A candidate beside the alias of its function, as that was read. */
export interface FunctionState {
  readonly candidate: Candidate;
  readonly live: Live;
  /** Whether this release has recorded its commit: another that is recorded then has come after it. */
  readonly claim: { isMade: boolean };
}

/** What the functions of a release share as it begins. */
export function workOf(args: ReleaseArgs): Work {
  let isTold = false;
  return {
    ...args,
    limit: atMost(functionsAtOnce),
    tellDenied(why) {
      if (!isTold) {
        isTold = true;
        args.log(`the role of this release may not delete versions, so all are kept: ${why}`);
      }
    },
  };
}
