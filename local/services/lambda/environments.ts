import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { account } from "../../aws/account.ts";
import type { Configuration } from "./functionConfiguration.ts";
import type { Invocation, Reply } from "./runtime.ts";

/** The result of an invocation: `error` is Lambda's word for how it failed, where it did. */
export interface InvocationResult {
  /** JSON. */
  readonly payload: string;
  readonly error?: "Unhandled";
}

/** Where a version runs. */
export interface Place {
  /** The unpacked zip. */
  readonly taskRoot: string;
  /** The address of the local AWS endpoint. */
  readonly url: string;
}

/** Takes a line that the function, or Lambda itself, writes to a log stream. */
type Log = (stream: string, line: string) => void;

/** AWS would start as many as there are requests, up to the account's limit; on one machine further requests wait their turn. */
const maxEnvironments = 16;
const idleMs = 30_000;

/**
 * The execution environments of one version: each a process of its own that handles one invocation at a time, so that a crash, an endless
 * loop or `process.exit` ends that environment and nothing else. An environment that has been idle for a while is ended.
 */
export class Environments {
  readonly #start: () => Environment;
  readonly #log: Log;
  readonly #all = new Set<Environment>();
  readonly #idle = new Set<Environment>();
  readonly #waiting: (() => void)[] = [];

  constructor(configuration: Configuration, place: Place, log: Log) {
    this.#start = () => new Environment(configuration, place, log);
    this.#log = log;
  }

  async invoke(event: string, functionArn: string): Promise<InvocationResult> {
    while (this.#all.size >= maxEnvironments && this.#idle.size === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const environment = this.#take();
    const requestId = randomUUID();
    const started = Date.now();
    const result = await environment.invoke({ requestId, event, functionArn });
    const record = { requestId, status: result.error ? "error" : "success", durationMs: Date.now() - started };
    this.#log(environment.stream, JSON.stringify({ type: "platform.report", record }));
    if (environment.isUsable) {
      environment.endAfter(idleMs);
      this.#idle.add(environment);
    }
    this.#waiting.shift()?.();
    return result;
  }

  /** Ends every environment. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((environment) => environment.end()));
  }

  #take(): Environment {
    const [idle] = this.#idle;
    if (idle) {
      this.#idle.delete(idle);
      return idle;
    }
    const environment = this.#start();
    this.#all.add(environment);
    void environment.exited.then(() => {
      this.#all.delete(environment);
      this.#idle.delete(environment);
      this.#waiting.shift()?.();
    });
    return environment;
  }
}

class Environment {
  readonly stream: string;
  /** How the process ended. */
  readonly exited: Promise<string>;
  readonly #timeoutSeconds: number;
  /** With its temporary folder, and no configuration of anybody's. */
  readonly #home: string;
  readonly #process: ChildProcess;
  readonly #ready: Promise<unknown>;
  #idle: NodeJS.Timeout | undefined;
  /** Ends the invocation that is under way. */
  #settle: ((outcome: Outcome) => void) | undefined;

  constructor(configuration: Configuration, { taskRoot, url }: Place, log: Log) {
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
    this.stream = `${day}/[${configuration.Version}]${randomUUID().replaceAll("-", "")}`;
    this.#timeoutSeconds = configuration.Timeout;
    this.#home = mkdtempSync(join(tmpdir(), "lambda-"));
    this.#process = fork(join(import.meta.dirname, "runtime.ts"), [], {
      cwd: taskRoot,
      // V8's heap only: an environment on AWS is also ended for memory outside of it.
      execArgv: [`--max-old-space-size=${configuration.MemorySize}`],
      // The function's own, and what Lambda sets: nothing of this machine's environment reaches a function.
      env: {
        ...configuration.Environment?.Variables,
        ...ofLocalCloud(url, this.#home),
        _HANDLER: configuration.Handler,
        AWS_DEFAULT_REGION: account.region,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.MemorySize),
        AWS_LAMBDA_FUNCTION_NAME: configuration.FunctionName,
        AWS_LAMBDA_FUNCTION_VERSION: configuration.Version,
        AWS_LAMBDA_LOG_GROUP_NAME: configuration.LoggingConfig.LogGroup,
        AWS_LAMBDA_LOG_STREAM_NAME: this.stream,
        AWS_REGION: account.region,
        LAMBDA_TASK_ROOT: taskRoot,
        LANG: "en_US.UTF-8",
        PATH: "/usr/local/bin:/usr/bin:/bin",
        TZ: ":UTC",
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (output) {
        createInterface({ input: output }).on("line", (line) => log(this.stream, line));
      }
    }
    this.exited = new Promise((resolve) => {
      this.#process.once("error", ({ message }) => resolve(message));
      this.#process.once("exit", (code, signal) =>
        resolve(code === null ? `signal: ${signal}` : `exit status ${code}`),
      );
    });
    this.#ready = new Promise((resolve) => this.#process.once("message", resolve));
    void this.exited.then(() => rmSync(this.#home, { recursive: true, force: true }));
    // One listener of each for as long as the environment lives: a listener an invocation would pile up.
    void this.exited.then((how) => this.#settle?.({ exited: how }));
    this.#process.on("message", (reply: Reply | "ready") => reply !== "ready" && this.#settle?.(reply));
  }

  get isUsable(): boolean {
    return this.#process.connected && !this.#process.killed;
  }

  async invoke(invocation: Omit<Invocation, "deadline">): Promise<InvocationResult> {
    clearTimeout(this.#idle);
    let timer: NodeJS.Timeout | undefined;
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#settle = resolve;
      // Loading the handler (Lambda's Init phase) is not part of the time that the function has.
      void this.#ready.then(() => {
        const ms = this.#timeoutSeconds * 1000;
        timer = setTimeout(() => resolve("timeout"), ms);
        this.#process.send({ ...invocation, deadline: Date.now() + ms } satisfies Invocation, () => {});
      });
    });
    clearTimeout(timer);
    this.#settle = undefined;
    if (outcome === "timeout") {
      void this.end();
    }
    return resultOf(outcome, invocation.requestId, this.#timeoutSeconds);
  }

  endAfter(ms: number): void {
    this.#idle = setTimeout(() => void this.end(), ms).unref();
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle);
    this.#process.kill("SIGKILL");
    await this.exited;
  }
}

/**
 * What keeps an SDK in the function from the AWS account of whoever runs the local cloud: keys and an endpoint of the local cloud's, no
 * metadata service, and no configuration by HOME or, where that is not set, by the user's entry in passwd. No declared variable undoes it.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
function ofLocalCloud(url: string, home: string): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: home,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    AWS_CONFIG_FILE: join(home, "no-config"),
    AWS_SHARED_CREDENTIALS_FILE: join(home, "no-credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ENDPOINT_URL: url,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "false",
  };
}

/** How an invocation ended: with a reply, or with the environment's end, or not in time. */
type Outcome = Reply | { readonly exited: string } | "timeout";

function resultOf(outcome: Outcome, requestId: string, timeoutSeconds: number): InvocationResult {
  const failed = (errorType: string, why: string): InvocationResult => ({
    payload: JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${why}` }),
    error: "Unhandled",
  });
  if (outcome === "timeout") {
    return failed("Sandbox.Timedout", `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`);
  }
  if ("exited" in outcome) {
    return failed("Runtime.ExitError", `Runtime exited with error: ${outcome.exited}`);
  }
  return "error" in outcome
    ? { payload: JSON.stringify(outcome.error), error: "Unhandled" }
    : { payload: outcome.response ?? "null" };
}
