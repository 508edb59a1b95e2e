import { randomBytes, randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as schemas from "@aws-sdk/client-codebuild";
import { verify } from "@octokit/webhooks-methods";
import { account, arn } from "../../aws/account.ts";
import { AwsError, type AwsService, operation } from "../../aws/awsEndpoint.ts";
import { isForThisMachine, readBody } from "../../aws/httpServer.ts";
import type { CommitStatus, GitHub } from "../../github/github.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { type Build, runBuild } from "./build.ts";
import {
  approvalOf,
  type FilterGroup,
  mayApprove,
  type PullRequestBuildPolicy,
  passes,
  readEvent,
  type WebhookEvent,
} from "./webhookEvent.ts";

/** What CodeBuild needs of a project, by the provider's names. */
export interface Project {
  readonly name: string;
  /** The branch that is built where nothing else is asked for. */
  readonly sourceVersion: string;
  /** `location` is the repository's HTTPS URL, `buildspec` a path in it; a commit status has the name `context`. */
  readonly source: {
    readonly location: string;
    readonly buildspec: string;
    /** Whether GitHub is told of the builds that the webhook starts. */
    readonly reportBuildStatus?: boolean | undefined;
    readonly buildStatusConfig?: { readonly context: string } | undefined;
  };
  readonly environment: {
    readonly image: string;
    readonly environmentVariables: readonly { readonly name: string; readonly value: string }[];
  };
  readonly logsConfig: { readonly cloudwatchLogs: { readonly groupName: string } };
  /** Minutes; left out on Lambda compute, whose builds end after 15. */
  readonly buildTimeout?: number | undefined;
}

/** What CodeBuild works with. */
export interface CodeBuildArgs {
  /** Where builds have their folders. */
  readonly directory: string;
  /** The address of the local cloud's AWS endpoint, known once it listens. */
  readonly url: () => string;
  readonly github: GitHub;
  readonly logs: CloudWatchLogs;
}

/** GitHub's largest payload, in bytes. */
const maxPayloadBytes = 25 * 1024 * 1024;

/**
 * CodeBuild: projects, their webhooks and their builds. Emits `build` with the build whenever one begins, enters or leaves a phase, or ends.
 */
export class CodeBuild extends EventEmitter<{ build: [Build] }> {
  /** Every build, oldest first. */
  readonly builds: Build[] = [];
  readonly #args: CodeBuildArgs;
  readonly #projects = new Map<string, Project>();
  readonly #webhooks = new Map<string, Webhook>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(args: CodeBuildArgs) {
    super();
    this.#args = args;
  }

  /** Creates a project, or changes it. */
  putProject(project: Project): void {
    // CodeBuild reads the repository when a project is created, so an unknown one is an error now.
    this.#args.github.pathOf(project.source.location);
    this.#projects.set(project.name, project);
  }

  deleteProject(name: string): void {
    this.#projects.delete(name);
  }

  /** Creates a project's webhook and adds it to the repository as CodeBuild does at GitHub, or changes it; returns where it listens. */
  putWebhook(projectName: string, filterGroups: readonly FilterGroup[], policy?: PullRequestBuildPolicy): string {
    const url = this.#urlOf(projectName);
    const webhook = this.#webhooks.get(projectName);
    if (webhook) {
      Object.assign(webhook, { filterGroups, policy });
      return url;
    }
    const repository = this.#project(projectName).source.location;
    const secret = randomBytes(32).toString("hex");
    const empty = { deliveries: new Set<string>(), waiting: new Map<number, WebhookEvent>() };
    this.#webhooks.set(projectName, { secret, filterGroups, policy, repository, ...empty });
    this.#args.github.addWebhook(repository, url, secret);
    return url;
  }

  deleteWebhook(projectName: string): void {
    const webhook = this.#webhooks.get(projectName);
    if (webhook) {
      this.#webhooks.delete(projectName);
      this.#args.github.removeWebhook(webhook.repository, this.#urlOf(projectName));
    }
  }

  /** The secret that a project's webhook verifies signatures with. */
  secretOf(projectName: string): string | undefined {
    return this.#webhooks.get(projectName)?.secret;
  }

  /**
   * Starts a build of a branch or a commit.
   * @param initiator Who asks for it, e.g. `rule/<name>`.
   */
  startBuild(projectName: string, sourceVersion: string, initiator: string): Build {
    return this.#start(this.#project(projectName), sourceVersion, initiator, {});
  }

  /** What the AWS endpoint serves of CodeBuild. */
  get service(): AwsService {
    return {
      signingName: "codebuild",
      schemas,
      operations: {
        StartBuild: operation<{ projectName: string; sourceVersion?: string }>(
          ["projectName", "sourceVersion"],
          ({ projectName, sourceVersion }) => {
            const project = this.#projects.get(projectName);
            if (!project) {
              throw new AwsError("ResourceNotFoundException", `Project cannot be found: ${projectName}`);
            }
            const { id, number, startTime, status } = this.startBuild(
              projectName,
              sourceVersion ?? project.sourceVersion,
              "local",
            );
            return { build: { id, projectName, buildNumber: number, startTime, buildStatus: status } };
          },
        ),
      },
    };
  }

  /** Waits for a build's end. */
  async ended(build: Build): Promise<Build> {
    while (build.status === "IN_PROGRESS") {
      await once(this, "build");
    }
    return build;
  }

  /** Stops the builds that run. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** Receives a delivery of GitHub's. @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, message] = await this.#receive(request);
    response.writeHead(status).end(message);
  }

  async #receive(request: IncomingMessage): Promise<[status: number, message: string]> {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const projectName = searchParams.get("project") ?? "";
    const webhook = this.#webhooks.get(projectName);
    if (!webhook || request.method !== "POST" || !isForThisMachine(request)) {
      return [404, "there is no such webhook"];
    }
    const body = (await readBody(request, maxPayloadBytes)).toString();
    const signature = String(request.headers["x-hub-signature-256"] ?? "");
    if (signature === "" || !(await verify(webhook.secret, body, signature))) {
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
    if (webhook.deliveries.has(String(delivery))) {
      return [200, `the delivery ${delivery} was received before`];
    }
    webhook.deliveries.add(String(delivery));
    const project = this.#project(projectName);
    return [
      200,
      "event" in payload ? this.#decide(project, webhook, payload) : this.#approve(project, webhook, payload),
    ];
  }

  /** Starts a build for an event that passes a filter group, unless it has to wait for an approval. */
  #decide(project: Project, webhook: Webhook, event: WebhookEvent): string {
    if (!webhook.filterGroups.some(({ filters }) => filters.every((filter) => passes(event, filter)))) {
      return `no build: ${event.pullRequest ? event.trigger : event.headRef} passes no filter group of ${project.name}`;
    }
    const { pullRequest } = event;
    if (pullRequest?.isFork && webhook.policy && !mayApprove(webhook.policy, this.#roleOf(pullRequest.author))) {
      webhook.waiting.set(pullRequest.number, event);
      this.#report(project, event.commit, "failure", "Pull request approval required for starting a build");
      return `no build of ${project.name}: it needs the comment /codebuild_run(${event.commit}) of somebody who may push`;
    }
    return this.#startFor(project, event);
  }

  /** Starts the build that waits for this comment: it names the latest commit, and its author may approve. */
  #approve(project: Project, webhook: Webhook, comment: { number: number; body: string; author: string }): string {
    const event = webhook.waiting.get(comment.number);
    const commit = approvalOf(comment.body);
    if (!event || !webhook.policy || commit === undefined) {
      return `no build of ${project.name}: the comment approves nothing that waits`;
    }
    if (!mayApprove(webhook.policy, this.#roleOf(comment.author))) {
      return `no build of ${project.name}: ${comment.author} may not approve`;
    }
    if (commit !== event.commit) {
      return `no build of ${project.name}: ${commit} is not the latest commit, ${event.commit}`;
    }
    webhook.waiting.delete(comment.number);
    return this.#startFor(project, event);
  }

  /** A GitHub role by CodeBuild's name for it. */
  #roleOf(login: string): string {
    return `GITHUB_${this.#args.github.roleOf(login).toUpperCase()}`;
  }

  /** Starts a build, whose status a webhook's build always reports. */
  #startFor(project: Project, event: WebhookEvent): string {
    const build = this.#start(
      project,
      event.pullRequest ? event.trigger : event.commit,
      "GitHub-Hookshot",
      {
        CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID: event.actorId,
        CODEBUILD_WEBHOOK_EVENT: event.event,
        CODEBUILD_WEBHOOK_HEAD_REF: event.headRef,
        CODEBUILD_WEBHOOK_TRIGGER: event.trigger,
        ...(event.baseRef !== undefined && { CODEBUILD_WEBHOOK_BASE_REF: event.baseRef }),
        ...(event.previousCommit !== undefined && { CODEBUILD_WEBHOOK_PREV_COMMIT: event.previousCommit }),
      },
      event.commit,
    );
    return `build ${build.number} of ${project.name} started`;
  }

  /** Sets a commit's status, under the words that CodeBuild has for it. */
  #report(project: Project, sha: string, state: CommitStatus["state"], description: string, logFile?: string): void {
    if (!project.source.reportBuildStatus) {
      return;
    }
    this.#args.github.setStatus(project.source.location, {
      sha,
      state,
      context: project.source.buildStatusConfig?.context ?? `AWS CodeBuild ${account.region} (${project.name})`,
      description,
      target_url: logFile === undefined ? null : pathToFileURL(logFile).href,
    });
  }

  #urlOf(projectName: string): string {
    return `${this.#args.url()}/webhooks?project=${encodeURIComponent(projectName)}`;
  }

  #project(name: string): Project {
    const project = this.#projects.get(name);
    if (!project) {
      throw new Error(`CodeBuild has no project ${name}`);
    }
    return project;
  }

  /** @param commit The commit that gets the build's status, and of a pull request the one that is built. */
  #start(
    project: Project,
    sourceVersion: string,
    initiator: string,
    variables: Record<string, string>,
    commit?: string,
  ): Build {
    const uuid = randomUUID();
    const { groupName } = project.logsConfig.cloudwatchLogs;
    const build: Build = {
      id: `${project.name}:${uuid}`,
      number: this.builds.filter((other) => other.project === project.name).length + 1,
      project: project.name,
      sourceVersion,
      status: "IN_PROGRESS",
      phases: [],
      tests: [],
      startTime: new Date(),
      logFile: this.#args.logs.fileOf(groupName, uuid),
    };
    this.builds.push(build);
    const report = (state: CommitStatus["state"], what: string): void => {
      if (commit !== undefined) {
        this.#report(project, commit, state, `Build ${what} for project ${project.name}`, build.logFile);
      }
    };
    report("pending", "started");
    const running = runBuild(build, {
      commit,
      directory: join(this.#args.directory, uuid),
      repository: this.#args.github.pathOf(project.source.location),
      buildspec: project.source.buildspec,
      timeoutMinutes: project.buildTimeout ?? 15,
      variables: Object.fromEntries(project.environment.environmentVariables.map(({ name, value }) => [name, value])),
      environment: {
        ...this.#variablesOf(build, project),
        CODEBUILD_INITIATOR: initiator,
        ...variables,
      },
      log: this.#args.logs.open(groupName, uuid),
      signal: this.#stop.signal,
      onChange: () => {
        if (build.endTime) {
          const succeeded = build.status === "SUCCEEDED";
          report(succeeded ? "success" : "failure", succeeded ? "succeeded" : "failed");
        }
        this.emit("build", build);
      },
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return build;
  }

  /** What every build has. @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html */
  #variablesOf(build: Build, project: Project): Record<string, string> {
    return {
      AWS_DEFAULT_REGION: account.region,
      AWS_REGION: account.region,
      // The local cloud in place of AWS, and credentials that are good for nothing else and tell whose calls they sign.
      AWS_ENDPOINT_URL: this.#args.url(),
      AWS_ACCESS_KEY_ID: project.name,
      AWS_SECRET_ACCESS_KEY: "local",
      CODEBUILD_BUILD_ARN: arn("codebuild", `build/${build.id}`),
      CODEBUILD_BUILD_ID: build.id,
      CODEBUILD_BUILD_IMAGE: project.environment.image,
      CODEBUILD_BUILD_NUMBER: String(build.number),
      CODEBUILD_PROJECT_ARN: arn("codebuild", `project/${project.name}`),
      CODEBUILD_SOURCE_REPO_URL: project.source.location,
      CODEBUILD_SOURCE_VERSION: build.sourceVersion,
      CODEBUILD_START_TIME: String(build.startTime.getTime()),
    };
  }
}

interface Webhook {
  readonly secret: string;
  filterGroups: readonly FilterGroup[];
  policy: PullRequestBuildPolicy | undefined;
  /** The URL of the repository that it was added to, which the project may no longer be of. */
  readonly repository: string;
  /** The ids of the deliveries received, so that one sent again builds nothing. */
  readonly deliveries: Set<string>;
  /** The latest events of pull requests that wait for an approval, by number. */
  readonly waiting: Map<number, WebhookEvent>;
}
