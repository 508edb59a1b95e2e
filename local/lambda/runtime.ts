import { pathToFileURL } from "node:url";

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
export type Reply = { readonly response: string | undefined } | { readonly error: FunctionError };

/** An error as Lambda reports it in a response's payload. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

type Handler = (event: unknown, context: object) => unknown;

// The service started this process as an execution environment: it loads the handler once, then answers one invocation at a time.
if (import.meta.main) {
  const handler = await loadHandler().catch((error: unknown) => () => {
    throw error;
  });
  process.on("message", async (invocation: Invocation) => {
    process.send?.(await run(handler, invocation));
  });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

async function loadHandler(): Promise<Handler> {
  const [file = "", name = ""] = (process.env._HANDLER ?? "").split(".");
  const url = pathToFileURL(`${process.env.LAMBDA_TASK_ROOT}/${file}.mjs`).href;
  const module: Record<string, unknown> = await import(url);
  const handler = module[name];
  if (typeof handler !== "function") {
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: "Runtime.HandlerNotFound",
    });
  }
  return handler as Handler;
}

async function run(handler: Handler, { requestId, event, functionArn, deadline }: Invocation): Promise<Reply> {
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
    return {
      error:
        error instanceof Error
          ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split("\n") ?? [] }
          : { errorType: typeof error, errorMessage: String(error) },
    };
  }
}
