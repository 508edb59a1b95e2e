import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quoted } from "../../github/shell.ts";

/**
 * What runs a build's commands: a shell for each. Variables and the folder are kept for the next, as CodeBuild's one shell keeps them since
 * version 0.2; functions and traps are not.
 */
export class BuildShell {
  readonly #directory: string;
  readonly #log: number;
  readonly #signal: AbortSignal;
  /** The file with the variables and the folder that one command leaves to the next. */
  readonly #state: string;
  readonly #pids = new Set<number>();
  #shell = "/bin/sh";

  /**
   * @param directory A folder of the build's own.
   * @param log A file descriptor that takes what the commands print.
   * @param signal Ends the commands when it is aborted.
   */
  constructor(directory: string, log: number, signal: AbortSignal) {
    this.#directory = directory;
    this.#log = log;
    this.#signal = signal;
    this.#state = join(directory, "state.sh");
    signal.addEventListener("abort", () => this.kill());
  }

  /**
   * Says with what the first command begins.
   * @param shell The shell's name or path. @default /bin/sh
   */
  async open(folder: string, variables: Readonly<Record<string, string>>, shell = this.#shell): Promise<void> {
    this.#shell = shell;
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    await writeFile(this.#state, `${lines.join("")}cd ${quoted(folder)}\n`);
  }

  /**
   * Runs a command, and says how it ended: `exit status 0` where it succeeded.
   * @param succeeding What the command finds in `CODEBUILD_BUILD_SUCCEEDING`.
   */
  async run(command: string, succeeding: boolean): Promise<string> {
    const script = join(this.#directory, "command.sh");
    const state = quoted(this.#state);
    await writeFile(
      script,
      `set -a
. ${state}
export CODEBUILD_BUILD_SUCCEEDING=${succeeding ? 1 : 0}
leave() { status=$?; export PWD; { export -p; echo 'cd "$PWD"'; } > ${state}; exit $status; }
trap leave EXIT
${command}
`,
    );
    if (this.#signal.aborted) {
      return "the build was stopped";
    }
    return new Promise((resolve) => {
      const child = spawn(this.#shell, [script], {
        cwd: this.#directory,
        env: {},
        detached: true,
        stdio: ["ignore", this.#log, this.#log],
      });
      if (child.pid !== undefined) {
        this.#pids.add(child.pid);
      }
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(code === null ? `signal ${signal}` : `exit status ${code}`));
    });
  }

  /** Ends the commands and whatever they have left running: npm, mocha, servers. */
  kill(): void {
    for (const pid of this.#pids) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // The group has ended by itself.
      }
    }
    this.#pids.clear();
  }
}
