import { execFileSync, spawnSync } from "node:child_process";
import { ReleaseError } from "../failures.ts";

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

const gitMs = 60_000;

/**
 * Compares commits by a clone's history. What the clone does not know, because it was pushed later or the clone is shallow, is fetched.
 *
 * @param root The clone.
 * @param force Whether to take a commit for unknown when the remote cannot be asked.
 * @throws {ReleaseError} by the function returned, when the remote cannot be asked: the other commit may be newer.
 */
export function historyOf(root: string, force = false): (commit: string, other: string) => Relation {
  const env = { ...process.env, GIT_TERMINAL_PROMPT: "0" };
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8", env, timeout: gitMs });
  const succeeds = (...args: string[]): boolean => git(...args).status === 0;
  const isAncestor = (older: string, newer: string): boolean => succeeds("merge-base", "--is-ancestor", older, newer);
  const order = (commit: string, other: string): Relation | undefined =>
    isAncestor(other, commit) ? "ancestor" : isAncestor(commit, other) ? "descendant" : undefined;
  const isOnABranch = (commit: string): boolean =>
    git("branch", "--remotes", "--contains", commit).stdout.trim() !== "";
  const fetch = () => {
    const isShallow = git("rev-parse", "--is-shallow-repository").stdout.trim() === "true";
    return git("fetch", "--quiet", "--prune", ...(isShallow ? ["--unshallow"] : []), "origin");
  };
  return (commit, other) => {
    const known = order(commit, other);
    if (known) {
      return known;
    }
    const { status, stderr, error } = fetch();
    const found = order(commit, other);
    if (found) {
      return found;
    }
    if (status !== 0) {
      if (force) {
        return "unknown";
      }
      throw new ReleaseError(
        `${other}, the latest so far, may be newer than ${commit}, and the remote cannot be asked: ${error?.message ?? stderr.trim().split("\n")[0]}. ` +
          'Start the build again, or release it all the same with "npm run release -- --force"',
      );
    }
    const [own, others] = [isOnABranch(commit), isOnABranch(other)];
    return own === others ? "unknown" : own ? "abandoned" : "rewritten";
  };
}
