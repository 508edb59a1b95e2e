/** A release or a rollback that ended as it should when something is wrong: the message says what, what is live, and what to do. */
export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
}

/** What was decided on does not hold any more: another release or a rollback came in between. */
export class Overtaken extends ReleaseError {}

/** What to tell of an error: with its name, unless the message was written for the user. */
export function messageOf(error: unknown): string {
  if (error instanceof ReleaseError) {
    return error.message;
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

const functionsAtOnce = 4;

/**
 * The results of `work` on each function, in order; at most four are under way at once.
 *
 * @throws {ReleaseError} with the message of each failure, after every one has ended.
 */
export async function eachFunction<T, R>(functions: readonly T[], work: (fn: T) => Promise<R>): Promise<R[]> {
  const results: PromiseSettledResult<R>[] = [];
  for (let start = 0; start < functions.length; start += functionsAtOnce) {
    results.push(...(await Promise.allSettled(functions.slice(start, start + functionsAtOnce).map(work))));
  }
  const failures = results.filter((result) => result.status === "rejected").map((result) => messageOf(result.reason));
  if (failures.length > 0) {
    throw new ReleaseError(failures.join("\n"));
  }
  return results.filter((result) => result.status === "fulfilled").map((result) => result.value);
}

/**
 * Runs a command. A failure is told on standard error and makes the exit code 1.
 *
 * @param failed What a failure's message begins with.
 * @param usage How the command is called, for whoever gave it an option that it does not have.
 */
export async function runCommand(failed: string, usage: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const isMisuse = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    console.error(`${failed}: ${isMisuse ? `${error.message}\nUsage: ${usage}` : messageOf(error)}`);
    process.exitCode = 1;
  }
}
