import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Lambda } from "@aws-sdk/client-lambda";
import { z } from "zod";

const schema = z.object({
  event: z.unknown(),
  response: z
    .record(z.string(), z.unknown())
    .refine((members) => Object.keys(members).length > 0, "it must name a member"),
});

/** A function's `smoke.json`: an event, and the members that its response must have; a `body` that is no text is the response's as JSON. */
export type SmokeTest = z.infer<typeof schema>;

/**
 * Reads the `smoke.json` of a function.
 *
 * @param project The project's folder.
 * @throws {Error} when it is missing, or no smoke test.
 */
export async function readSmokeTest(project: string, folder: string): Promise<SmokeTest> {
  const path = `functions/${folder}/smoke.json`;
  try {
    return schema.parse(JSON.parse(await readFile(join(project, path), "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : error;
    throw new Error(`${path}: it must be {"event": …, "response": {"statusCode": 200, …}}: ${why}`);
  }
}

/** How the live version of a function answers its smoke test otherwise than expected; undefined when it answers as it should. */
export async function wrongAnswer(
  lambda: Lambda,
  functionName: string,
  { event, response }: SmokeTest,
): Promise<string | undefined> {
  const Payload = Buffer.from(JSON.stringify(event ?? null));
  const reply = await lambda.invoke({ FunctionName: functionName, Qualifier: "live", Payload });
  const text = Buffer.from(reply.Payload ?? []).toString();
  return reply.FunctionError ? `it failed: ${text}` : mismatch(response, parsed(text));
}

function mismatch(expected: SmokeTest["response"], response: unknown): string | undefined {
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
  try {
    return typeof body === "string" ? JSON.parse(body) : body;
  } catch {
    return body;
  }
}
