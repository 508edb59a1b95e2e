/** A release or a rollback that ended as it should when something is wrong: the message says what, what is live, and what to do. */
export class ReleaseError extends Error {
  override readonly name: string = "ReleaseError";
}

/** What was decided on does not hold any more: another release or a rollback came in between. */
export class Overtaken extends ReleaseError {}

/** A version had traffic, and does not have it any more. */
export class TrafficReturned extends ReleaseError {}

/** What to tell of an error: with its name, unless the message was written for the user. */
export function messageOf(error: unknown): string {
  if (error instanceof ReleaseError) {
    return error.message;
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Whether AWS answered with one of these errors. */
export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/**
 * Has `main` run a command, and makes what it returns the exit code; what it throws is told, and makes it 1. Ctrl-C and a kill abort the
 * signal that it gets.
 *
 * @param failed What a failure's message begins with.
 * @param usage How the command is called, for whoever gave it an option that it does not have.
 */
export async function runCommand(
  failed: string,
  usage: string,
  main: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => stop.abort(new ReleaseError(`it was stopped by ${name}`)));
  }
  try {
    process.exitCode = await main(stop.signal);
  } catch (error) {
    const isMisuse = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    console.error(`${failed}: ${isMisuse ? `${error.message}\nUsage: ${usage}` : messageOf(error)}`);
    process.exitCode = 1;
  }
}
