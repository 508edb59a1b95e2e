import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Runs git in a folder and returns its output without the last line break.
 *
 * @throws {Error} with git's own message when it fails.
 */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await run("git", args, { cwd, env: gitEnvironment(), maxBuffer: 64 * 1024 * 1024 });
    return stdout.replace(/\n$/, "");
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    throw new Error(`git ${args[0]} failed: ${stderr.trim() || error}`);
  }
}

/** The process's environment without what would point git to another repository, as in a hook. */
function gitEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) =>
      !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|QUARANTINE_PATH|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PUSH_OPTION_.*)$/.test(
        name,
      ),
  );
  return { ...Object.fromEntries(entries), GIT_TERMINAL_PROMPT: "0" };
}
