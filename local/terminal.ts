import type { LocalCloud } from "./cloud.ts";

/** Writes a line when a phase of a build ends, and when a build does. */
export function showBuilds({ codebuild }: LocalCloud, write: (line: string) => void): void {
  // Whoever read the lines may be gone, as after `| head`; the local cloud goes on.
  process.stdout.on("error", () => {});
  codebuild.on("build", ({ number, status, phases, tests, endTime, logFile }) => {
    const phase = phases.at(-1);
    if (endTime) {
      const failed = tests.filter((test) => test.status === "FAILED").map(({ name }) => `; failed test: ${name}`);
      write(`build ${number}: ${status}${failed.join("")}${status === "FAILED" ? `; log: ${logFile}` : ""}`);
    } else if (phase && phase.status !== "IN_PROGRESS") {
      write(`build ${number}: ${phase.type} ${phase.status}${phase.message ? `, ${phase.message}` : ""}`);
    }
  });
}

/** Resolves when the user stops the program: Ctrl-C, a closed terminal, or a kill. */
export function interruption(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, resolve);
    }
  });
}
