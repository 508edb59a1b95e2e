import type { LocalCloud } from "./cloud.ts";
import type { Build } from "./codebuild/build.ts";

/** Writes a line about a build when a phase of it ends, and when it does itself. */
export function showBuilds({ codebuild }: LocalCloud, write: (line: string, build: Build) => void): void {
  // Whoever read the lines may be gone, as after `| head`; the local cloud goes on.
  process.stdout.on("error", () => {});
  codebuild.on("build", (build) => {
    const { number, status, phases, tests, endTime } = build;
    const phase = phases.at(-1);
    if (endTime) {
      const failed = tests.filter((test) => test.status === "FAILED").map(({ name }) => `; failed test: ${name}`);
      write(`build ${number}: ${status}${failed.join("")}`, build);
    } else if (phase && phase.status !== "IN_PROGRESS") {
      write(`build ${number}: ${phase.type} ${phase.status}${phase.message ? `, ${phase.message}` : ""}`, build);
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
