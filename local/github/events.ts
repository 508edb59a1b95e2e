import { git } from "./git.ts";

/** Somebody with an account at the local GitHub. */
export interface User {
  readonly login: string;
  readonly id: number;
  /** What the user may do in the repositories here. @see https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization */
  readonly role: "admin" | "read";
}

/** Whose token may write, and somebody who has forked the repository. */
export const users = {
  owner: { login: "owner", id: 1, role: "admin" },
  contributor: { login: "contributor", id: 2, role: "read" },
} as const satisfies Record<string, User>;

/** A pull request, from its opening. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly user: User;
  /** The branch with the proposed commits, in the repository `fullName`: this one or a fork of it. */
  readonly head: { readonly branch: string; readonly fullName: string };
  /** The commit at the head of that branch. */
  sha: string;
  /** The branch to merge into, and its commit at the last event. */
  readonly base: { readonly branch: string; readonly fullName: string };
  baseSha: string;
  state: "open" | "closed";
  merged: boolean;
}

/** What happened to a pull request. */
export type PullRequestAction = "opened" | "synchronize" | "reopened" | "closed";

/** A ref that a push has moved. */
export interface RefUpdate {
  readonly before: string;
  readonly after: string;
  readonly ref: string;
}

/** The commit of a ref that does not exist. */
export const noCommit = "0".repeat(40);

/** A `push` event, as far as a receiver here reads it. @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#push */
export async function pushEvent(path: string, fullName: string, { before, after, ref }: RefUpdate): Promise<object> {
  const deleted = after === noCommit;
  const head = deleted ? undefined : await git(path, "log", "--max-count=1", "--format=%H%x1f%cI%x1f%cn%x1f%B", after);
  const [id, timestamp, committer = "unknown", message] = head?.split("\x1f") ?? [];
  return {
    ref,
    before,
    after,
    created: before === noCommit,
    deleted,
    head_commit:
      head === undefined ? null : { id, timestamp, message: message?.trimEnd(), committer: { name: committer } },
    repository: repositoryOf(fullName),
    pusher: { name: committer },
    sender: { login: committer, id: 1, type: "User" },
  };
}

/** A `pull_request` event, likewise. @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
export function pullRequestEvent(action: PullRequestAction, pull: PullRequest, sender: User): object {
  return {
    action,
    number: pull.number,
    pull_request: pullRequestOf(pull),
    repository: repositoryOf(pull.base.fullName),
    sender: userOf(sender),
  };
}

/** An `issue_comment` event on a pull request, likewise. @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment */
export function commentEvent(pull: PullRequest, comment: object, sender: User): object {
  return {
    action: "created",
    issue: {
      number: pull.number,
      title: pull.title,
      state: pull.state,
      user: userOf(pull.user),
      pull_request: { html_url: urlOf(pull) },
    },
    comment,
    repository: repositoryOf(pull.base.fullName),
    sender: userOf(sender),
  };
}

/** A pull request, as GitHub's API answers. @see https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request */
export function pullRequestOf(pull: PullRequest): object {
  const { number, title, state, merged, user, head, base } = pull;
  return {
    number,
    title,
    state,
    merged,
    html_url: urlOf(pull),
    user: userOf(user),
    head: { ref: head.branch, sha: pull.sha, repo: repositoryOf(head.fullName) },
    base: { ref: base.branch, sha: pull.baseSha, repo: repositoryOf(base.fullName) },
  };
}

/** A comment, as GitHub's API answers. @see https://docs.github.com/en/rest/issues/comments#create-an-issue-comment */
export function commentOf(id: number, body: string, author: User): object {
  const association = author.role === "admin" ? "OWNER" : "NONE";
  return { id, body, user: userOf(author), author_association: association, created_at: new Date().toISOString() };
}

function repositoryOf(fullName: string): object {
  return { full_name: fullName, clone_url: `https://github.com/${fullName}.git` };
}

function userOf({ login, id }: User): object {
  return { login, id, type: "User" };
}

function urlOf({ base, number }: PullRequest): string {
  return `https://github.com/${base.fullName}/pull/${number}`;
}
