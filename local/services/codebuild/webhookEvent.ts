import { z } from "zod";

/** Filters that must all pass; every `pattern` but an `EVENT`'s is a regular expression. */
export interface FilterGroup {
  readonly filters: readonly {
    readonly type: "EVENT" | "HEAD_REF" | "BASE_REF";
    readonly pattern: string;
  }[];
}

/** Who may have a pull request from a fork built: by a comment, or by opening it. */
export interface PullRequestBuildPolicy {
  readonly requiresCommentApproval: "FORK_PULL_REQUESTS";
  readonly approverRoles: readonly string[];
}

/** What a webhook's filters decide about, by CodeBuild's names. */
export interface WebhookEvent {
  readonly event: string;
  /** `branch/<name>`, `tag/<name>` or `pr/<number>`. */
  readonly trigger: string;
  readonly headRef: string;
  readonly baseRef?: string;
  readonly commit: string;
  readonly previousCommit?: string;
  readonly actorId: string;
  readonly pullRequest?: { readonly number: number; readonly author: string; readonly isFork: boolean };
}

/** A comment on a pull request. */
export interface Comment {
  readonly number: number;
  readonly body: string;
  readonly author: string;
}

const commit = z.string().regex(/^[0-9a-f]{40}$/);
const user = z.looseObject({ id: z.number(), login: z.string() });
const pushSchema = z.looseObject({
  ref: z.string(),
  before: z.string(),
  after: commit,
  deleted: z.boolean(),
  sender: z.looseObject({ id: z.number() }),
});
const side = z.looseObject({ ref: z.string(), sha: commit, repo: z.looseObject({ full_name: z.string() }) });
const pullRequestSchema = z.looseObject({
  action: z.string(),
  number: z.number(),
  pull_request: z.looseObject({ merged: z.boolean(), user, head: side, base: side }),
  sender: user,
});
const commentSchema = z.looseObject({
  action: z.string(),
  issue: z.looseObject({ number: z.number(), pull_request: z.looseObject({}).optional() }),
  comment: z.looseObject({ body: z.string(), user }),
});

/** @see https://docs.aws.amazon.com/codebuild/latest/userguide/github-webhook.html */
const events: Readonly<Record<string, string>> = {
  opened: "PULL_REQUEST_CREATED",
  reopened: "PULL_REQUEST_REOPENED",
  synchronize: "PULL_REQUEST_UPDATED",
};

/** Reads a payload of GitHub's; one that is not what its name says is told by a message. */
export function readEvent(
  name: "push" | "pull_request" | "issue_comment",
  body: string,
): WebhookEvent | Comment | string {
  const read = { push: readPush, pull_request: readPullRequest, issue_comment: readComment }[name];
  try {
    return read(JSON.parse(body));
  } catch (error) {
    return `the payload is not a ${name} event: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`;
  }
}

function readPush(payload: unknown): WebhookEvent {
  const push = pushSchema.parse(payload);
  return {
    // There is nothing to build of a ref that is gone.
    event: push.deleted ? "" : "PUSH",
    trigger: push.ref.replace("refs/heads/", "branch/").replace("refs/tags/", "tag/"),
    headRef: push.ref,
    commit: push.after,
    previousCommit: push.before,
    actorId: String(push.sender.id),
  };
}

function readPullRequest(payload: unknown): WebhookEvent {
  const { action, number, pull_request: pull, sender } = pullRequestSchema.parse(payload);
  const closed = pull.merged ? "PULL_REQUEST_MERGED" : "PULL_REQUEST_CLOSED";
  return {
    event: action === "closed" ? closed : (events[action] ?? ""),
    trigger: `pr/${number}`,
    headRef: `refs/heads/${pull.head.ref}`,
    baseRef: `refs/heads/${pull.base.ref}`,
    commit: pull.head.sha,
    actorId: String(sender.id),
    pullRequest: {
      number,
      author: pull.user.login,
      isFork: pull.head.repo.full_name !== pull.base.repo.full_name,
    },
  };
}

function readComment(payload: unknown): Comment {
  const { action, issue, comment } = commentSchema.parse(payload);
  // An edited comment is no new approval, and one on an issue none at all.
  const counts = action === "created" && issue.pull_request !== undefined;
  return { number: issue.number, body: counts ? comment.body : "", author: comment.user.login };
}

/** Whether a filter lets an event pass. CodeBuild finds a pattern anywhere in the value unless it is anchored. */
export function passes(event: WebhookEvent, { type, pattern }: FilterGroup["filters"][number]): boolean {
  switch (type) {
    case "EVENT":
      return pattern.split(/,\s*/).includes(event.event);
    case "HEAD_REF":
      return new RegExp(pattern).test(event.headRef);
    case "BASE_REF":
      return event.baseRef !== undefined && new RegExp(pattern).test(event.baseRef);
  }
}

/**
 * The commit that a comment approves the build of.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/pull-request-build-policy.html
 */
export function approvalOf(comment: string): string | undefined {
  return /^\s*\/codebuild_run\(([0-9a-f]{40})\)\s*$/.exec(comment)?.[1];
}

/** Whether somebody with a role (`GITHUB_WRITE`) may approve builds, and needs no approval. */
export function mayApprove({ approverRoles }: PullRequestBuildPolicy, role: string): boolean {
  return approverRoles.includes(role);
}
