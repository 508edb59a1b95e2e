import { deliverAll } from "./delivery.ts";
import {
  noCommit,
  type PullRequest,
  type PullRequestAction,
  pullRequestEvent,
  type RefUpdate,
  type User,
  users,
} from "./events.ts";
import { git } from "./git.ts";
import { heads, isAncestor, type Repository } from "./repository.ts";

/**
 * Opens, updates, merges or closes the pull requests that a push of a branch is about, and says so in the lines that the pusher reads.
 *
 * @param isFork Whether it went to the fork.
 * @param opens Whether it asks for a pull request.
 */
export async function updatePulls(
  repository: Repository,
  { ref, after }: RefUpdate,
  isFork: boolean,
  opens: boolean,
): Promise<string[]> {
  const { path, branch: base, pulls } = repository;
  if (!ref.startsWith(heads)) {
    return [];
  }
  const branch = ref.slice(heads.length);
  const user = isFork ? users.contributor : users.owner;
  const fullName = isFork ? repository.fullName.replace(/^[^/]+/, user.login) : repository.fullName;
  const open = pulls.filter(({ state }) => state === "open");
  if (branch === base && !isFork) {
    const merged = opens ? [`no pull request: ${base} is what pull requests are merged into`] : [];
    for (const pull of open) {
      if (await isAncestor(path, pull.sha, after)) {
        Object.assign(pull, { state: "closed", merged: true });
        merged.push(...(await deliverPullRequest(repository, "closed", pull, user)));
      }
    }
    return merged;
  }
  const pull = open.find(({ head }) => head.branch === branch && head.fullName === fullName);
  if (after === noCommit) {
    return pull ? close(repository, pull, user) : [];
  }
  if (pull) {
    await moveHead(repository, pull, after);
    return deliverPullRequest(repository, "synchronize", pull, user);
  }
  if (!opens) {
    return isFork ? [`no pull request of ${fullName}'s ${branch} is open: add -o pr to open one`] : [];
  }
  const baseSha = await git(path, "rev-parse", "--verify", "--quiet", heads + base).catch(() => noCommit);
  if (baseSha === noCommit || (await isAncestor(path, after, baseSha))) {
    return [`no pull request: there is no commit in ${branch} that ${base} does not have`];
  }
  const opened: PullRequest = {
    number: pulls.length + 1,
    title: await git(path, "log", "--max-count=1", "--format=%s", after),
    user,
    head: { branch, fullName },
    sha: after,
    base: { branch: base, fullName: repository.fullName },
    baseSha,
    state: "open",
    merged: false,
  };
  pulls.push(opened);
  await moveHead(repository, opened, after);
  return deliverPullRequest(repository, "opened", opened, user);
}

/** GitHub keeps the head of each pull request, from a fork or not, as a ref of the repository. */
async function moveHead({ path, branch }: Repository, pull: PullRequest, sha: string): Promise<void> {
  await git(path, "update-ref", `refs/pull/${pull.number}/head`, sha);
  pull.sha = sha;
  pull.baseSha = await git(path, "rev-parse", heads + branch);
}

function close(repository: Repository, pull: PullRequest, user: User): Promise<string[]> {
  pull.state = "closed";
  return deliverPullRequest(repository, "closed", pull, user);
}

/** Delivers what happened to a pull request, and says how it was answered. */
export async function deliverPullRequest(
  repository: Repository,
  action: PullRequestAction,
  pull: PullRequest,
  user: User,
): Promise<string[]> {
  const lines = await deliverAll(repository.webhooks, "pull_request", pullRequestEvent(action, pull, user));
  const what = pull.merged ? "merged" : action === "synchronize" ? "updated" : action;
  return lines.map((line) => `pull request ${pull.number} ${what}: ${line}`);
}
