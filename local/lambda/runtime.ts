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
  const levels = { debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" } as const;
  for (const method of ["debug", "info", "log", "warn", "error"] as const) {
    console[method] = (...values: unknown[]) => {
      const line = {
        timestamp: new Date().toISOString(),
        level: levels[method],
        requestId: currentRequestId,
        message: values.length === 1 ? messageOf(values[0]) : format(...values),
      };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    };
  }
}

function messageOf(value: unknown): unknown {
  return value instanceof Error
    ? { errorType: value.name, errorMessage: value.message, stackTrace: (value.stack ?? "").split("\n") }
    : value;
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
    console.error(error);
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    return { error: { errorType: name, errorMessage: message, trace: stack.split("\n") } };
  }
}
