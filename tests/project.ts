import { spawn } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { git } from "../local/git.ts";

/** The checkout's absolute path. */
export const root = join(import.meta.dirname, "..");

/** Copies the project to `path`, which must not exist, with a git history of one commit; its packages are the checkout's. */
export async function copyProject(path: string): Promise<void> {
  const left = new Set([".git", ".local", "dist", "node_modules", "reports"]);
  await cp(root, path, { recursive: true, filter: (source) => !left.has(basename(source)) });
  await symlink(join(root, "node_modules"), join(path, "node_modules"));
  await git(path, "init", "--quiet", "--initial-branch=main");
  await configureIdentity(path);
  await git(path, "add", "--all");
  await git(path, "commit", "--quiet", "--message=The project");
}

/** Adds a function to a project as its developer would: a folder in `functions/`, and a statement in `index.ts`. */
export async function addFunction(project: string, folder: string): Promise<void> {
  const path = join(project, "functions", folder);
  await mkdir(path);
  await writeFile(
    join(path, "handler.ts"),
    `export const handler = async () => ({ statusCode: 200, body: JSON.stringify({ function: ${JSON.stringify(folder)} }) });\n`,
  );
  await writeFile(join(path, "smoke.json"), JSON.stringify({ event: {}, response: { statusCode: 200 } }));
  const file = join(project, "index.ts");
  const statement = `  new HttpFunction("${folder}", {
    ...settings,
    ...settings.functionSettings("${folder}"),
    api,
    application,
    deploymentConfigs,
    route: "GET /${folder}",
    zip: zips.pathOf("${folder}"),
  }),`;
  const text = await readFile(file, "utf8");
  await writeFile(
    file,
    text.replace("const functions = [\n", (start) => `${start}${statement}\n`),
  );
}

/** Gives a clone an author, so that tests need no git identity of the machine's. */
export async function configureIdentity(path: string): Promise<void> {
  await git(path, "config", "user.name", "A developer");
  await git(path, "config", "user.email", "developer@example.com");
}

/** What a program printed and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a TypeScript file with the Node.js of these tests. */
export function runFile(
  file: string,
  args: string[],
  options: {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { cwd: options.cwd, env: options.env ?? process.env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
        options.onOutput?.(output, (signal) => child.kill(signal));
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}
