import { randomBytes, randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import * as schemas from "@aws-sdk/client-codebuild";
import { verify } from "@octokit/webhooks-methods";
import { z } from "zod";
import { account, arn } from "../account.ts";
import { AwsError, type AwsService, operation } from "../awsEndpoint.ts";
import type { CloudWatchLogs } from "../cloudwatchLogs.ts";
import type { GitHub } from "../github.ts";
import { isForThisMachine, readBody } from "../httpServer.ts";
import { type Build, runBuild } from "./build.ts";

/** What CodeBuild needs of a project, by the provider's names. */
export interface Project {
  readonly name: string;
  /** The branch that is built where nothing else is asked for. */
  readonly sourceVersion: string;
  /** `location` is the repository's HTTPS URL, `buildspec` a path in it. */
  readonly source: { readonly location: string; readonly buildspec: string };
  readonly environment: {
    readonly image: string;
    readonly environmentVariables: readonly { readonly name: string; readonly value: string }[];
  };
  readonly logsConfig: { readonly cloudwatchLogs: { readonly groupName: string } };
  /** Minutes; left out on Lambda compute, whose builds end after 15. */
  readonly buildTimeout?: number | undefined;
}

/** Filters that must all pass; every `pattern` but an `EVENT`'s is a regular expression. */
export interface FilterGroup {
  readonly filters: readonly { readonly type: "EVENT" | "HEAD_REF"; readonly pattern: string }[];
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

/** The part of a push event that decides about a build. */
const pushSchema = z.looseObject({
  ref: z.string(),
  before: z.string(),
  after: z.string().regex(/^[0-9a-f]{40}$/),
  deleted: z.boolean(),
  sender: z.looseObject({ id: z.number() }),
});

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
  putWebhook(projectName: string, filterGroups: readonly FilterGroup[]): string {
    const url = this.#urlOf(projectName);
    const webhook = this.#webhooks.get(projectName);
    if (webhook) {
      webhook.filterGroups = filterGroups;
      return url;
    }
    const { source } = this.#project(projectName);
    const secret = randomBytes(32).toString("hex");
    this.#webhooks.set(projectName, { secret, filterGroups, repository: source.location, deliveries: new Set() });
    this.#args.github.addWebhook(source.location, url, secret);
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
    if (event !== "push") {
      return [200, `the event ${event} starts no build`];
    }
    const push = pushSchema.safeParse(jsonOf(body));
    if (!push.success) {
      return [400, `the payload is not a push event: ${z.prettifyError(push.error)}`];
    }
    if (webhook.deliveries.has(String(delivery))) {
      return [200, `the delivery ${delivery} was received before`];
    }
    webhook.deliveries.add(String(delivery));
    return [200, this.#decide(this.#project(projectName), webhook, push.data)];
  }

  #decide(project: Project, { filterGroups }: Webhook, push: z.infer<typeof pushSchema>): string {
    // CodeBuild finds a pattern anywhere in the value unless it is anchored.
    const passes = ({ type, pattern }: FilterGroup["filters"][number]): boolean =>
      type === "EVENT" ? pattern.split(/,\s*/).includes("PUSH") : new RegExp(pattern).test(push.ref);
    if (push.deleted || !filterGroups.some(({ filters }) => filters.every(passes))) {
      return `no build: ${push.ref} passes no filter group of ${project.name}`;
    }
    const build = this.#start(project, push.after, "GitHub-Hookshot", {
      CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID: String(push.sender.id),
      CODEBUILD_WEBHOOK_EVENT: "PUSH",
      CODEBUILD_WEBHOOK_HEAD_REF: push.ref,
      CODEBUILD_WEBHOOK_PREV_COMMIT: push.before,
      CODEBUILD_WEBHOOK_TRIGGER: push.ref.replace("refs/heads/", "branch/").replace("refs/tags/", "tag/"),
    });
    return `build ${build.number} of ${project.name} started`;
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

  #start(project: Project, sourceVersion: string, initiator: string, variables: Record<string, string>): Build {
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
    const running = runBuild(build, {
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
      onChange: () => this.emit("build", build),
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return build;
  }

  /** What every build has. @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html */
  #variablesOf(build: Build, project: Project): Record<string, string> {
    return {
      AWS_DEFAULT_REGION: account.region,
      AWS_REGION: account.region,
      // The local cloud in place of AWS, and credentials that are good for nothing else.
      AWS_ENDPOINT_URL: this.#args.url(),
      AWS_ACCESS_KEY_ID: "local",
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
  /** The URL of the repository that it was added to, which the project may no longer be of. */
  readonly repository: string;
  /** The ids of the deliveries received, so that one sent again builds nothing. */
  readonly deliveries: Set<string>;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
