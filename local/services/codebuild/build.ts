import { execFile, spawn } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { git } from "../../github/git.ts";
import { quoted } from "../../github/shell.ts";
import { type Buildspec, type CommandPhase, commandPhases, parseBuildspec } from "./buildspec.ts";
import { parseJUnit, type TestCase } from "./testReport.ts";

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
  const run = new BuildRun(build, args, signal);
  signal.addEventListener("abort", run.killCommands);
  let status: BuildStatus = "FAILED";
  try {
    status = (await run.phases()) ? "SUCCEEDED" : "FAILED";
  } finally {
    run.killCommands();
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
  readonly #signal: AbortSignal;
  readonly #source: string;
  /** The file with the variables and the folder that one command leaves to the next. */
  readonly #state: string;
  readonly #pids = new Set<number>();
  #shell = "/bin/sh";
  #succeeding = true;

  constructor(build: Build, args: BuildArgs, signal: AbortSignal) {
    this.#build = build;
    this.#args = args;
    this.#signal = signal;
    this.#source = join(args.directory, "src");
    this.#state = join(args.directory, "state.sh");
  }

  /** Ends the commands and whatever they have left running: npm, mocha, servers. */
  readonly killCommands = (): void => {
    for (const pid of this.#pids) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // The group has ended by itself.
      }
    }
    this.#pids.clear();
  };

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
    await this.#phase("UPLOAD_ARTIFACTS", () => this.#readReports(buildspec.reports ?? {}));
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
    this.#shell = buildspec.env?.shell ?? this.#shell;
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
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    await writeFile(this.#state, `${lines.join("")}cd ${quoted(this.#source)}\n`);
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
      const status = await this.#command(command);
      if (status !== "exit status 0") {
        return `Error while executing command: ${command.trim()}. Reason: ${status}`;
      }
    }
    return undefined;
  }

  /**
   * Runs a command in a shell of its own. Variables and the folder are kept for the next, as CodeBuild's one shell keeps them since
   * version 0.2; functions and traps are not.
   */
  async #command(command: string): Promise<string> {
    this.#log(`Running command ${command.trimEnd()}`);
    const script = join(this.#args.directory, "command.sh");
    const state = quoted(this.#state);
    await writeFile(
      script,
      `set -a
. ${state}
export CODEBUILD_BUILD_SUCCEEDING=${this.#succeeding ? 1 : 0}
leave() { status=$?; export PWD; { export -p; echo 'cd "$PWD"'; } > ${state}; exit $status; }
trap leave EXIT
${command}
`,
    );
    if (this.#signal.aborted) {
      return "the build was stopped";
    }
    return new Promise((resolve) => {
      const stdio = ["ignore", this.#args.log, this.#args.log] as const;
      const child = spawn(this.#shell, [script], {
        cwd: this.#args.directory,
        env: {},
        detached: true,
        stdio: [...stdio],
      });
      if (child.pid !== undefined) {
        this.#pids.add(child.pid);
      }
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(code === null ? `signal ${signal}` : `exit status ${code}`));
    });
  }

  async #readReports(groups: NonNullable<Buildspec["reports"]>): Promise<true> {
    const tests: TestCase[] = [];
    for (const [group, { files, "base-directory": base }] of Object.entries(groups)) {
      const cwd = join(this.#source, base);
      const before = tests.length;
      for await (const file of glob(files, { cwd })) {
        tests.push(...parseJUnit(await readFile(join(cwd, file), "utf8")));
      }
      const count = tests.length - before;
      if (count > maxCases) {
        // What CodeBuild does beyond its quota it does not say: here, no case is dropped unseen.
        throw new Error(`the report ${group} has ${count} test cases, and a report holds ${maxCases}: split it`);
      }
    }
    this.#build.tests = tests;
    return true;
  }

  #log(text: string): void {
    writeSync(this.#args.log, `[Container] ${new Date().toISOString()} ${text}\n`);
  }
}

/** How many test cases a report holds. @see https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html */
const maxCases = 500;

/** A build's Node.js is the one that runs the local cloud. */
function checkRuntime(wanted: string | undefined): void {
  const [major] = process.versions.node.split(".");
  if (wanted !== undefined && wanted !== major) {
    throw new Error(`runtime-versions asks for nodejs ${wanted}; the local cloud runs on, and has, nodejs ${major}`);
  }
}

/**
 * What a build takes from this machine: a PATH that begins with the local cloud's Node.js, npm's cache and registry, and the way to the
 * network. Nothing else gets in, AWS credentials least of all.
 */
function machineVariables(): Record<string, string> {
  const kept = /^(npm_config_(cache|userconfig|registry)|(https?|no)_proxy|node_extra_ca_certs|ssl_cert_(file|dir))$/i;
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return {
    LANG: "en_US.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    npm_config_cache: join(homedir(), ".npm"),
    npm_config_userconfig: join(homedir(), ".npmrc"),
    ...Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        kept.test(name) && value !== undefined ? [[name, value]] : [],
      ),
    ),
    PATH: [dirname(process.execPath), ...path].join(delimiter),
  };
}
