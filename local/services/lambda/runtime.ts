import { pathToFileURL } from "node:url";
import { format } from "node:util";

/** What the service sends to an execution environment for one invocation. */
export interface Invocation {
  readonly requestId: string;
  /** The event, as JSON. */
  readonly event: string;
  readonly functionArn: string;
  /** When the invocation is stopped, in ms since 1970. */
  readonly deadline: number;
}

/** What the environment answers: a response as JSON (undefined where the handler returned nothing), or the error thrown. */
export type Reply =
  | { readonly response: string | undefined }
  | {
      readonly error: { readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] };
    };

type Handler = (event: unknown, context: object) => unknown;

logAsJson();
let currentRequestId: string | undefined;

// The service started this process as an execution environment: it loads the handler once, then answers one invocation at a time.
const handler = await loadHandler().catch(
  (error: unknown): Handler =>
    () => {
      throw error;
    },
);
process.on("message", async (invocation: Invocation) => {
  process.send?.(await run(invocation));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function loadHandler(): Promise<Handler> {
  const { _HANDLER = "", LAMBDA_TASK_ROOT } = process.env;
  const [file, name = ""] = _HANDLER.split(".");
  const module: Record<string, unknown> = await import(pathToFileURL(`${LAMBDA_TASK_ROOT}/${file}.mjs`).href);
  const found = module[name];
  if (typeof found !== "function") {
    throw Object.assign(new Error(`${_HANDLER} is undefined or not exported`), { name: "Runtime.HandlerNotFound" });
  }
  return found as Handler;
}

/** What a function writes to its console, as Lambda's log format JSON has it. @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html */
function logAsJson(): void {
  const levels = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" } as const;
  for (const [method, level] of Object.entries(levels) as [keyof typeof levels, string][]) {
    console[method] = (...values: unknown[]) => {
      const line = { timestamp: new Date().toISOString(), level, requestId: currentRequestId };
      process.stdout.write(`${withMessage(line, values)}\n`);
    };
  }
}

/** A single value is the message as it is; several are formatted, with what the first error among them is beside. */
function withMessage(line: object, values: readonly unknown[]): string {
  const [value, ...others] = values;
  if (others.length > 0) {
    return JSON.stringify({ ...line, message: format(...values), ...described(values.find(isError)) });
  }
  try {
    return JSON.stringify({ ...line, message: value }, (_, each) => (isError(each) ? described(each) : each));
  } catch {
    // It refers to itself, or holds a bigint.
    return JSON.stringify({ ...line, message: format(value) });
  }
}

function isError(value: unknown): value is Error {
  return value instanceof Error;
}

function described(error: Error | undefined) {
  return error && { errorType: error.name, errorMessage: error.message, stackTrace: (error.stack ?? "").split("\n") };
}

async function run({ requestId, event, functionArn, deadline }: Invocation): Promise<Reply> {
  currentRequestId = requestId;
  try {
    const response = await handler(JSON.parse(event), {
      awsRequestId: requestId,
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: functionArn,
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    });
    return { response: JSON.stringify(response) };
  } catch (error) {
    const thrown = isError(error) ? error : new Error(String(error));
    console.error(thrown);
    const { name, message, stack = "" } = thrown;
    return { error: { errorType: name, errorMessage: message, trace: stack.split("\n") } };
  }
}
