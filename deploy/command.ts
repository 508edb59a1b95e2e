import { messageOf, ReleaseError } from "./failures.ts";

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
