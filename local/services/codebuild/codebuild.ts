import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { account, arn } from "../../aws/account.ts";
import { isForThisMachine } from "../../aws/httpServer.ts";
import type { GitHub } from "../../github/github.ts";
import type { CommitStatus } from "../../github/repository.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { type Build, runBuild } from "./build.ts";
import type { Project } from "./project.ts";
import { Webhook } from "./webhook.ts";
import type { FilterGroup, PullRequestBuildPolicy } from "./webhookEvent.ts";

/** What CodeBuild works with. */
export interface CodeBuildArgs {
  /** Where builds have their folders. */
  readonly directory: string;
  /** The address of the local cloud's AWS endpoint, known once it listens. */
  readonly url: () => string;
  readonly github: GitHub;
  readonly logs: CloudWatchLogs;
}

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

  /** Undefined when there is no such project. */
  project(name: string): Project | undefined {
    return this.#projects.get(name);
  }

  deleteProject(name: string): void {
    this.#projects.delete(name);
  }

  /** Creates a project's webhook and adds it to the repository as CodeBuild does at GitHub, or changes it; returns where it listens. */
  putWebhook(projectName: string, filterGroups: readonly FilterGroup[], policy?: PullRequestBuildPolicy): string {
    const url = this.#urlOf(projectName);
    const webhook = this.#webhooks.get(projectName);
    if (webhook) {
      webhook.change(filterGroups, policy);
      return url;
    }
    const repository = this.#find(projectName).source.location;
    const added = new Webhook(
      {
        repository,
        github: this.#args.github,
        project: () => this.#find(projectName),
        start: (project, sourceVersion, variables, commit) =>
          this.#start(project, sourceVersion, "GitHub-Hookshot", variables, commit),
        report: (...args) => this.#report(...args),
      },
      filterGroups,
      policy,
    );
    this.#webhooks.set(projectName, added);
    this.#args.github.addWebhook(repository, url, added.secret);
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
    return this.#start(this.#find(projectName), sourceVersion, initiator, {});
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

  /** Receives a delivery of GitHub's for the webhook of a project. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const webhook = this.#webhooks.get(searchParams.get("project") ?? "");
    const [status, message] =
      webhook && request.method === "POST" && isForThisMachine(request)
        ? await webhook.receive(request)
        : [404, "there is no such webhook"];
    response.writeHead(status).end(message);
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

  #find(name: string): Project {
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
    variables: Readonly<Record<string, string>>,
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
