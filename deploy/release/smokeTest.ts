import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Lambda } from "@aws-sdk/client-lambda";
import { ReleaseError } from "../failures.ts";

/** `smoke.json`: the event that a new version is invoked with, and what its response must be. */
export interface SmokeTest {
  readonly event: unknown;
  /** Each member listed must be equal in the response; a `body` that is not a string is compared with the response's JSON body. */
  readonly response: Readonly<Record<string, unknown>>;
}

/**
 * Invokes a version that is not in traffic.
 *
 * @throws {ReleaseError} when it fails, or answers otherwise than the test expects.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function runSmokeTest(
  lambda: Lambda,
  functionName: string,
  version: string,
  { event, response }: SmokeTest,
): Promise<void> {
  const reply = await lambda.invoke({
    FunctionName: functionName,
    Qualifier: version,
    Payload: Buffer.from(JSON.stringify(event)),
  });
  const payload = Buffer.from(reply.Payload ?? []).toString();
  const wrong = reply.FunctionError
    ? `it failed: ${payload}`
    : mismatch(response, payload === "" ? undefined : JSON.parse(payload));
  if (wrong) {
    throw new ReleaseError(`the smoke test of version ${version} failed, so it gets no traffic: ${wrong}`);
  }
}

/** What in `response` is not as `expected`, or undefined when every expected member is there. */
export function mismatch(expected: SmokeTest["response"], response: unknown): string | undefined {
  const actual: Record<string, unknown> =
    typeof response === "object" && response !== null ? { ...response } : { body: response };
  for (const [key, value] of Object.entries(expected)) {
    const found = key === "body" && typeof value !== "string" ? parsed(actual[key]) : actual[key];
    if (!isDeepStrictEqual(found, value)) {
      return `${key} is ${JSON.stringify(found)}, smoke.json expects ${JSON.stringify(value)}`;
    }
  }
  return undefined;
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") {
    return body;
  }
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/**
 * Reads the `smoke.json` of a function.
 *
 * @param root The checkout.
 * @throws {ReleaseError} when it is missing, or could not fail.
 */
export async function readSmokeTest(root: string, folder: string): Promise<SmokeTest> {
  const path = `functions/${folder}/smoke.json`;
  const wanted = 'it must be {"event": …, "response": {"statusCode": 200, …}}';
  const text = await readFile(join(root, path), "utf8").catch(() => {
    throw new ReleaseError(`${path} does not exist: ${wanted}`);
  });
  const content: unknown = parsed(text);
  if (typeof content !== "object" || content === null || !("event" in content) || !("response" in content)) {
    throw new ReleaseError(`${path} is not a smoke test: ${wanted}`);
  }
  const { event, response } = content;
  if (
    typeof response !== "object" ||
    response === null ||
    Array.isArray(response) ||
    Object.keys(response).length === 0
  ) {
    throw new ReleaseError(`${path} has no expected response, so it could not fail: ${wanted}`);
  }
  return { event, response: { ...response } };
}
