import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { verify } from "@octokit/webhooks-methods";
import { readBody } from "../../aws/httpServer.ts";
import type { GitHub } from "../../github/github.ts";
import type { CommitStatus } from "../../github/repository.ts";
import type { Build } from "./build.ts";
import type { Project } from "./project.ts";
import {
  approvalOf,
  type Comment,
  type FilterGroup,
  mayApprove,
  type PullRequestBuildPolicy,
  passes,
  readEvent,
  type WebhookEvent,
} from "./webhookEvent.ts";

/** GitHub's largest payload, in bytes. */
const maxPayloadBytes = 25 * 1024 * 1024;

/** What a webhook works with. */
export interface WebhookArgs {
  /** The URL of the repository that it is added to, which the project may no longer be of. */
  readonly repository: string;
  readonly github: GitHub;
  /** The project as it is now. */
  readonly project: () => Project;
  /** Starts a build: of what, with which variables, and the commit that gets its status. */
  readonly start: (
    project: Project,
    sourceVersion: string,
    variables: Readonly<Record<string, string>>,
    commit: string,
  ) => Build;
  /** Sets a commit's status. */
  readonly report: (project: Project, sha: string, state: CommitStatus["state"], description: string) => void;
}

/**
 * A project's webhook: it verifies what GitHub delivers, and starts a build for an event that passes a filter group. One of a fork's pull
 * request may have to wait for an approval.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/github-webhook.html
 */
export class Webhook {
  /** What GitHub signs its deliveries with. */
  readonly secret = randomBytes(32).toString("hex");
  readonly repository: string;
  readonly #args: WebhookArgs;
  /** The ids of the deliveries received, so that one sent again builds nothing. */
  readonly #deliveries = new Set<string>();
  /** The latest events of pull requests that wait for an approval, by number. */
  readonly #waiting = new Map<number, WebhookEvent>();
  #filterGroups: readonly FilterGroup[];
  #policy: PullRequestBuildPolicy | undefined;

  constructor(args: WebhookArgs, filterGroups: readonly FilterGroup[], policy: PullRequestBuildPolicy | undefined) {
    this.#args = args;
    this.repository = args.repository;
    this.#filterGroups = filterGroups;
    this.#policy = policy;
  }

  change(filterGroups: readonly FilterGroup[], policy: PullRequestBuildPolicy | undefined): void {
    this.#filterGroups = filterGroups;
    this.#policy = policy;
  }

  /** Receives a delivery, and says how it is answered. @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
  async receive(request: IncomingMessage): Promise<[status: number, message: string]> {
    const body = (await readBody(request, maxPayloadBytes)).toString();
    const signature = String(request.headers["x-hub-signature-256"] ?? "");
    if (signature === "" || !(await verify(this.secret, body, signature))) {
      return [401, "the signature is missing or not right"];
    }
    const { "x-github-event": event, "x-github-delivery": delivery } = request.headers;
    if (!event || !delivery) {
      return [400, "X-GitHub-Event and X-GitHub-Delivery are required"];
    }
    if (event !== "push" && event !== "pull_request" && event !== "issue_comment") {
      return [200, `the event ${event} starts no build`];
    }
    const payload = readEvent(event, body);
    if (typeof payload === "string") {
      return [400, payload];
    }
    if (this.#deliveries.has(String(delivery))) {
      return [200, `the delivery ${delivery} was received before`];
    }
    this.#deliveries.add(String(delivery));
    const project = this.#args.project();
    return [200, "event" in payload ? this.#decide(project, payload) : this.#approve(project, payload)];
  }

  /** Starts a build for an event that passes a filter group, unless it has to wait for an approval. */
  #decide(project: Project, event: WebhookEvent): string {
    if (!this.#filterGroups.some(({ filters }) => filters.every((filter) => passes(event, filter)))) {
      return `no build: ${event.pullRequest ? event.trigger : event.headRef} passes no filter group of ${project.name}`;
    }
    const { pullRequest } = event;
    if (pullRequest?.isFork && this.#policy && !mayApprove(this.#policy, this.#roleOf(pullRequest.author))) {
      this.#waiting.set(pullRequest.number, event);
      this.#args.report(project, event.commit, "failure", "Pull request approval required for starting a build");
      return `no build of ${project.name}: it needs the comment /codebuild_run(${event.commit}) of somebody who may push`;
    }
    return this.#start(project, event);
  }

  /** Starts the build that waits for this comment: it names the latest commit, and its author may approve. */
  #approve(project: Project, comment: Comment): string {
    const event = this.#waiting.get(comment.number);
    const commit = approvalOf(comment.body);
    if (!event || !this.#policy || commit === undefined) {
      return `no build of ${project.name}: the comment approves nothing that waits`;
    }
    if (!mayApprove(this.#policy, this.#roleOf(comment.author))) {
      return `no build of ${project.name}: ${comment.author} may not approve`;
    }
    if (commit !== event.commit) {
      return `no build of ${project.name}: ${commit} is not the latest commit, ${event.commit}`;
    }
    this.#waiting.delete(comment.number);
    return this.#start(project, event);
  }

  /** A GitHub role by CodeBuild's name for it. */
  #roleOf(login: string): string {
    return `GITHUB_${this.#args.github.roleOf(login).toUpperCase()}`;
  }

  /** Starts a build, whose status a webhook's build always reports. */
  #start(project: Project, event: WebhookEvent): string {
    const variables = {
      CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID: event.actorId,
      CODEBUILD_WEBHOOK_EVENT: event.event,
      CODEBUILD_WEBHOOK_HEAD_REF: event.headRef,
      CODEBUILD_WEBHOOK_TRIGGER: event.trigger,
      ...(event.baseRef !== undefined && { CODEBUILD_WEBHOOK_BASE_REF: event.baseRef }),
      ...(event.previousCommit !== undefined && { CODEBUILD_WEBHOOK_PREV_COMMIT: event.previousCommit }),
    };
    const sourceVersion = event.pullRequest ? event.trigger : event.commit;
    const build = this.#args.start(project, sourceVersion, variables, event.commit);
    return `build ${build.number} of ${project.name} started`;
  }
}
