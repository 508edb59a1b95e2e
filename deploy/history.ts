import { execFileSync, spawnSync } from "node:child_process";
import { ReleaseError } from "./failures.ts";

/**
 * What another commit is to the one being released, by the history of the remote: `ancestor`, it is older; `descendant`, it is newer;
 * `rewritten`, it is on a branch, and the one being released was taken off, as by a forced push; `abandoned`, the other way round;
 * `unknown`, neither is known to be newer.
 */
export type Relation = "abandoned" | "ancestor" | "descendant" | "rewritten" | "unknown";

/**
 * The commit of the build, or of a working tree without uncommitted changes.
 *
 * @param root The checkout.
 * @throws {ReleaseError} when the working tree has changes.
 */
export function commitOf(root: string): string {
  const resolved = process.env.CODEBUILD_RESOLVED_SOURCE_VERSION;
  if (resolved) {
    return resolved;
  }
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain");
  if (changes !== "") {
    throw new ReleaseError(`a release is of a commit, and the working tree has changes: commit them first\n${changes}`);
  }
  return git("rev-parse", "HEAD");
}

/**
 * Compares commits by a clone's history. What the clone does not know, because it was pushed later or the clone is shallow, is fetched.
 *
 * @param root The clone.
 */
export function historyOf(root: string): (commit: string, other: string) => Relation {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const succeeds = (...args: string[]): boolean => git(...args).status === 0;
  const isAncestor = (older: string, newer: string): boolean => succeeds("merge-base", "--is-ancestor", older, newer);
  const order = (commit: string, other: string): Relation | undefined =>
    isAncestor(other, commit) ? "ancestor" : isAncestor(commit, other) ? "descendant" : undefined;
  const isOnABranch = (commit: string): boolean =>
    git("branch", "--remotes", "--contains", commit).stdout.trim() !== "";
  const fetch = (): boolean => {
    const isShallow = git("rev-parse", "--is-shallow-repository").stdout.trim() === "true";
    return succeeds("fetch", "--quiet", "--prune", ...(isShallow ? ["--unshallow"] : []), "origin");
  };
  return (commit, other) => {
    const known = order(commit, other);
    if (known) {
      return known;
    }
    const isFetched = fetch();
    const found = order(commit, other);
    if (found || !isFetched) {
      return found ?? "unknown";
    }
    const [own, others] = [isOnABranch(commit), isOnABranch(other)];
    return own === others ? "unknown" : own ? "abandoned" : "rewritten";
  };
}
