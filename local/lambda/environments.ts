import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { account } from "../account.ts";
import type { FunctionError, Invocation, Reply } from "./runtime.ts";

/** What the environments of one version of a function are started with. */
export interface EnvironmentArgs {
  /** The unpacked zip. */
  readonly taskRoot: string;
  readonly functionName: string;
  readonly functionVersion: string;
  /** `<file>.<export>`. */
  readonly handler: string;
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
  readonly logGroup: string;
  /** Takes a line that the function, or Lambda itself, writes to a log stream. */
  readonly log: (stream: string, line: string) => void;
}

/** The result of an invocation: `error` is Lambda's word for how it failed, where it did. */
export interface InvocationResult {
  /** JSON. */
  readonly payload: string;
  readonly error?: "Unhandled";
}

/** AWS would start as many as there are requests, up to the account's limit; on one machine further requests wait their turn. */
const maxEnvironments = 16;
const idleMs = 30_000;

/**
 * The execution environments of one version: each a process of its own that handles one invocation at a time, so that a crash, an endless
 * loop or `process.exit` ends that environment and nothing else. An environment that has been idle for a while is ended.
 */
export class Environments {
  readonly #args: EnvironmentArgs;
  readonly #all = new Set<Environment>();
  readonly #idle: Environment[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(args: EnvironmentArgs) {
    this.#args = args;
  }

  async invoke(event: string, functionArn: string): Promise<InvocationResult> {
    while (this.#all.size >= maxEnvironments && this.#idle.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const environment = this.#idle.pop() ?? this.#start();
    const requestId = randomUUID();
    const started = Date.now();
    const deadline = started + this.#args.timeoutSeconds * 1000;
    const result = await environment.invoke({ requestId, event, functionArn, deadline });
    const record = { requestId, status: result.error ? "error" : "success", durationMs: Date.now() - started };
    this.#args.log(environment.stream, JSON.stringify({ type: "platform.report", record }));
    if (environment.isUsable) {
      environment.endAfter(idleMs);
      this.#idle.push(environment);
    }
    this.#waiting.shift()?.();
    return result;
  }

  /** Ends every environment. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((environment) => environment.end()));
  }

  #start(): Environment {
    const environment = new Environment(this.#args);
    this.#all.add(environment);
    void environment.exited.then(() => {
      this.#all.delete(environment);
      this.#idle.splice(0, this.#idle.length, ...this.#idle.filter((other) => other !== environment));
      this.#waiting.shift()?.();
    });
    return environment;
  }
}

class Environment {
  readonly stream: string;
  /** How the process ended. */
  readonly exited: Promise<string>;
  readonly #args: EnvironmentArgs;
  readonly #process: ChildProcess;
  readonly #ready: Promise<unknown>;
  #idle: NodeJS.Timeout | undefined;

  constructor(args: EnvironmentArgs) {
    this.#args = args;
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
    this.stream = `${day}/[${args.functionVersion}]${randomUUID().replaceAll("-", "")}`;
    this.#process = fork(join(import.meta.dirname, "runtime.ts"), [], {
      cwd: args.taskRoot,
      // V8's heap only: an environment on AWS is also ended for memory outside of it.
      execArgv: [`--max-old-space-size=${args.memoryMegabytes}`],
      env: environmentVariables(args, this.stream),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (output) {
        createInterface({ input: output }).on("line", (line) => args.log(this.stream, line));
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

  async invoke(invocation: Invocation): Promise<InvocationResult> {
    clearTimeout(this.#idle);
    const of = `RequestId: ${invocation.requestId} Error:`;
    const exit = this.exited.then((how) => failed("Runtime.ExitError", `${of} Runtime exited with error: ${how}`));
    const done = new AbortController();
    const answered = async (): Promise<InvocationResult> => {
      // Loading the handler (Lambda's Init phase) is not part of the time that the function has.
      await this.#ready;
      const reply = once(this.#process, "message", { signal: done.signal }).then(([message]) => resultOf(message));
      this.#process.send(invocation, () => {});
      const { timeoutSeconds } = this.#args;
      const timeout = delay(timeoutSeconds * 1000, undefined, { signal: done.signal }).then(() => {
        void this.end();
        return failed("Sandbox.Timedout", `${of} Task timed out after ${timeoutSeconds.toFixed(2)} seconds`);
      });
      return Promise.any([reply, timeout]);
    };
    try {
      return await Promise.race([exit, answered().catch(() => exit)]);
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

function failed(errorType: string, errorMessage: string): InvocationResult {
  const error: FunctionError = { errorType, errorMessage };
  return { payload: JSON.stringify(error), error: "Unhandled" };
}

/** Only what Lambda sets: nothing of this machine's environment reaches a function. */
function environmentVariables(args: EnvironmentArgs, stream: string): NodeJS.ProcessEnv {
  return {
    _HANDLER: args.handler,
    AWS_DEFAULT_REGION: account.region,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(args.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_NAME: args.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: args.functionVersion,
    AWS_LAMBDA_LOG_GROUP_NAME: args.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: stream,
    AWS_REGION: account.region,
    LAMBDA_TASK_ROOT: args.taskRoot,
    LANG: "en_US.UTF-8",
    PATH: "/usr/local/bin:/usr/bin:/bin",
    TZ: ":UTC",
  };
}
