import { execFileSync, spawnSync } from "node:child_process";
import { ReleaseError } from "./failures.ts";

/**
 * What another commit is to the one being released, by the history of the remote: `ancestor`, it is older; `descendant`, it is newer;
 * `rewritten`, it is on a branch that the one being released was taken off, as by a forced push; `unknown`, neither is known to be newer.
 */
export type Relation = "ancestor" | "descendant" | "rewritten" | "unknown";

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
 * Compares commits by a clone's history. What the clone does not know, because it was pushed later or the clone is shallow, is fetched once.
 *
 * @param root The clone.
 */
export function historyOf(root: string): (commit: string, other: string) => Relation {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const succeeds = (...args: string[]): boolean => git(...args).status === 0;
  const isKnown = (commit: string): boolean => succeeds("cat-file", "-e", `${commit}^{commit}`);
  const isAncestor = (older: string, newer: string): boolean => succeeds("merge-base", "--is-ancestor", older, newer);
  const isOnABranch = (commit: string): boolean =>
    git("branch", "--remotes", "--contains", commit).stdout.trim() !== "";
  const fetch = (): void => {
    const isShallow = git("rev-parse", "--is-shallow-repository").stdout.trim() === "true";
    git("fetch", "--quiet", "--prune", ...(isShallow ? ["--unshallow"] : []), "origin");
  };
  return (commit, other) => {
    if (isKnown(other) && isAncestor(other, commit)) {
      return "ancestor";
    }
    if (!(isKnown(other) && isAncestor(commit, other))) {
      fetch();
    }
    if (!isKnown(other)) {
      return "unknown";
    }
    if (isAncestor(commit, other)) {
      return "descendant";
    }
    if (isAncestor(other, commit)) {
      return "ancestor";
    }
    return isOnABranch(other) && !isOnABranch(commit) ? "rewritten" : "unknown";
  };
}
