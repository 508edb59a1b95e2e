import type { LocalCloud } from "./cloud.ts";

/** Writes a line when a phase of a build ends, and when a build does. */
export function showBuilds({ codebuild }: LocalCloud, write: (line: string) => void): void {
  codebuild.on("build", ({ number, status, phases, tests, endTime }) => {
    const phase = phases.at(-1);
    if (endTime) {
      const failed = tests.filter((test) => test.status === "FAILED").map(({ name }) => `; failed test: ${name}`);
      write(`build ${number}: ${status}${failed.join("")}`);
    } else if (phase && phase.status !== "IN_PROGRESS") {
      write(
        `build ${number}: ${phase.type} ${phase.status}${phase.message ? `, ${phase.message.split("\n")[0]}` : ""}`,
      );
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
