import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { account } from "../account.ts";
import type { FunctionSettings } from "./lambda.ts";
import type { Invocation, Reply } from "./runtime.ts";

/** The result of an invocation: `error` is Lambda's word for how it failed, where it did. */
export interface InvocationResult {
  /** JSON. */
  readonly payload: string;
  readonly error?: "Unhandled";
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

  /** @param taskRoot The unpacked zip. */
  constructor(configuration: FunctionSettings & { readonly Version: string }, taskRoot: string, log: Log) {
    this.#start = () => new Environment(configuration, taskRoot, log);
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
  readonly #process: ChildProcess;
  readonly #ready: Promise<unknown>;
  #idle: NodeJS.Timeout | undefined;

  constructor(configuration: FunctionSettings & { readonly Version: string }, taskRoot: string, log: Log) {
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
    this.stream = `${day}/[${configuration.Version}]${randomUUID().replaceAll("-", "")}`;
    this.#timeoutSeconds = configuration.Timeout;
    this.#process = fork(join(import.meta.dirname, "runtime.ts"), [], {
      cwd: taskRoot,
      // V8's heap only: an environment on AWS is also ended for memory outside of it.
      execArgv: [`--max-old-space-size=${configuration.MemorySize}`],
      // Only what Lambda sets: nothing of this machine's environment reaches a function.
      env: {
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
    this.#ready = once(this.#process, "message").catch(() => undefined);
    this.exited = once(this.#process, "exit").then(([code, signal]) =>
      code === null ? `signal: ${signal}` : `exit status ${code}`,
    );
  }

  get isUsable(): boolean {
    return this.#process.connected && !this.#process.killed;
  }

  async invoke(invocation: Omit<Invocation, "deadline">): Promise<InvocationResult> {
    clearTimeout(this.#idle);
    const failed = (errorType: string, why: string): InvocationResult => {
      const errorMessage = `RequestId: ${invocation.requestId} Error: ${why}`;
      return { payload: JSON.stringify({ errorType, errorMessage }), error: "Unhandled" };
    };
    const exit = this.exited.then((how) => failed("Runtime.ExitError", `Runtime exited with error: ${how}`));
    // Loading the handler (Lambda's Init phase) is not part of the time that the function has.
    await Promise.race([this.#ready, exit]);
    const ms = this.#timeoutSeconds * 1000;
    const done = new AbortController();
    const reply = once(this.#process, "message", { signal: done.signal }).then(([message]) => resultOf(message));
    const timeout = delay(ms, undefined, { signal: done.signal }).then(() => {
      this.#process.kill("SIGKILL");
      return failed("Sandbox.Timedout", `Task timed out after ${this.#timeoutSeconds.toFixed(2)} seconds`);
    });
    this.#process.send({ ...invocation, deadline: Date.now() + ms } satisfies Invocation, () => {});
    try {
      return await Promise.race([exit, Promise.any([reply, timeout]).catch(() => exit)]);
    } finally {
      done.abort();
    }
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

function resultOf(reply: Reply): InvocationResult {
  return "error" in reply
    ? { payload: JSON.stringify(reply.error), error: "Unhandled" }
    : { payload: reply.response ?? "null" };
}
