/** One filter of a group, as `aws.codebuild.Webhook` takes it. `pattern` is a regular expression for every type but `EVENT`. */
export interface WebhookFilter {
  readonly type: "EVENT" | "HEAD_REF" | "BASE_REF";
  readonly pattern: string;
}

/** A group passes when all of its filters do; a webhook starts a build when any of its groups passes. */
export interface WebhookFilterGroup {
  readonly filters: WebhookFilter[];
}

/**
 * The filter groups of a webhook that builds every push to one branch, and nothing else.
 * CodeBuild's patterns match anywhere in the value, so the pattern is escaped and anchored at both ends.
 *
 * @throws {Error} when `branch` cannot be a branch's name.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/github-webhook.html
 */
export function pushTo(branch: string): WebhookFilterGroup[] {
  return [
    {
      filters: [
        { type: "EVENT", pattern: "PUSH" },
        { type: "HEAD_REF", pattern: refOf(branch) },
      ],
    },
  ];
}

/**
 * The filter groups of a webhook that builds a pull request into one branch when it is opened, gets commits or is opened again, and
 * nothing else; its own branch may have any name.
 *
 * @throws {Error} when `branch` cannot be a branch's name.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/github-webhook.html
 */
export function pullRequestsTo(branch: string): WebhookFilterGroup[] {
  return [
    {
      filters: [
        { type: "EVENT", pattern: "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED" },
        { type: "BASE_REF", pattern: refOf(branch) },
      ],
    },
  ];
}

/** Whether a group lets pull requests pass. */
export function buildsPullRequests({ filters }: WebhookFilterGroup): boolean {
  return filters.some(({ type, pattern }) => type === "EVENT" && pattern.includes("PULL_REQUEST_"));
}

/**
 * Why `branch` cannot be the name of a branch, or undefined when it can: git's rules (git-check-ref-format), without the
 * characters that have a meaning in a regular expression or a shell and occur in no sensible branch name.
 */
export function branchProblem(branch: string): string | undefined {
  const usable =
    /^[A-Za-z0-9_][A-Za-z0-9._/+-]*$/.test(branch) &&
    !/\.\.|\/\/|\/\.|\.lock(\/|$)|[./]$/.test(branch) &&
    !branch.startsWith("refs/") &&
    branch !== "HEAD";
  return usable
    ? undefined
    : 'it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)';
}

/** A regular expression that matches the ref of a branch and nothing else. */
function refOf(branch: string): string {
  const problem = branchProblem(branch);
  if (problem) {
    throw new Error(`the branch is ${JSON.stringify(branch)}: ${problem}`);
  }
  return `^${`refs/heads/${branch}`.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
}
