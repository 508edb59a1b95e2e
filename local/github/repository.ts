import type { Webhook } from "./delivery.ts";
import type { PullRequest } from "./events.ts";
import { git } from "./git.ts";

/** A commit's status under one name. @see https://docs.github.com/en/rest/commits/statuses */
export interface CommitStatus {
  readonly sha: string;
  readonly state: "pending" | "success" | "failure";
  readonly context: string;
  readonly description: string;
  readonly target_url: string | null;
}

/** A repository, as the local GitHub knows it. */
export interface Repository {
  readonly fullName: string;
  readonly path: string;
  /** The default branch. */
  readonly branch: string;
  webhooks: readonly Webhook[];
  /** Every pull request, in order of number. */
  readonly pulls: PullRequest[];
  /** Latest first. */
  readonly statuses: CommitStatus[];
  /** How many there are. */
  comments: number;
}

/** What the name of a branch's ref begins with. */
export const heads = "refs/heads/";

/** Whether `other` is `commit` or comes after it. */
export async function isAncestor(path: string, commit: string, other: string): Promise<boolean> {
  return git(path, "merge-base", "--is-ancestor", commit, other).then(
    () => true,
    () => false,
  );
}

/** The commit of a branch or of an unambiguous beginning of a commit's name. */
export async function commitOf(path: string, ref: string): Promise<string | undefined> {
  for (const name of [heads + ref, ...(/^[0-9a-f]{7,40}$/.test(ref) ? [ref] : [])]) {
    const sha = await git(path, "rev-parse", "--verify", "--quiet", `${name}^{commit}`).catch(() => "");
    if (sha) {
      return sha;
    }
  }
  return undefined;
}
