import { execFile } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { git } from "../../github/git.ts";
import { checkRuntime, machineVariables } from "./buildMachine.ts";
import { BuildShell } from "./buildShell.ts";
import { type Buildspec, type CommandPhase, commandPhases, parseBuildspec } from "./buildspec.ts";
import { readReports, type TestCase } from "./testReport.ts";

/** How a build or a phase stands. */
export type BuildStatus = "IN_PROGRESS" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED";

/** A phase of a build that began. */
export interface BuildPhase {
  readonly type: "DOWNLOAD_SOURCE" | Uppercase<CommandPhase> | "UPLOAD_ARTIFACTS";
  status: BuildStatus;
  /** Why it failed. */
  message?: string;
}

/** A build, from its start. */
export interface Build {
  readonly id: string;
  readonly number: number;
  readonly project: string;
  /** The commit, the branch or the pull request (`pr/<number>`) to build. */
  readonly sourceVersion: string;
  /** The commit, once the source is there. */
  resolvedSourceVersion?: string;
  status: BuildStatus;
  readonly phases: BuildPhase[];
  /** The test cases of the build's reports. */
  tests: readonly TestCase[];
  readonly startTime: Date;
  endTime?: Date;
  /** The file with the build's log. */
  readonly logFile: string;
}

/** What a build needs from its project and its trigger. */
export interface BuildArgs {
  /** A folder of the build's own, which is removed at its end. */
  readonly directory: string;
  /** The repository to clone. */
  readonly repository: string;
  /** The commit of the pull request that its event told of, so that no other is built. */
  readonly commit?: string | undefined;
  /** The buildspec's path in the repository. */
  readonly buildspec: string;
  readonly timeoutMinutes: number;
  /** The project's variables, which go before the buildspec's. */
  readonly variables: Readonly<Record<string, string>>;
  /** What CodeBuild and this machine add, which goes before all. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file descriptor that takes the build's log, and is closed at its end. */
  readonly log: number;
  /** Ends the build when it is aborted. */
  readonly signal: AbortSignal;
  /** Called when a phase begins and ends, and when the build ends. */
  readonly onChange: () => void;
}

/**
 * Runs a build in a fresh clone with CodeBuild's rules: a failed install or pre_build skips what follows, post_build runs whenever build
 * ran, all commands share their variables and their folder, and reports are read at the end in any case.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html
 */
export async function runBuild(build: Build, args: BuildArgs): Promise<void> {
  const timeout = AbortSignal.timeout(args.timeoutMinutes * 60_000);
  const signal = AbortSignal.any([args.signal, timeout]);
  const shell = new BuildShell(args.directory, args.log, signal);
  let status: BuildStatus = "FAILED";
  try {
    status = (await new BuildRun(build, args, shell).phases()) ? "SUCCEEDED" : "FAILED";
  } finally {
    shell.kill();
    closeSync(args.log);
    await removeDirectory(args.directory);
    build.status = timeout.aborted ? "TIMED_OUT" : args.signal.aborted ? "STOPPED" : status;
    build.endTime = new Date();
    args.onChange();
  }
}

/** A folder without its owner's permissions, as a build may leave it, cannot be removed as it is. */
async function removeDirectory(directory: string): Promise<void> {
  await promisify(execFile)("chmod", ["-R", "u+rwX", directory]).catch(() => {});
  await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
    console.error(`a build's folder could not be removed: ${error}`);
  });
}

class BuildRun {
  readonly #build: Build;
  readonly #args: BuildArgs;
  readonly #source: string;
  readonly #shell: BuildShell;
  #succeeding = true;

  constructor(build: Build, args: BuildArgs, shell: BuildShell) {
    this.#build = build;
    this.#args = args;
    this.#source = join(args.directory, "src");
    this.#shell = shell;
  }

  async phases(): Promise<boolean> {
    const buildspec = await this.#phase("DOWNLOAD_SOURCE", () => this.#downloadSource());
    if (!buildspec) {
      return false;
    }
    for (const name of commandPhases) {
      const phase = buildspec.phases[name];
      if (!phase) {
        continue;
      }
      const type = name.toUpperCase() as Uppercase<CommandPhase>;
      const succeeded = await this.#phase(type, async () => {
        if (name === "install") {
          checkRuntime(buildspec.phases.install?.["runtime-versions"]?.nodejs);
        }
        const failure = await this.#commands(phase.commands ?? []);
        const failureAtLast = await this.#commands(phase.finally ?? []);
        const message = failure ?? failureAtLast;
        if (message !== undefined) {
          throw new Error(`COMMAND_EXECUTION_ERROR: ${message}`);
        }
        return true;
      });
      if (!succeeded && (name === "install" || name === "pre_build" || phase["on-failure"] === "ABORT")) {
        break;
      }
    }
    await this.#phase("UPLOAD_ARTIFACTS", async () => {
      this.#build.tests = await readReports(buildspec.reports ?? {}, this.#source);
    });
    return this.#succeeding;
  }

  /** Runs a phase; undefined when it failed. */
  async #phase<T>(type: BuildPhase["type"], work: () => Promise<T>): Promise<T | undefined> {
    const phase: BuildPhase = { type, status: "IN_PROGRESS" };
    this.#build.phases.push(phase);
    this.#args.onChange();
    this.#log(`Entering phase ${type}`);
    try {
      const result = await work();
      phase.status = "SUCCEEDED";
      return result;
    } catch (error) {
      this.#succeeding = false;
      phase.status = "FAILED";
      phase.message = error instanceof Error ? error.message : String(error);
      return undefined;
    } finally {
      this.#log(`Phase complete: ${type} State: ${phase.status}${phase.message ? `\n${phase.message}` : ""}`);
      this.#args.onChange();
    }
  }

  async #downloadSource(): Promise<Buildspec> {
    const { directory, repository, buildspec: file } = this.#args;
    const [home, temporary] = [join(directory, "home"), join(directory, "tmp")];
    await Promise.all([home, temporary].map((folder) => mkdir(folder, { recursive: true })));
    await git(directory, "clone", "--quiet", "--no-checkout", repository, this.#source);
    await git(this.#source, "checkout", "--quiet", "--detach", await this.#fetchSource(this.#build.sourceVersion));
    const commit = await git(this.#source, "rev-parse", "HEAD");
    this.#build.resolvedSourceVersion = commit;
    const text = await readFile(join(this.#source, file), "utf8").catch(() => {
      throw new Error(`YAML_FILE_ERROR: the repository has no ${file}`);
    });
    const buildspec = parseBuildspec(text, file);
    const variables = {
      ...machineVariables(),
      HOME: home,
      TMPDIR: temporary,
      ...buildspec.env?.variables,
      ...this.#args.variables,
      ...this.#args.environment,
      CODEBUILD_RESOLVED_SOURCE_VERSION: commit,
      CODEBUILD_SRC_DIR: this.#source,
    };
    await this.#shell.open(this.#source, variables, buildspec.env?.shell);
    return buildspec;
  }

  /** What to check out, once it is there: a pull request's commits are in no branch of the repository when they come from a fork. */
  async #fetchSource(sourceVersion: string): Promise<string> {
    const [, pullRequest] = /^pr\/(\d+)$/.exec(sourceVersion) ?? [];
    if (pullRequest) {
      await git(this.#source, "fetch", "--quiet", "origin", `refs/pull/${pullRequest}/head`);
      return this.#args.commit ?? "FETCH_HEAD";
    }
    return /^[0-9a-f]{40}$/.test(sourceVersion) ? sourceVersion : `origin/${sourceVersion}`;
  }

  /** Runs commands up to the first that fails, and says how it failed. */
  async #commands(commands: readonly string[]): Promise<string | undefined> {
    for (const command of commands) {
      this.#log(`Running command ${command.trimEnd()}`);
      const status = await this.#shell.run(command, this.#succeeding);
      if (status !== "exit status 0") {
        return `Error while executing command: ${command.trim()}. Reason: ${status}`;
      }
    }
    return undefined;
  }

  #log(text: string): void {
    writeSync(this.#args.log, `[Container] ${new Date().toISOString()} ${text}\n`);
  }
}
