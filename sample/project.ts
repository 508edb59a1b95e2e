import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { cp, glob, mkdir, mkdtemp, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join, relative, sep } from "node:path";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";

/** The checkout's absolute path. */
export const checkout = join(import.meta.dirname, "..");

/**
 * The absolute path of the sample project, on which our own tests run: the checkout's rooms with the program, the functions and their tests
 * of `sample/` in place of the team's. It is this process's own, and its packages are the checkout's.
 */
export const root = await assembleSample();

async function assembleSample(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "sample-")));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // What a team changes; the packages of its functions are those of the lock file.
  const isTeams = (path: string): boolean =>
    path === "index.ts" || /^(functions\/(?!(package|tsconfig)\.json$)|tests\/functions\/)/.test(path);
  await copyFiles(checkout, folder, isTeams);
  const sample = join(checkout, "sample");
  const isProjects = (path: string): boolean => /^(|index\.ts|(functions|tests)(\/.*)?|Pulumi.*\.yaml)$/.test(path);
  await cp(sample, folder, { recursive: true, filter: (source) => isProjects(relative(sample, source)) });
  return folder;
}

/** Copies a project's files, without what belongs to one checkout; its packages are the checkout's. */
export async function copyFiles(
  from: string,
  to: string,
  isLeft: (path: string) => boolean = () => false,
): Promise<void> {
  const ofCheckout = new Set([".git", ".local", "dist", "node_modules", "reports"]);
  await cp(from, to, {
    recursive: true,
    filter: (source) => !ofCheckout.has(basename(source)) && !isLeft(relative(from, source).replaceAll(sep, "/")),
  });
  for await (const packages of glob("{,*/}node_modules", { cwd: checkout })) {
    await symlink(join(checkout, packages), join(to, packages));
  }
}

/** Runs git in a folder, whatever repository the environment names, as that of a hook does; returns its output without the last line break. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const { stdout } = await promisify(execFile)("git", args, { cwd, env });
  return stdout.trimEnd();
}

/** Copies the sample project to `path`, which must not exist, with a git history of one commit; its packages are the checkout's. */
export async function copyProject(path: string): Promise<void> {
  await copyFiles(root, path);
  await git(path, "init", "--quiet", "--initial-branch=main");
  await configureIdentity(path);
  await git(path, "add", "--all");
  await git(path, "commit", "--quiet", "--message=The project");
}

/** Adds a function to a project as its developer would: a folder in `functions/`, the function and its route in `index.ts`. */
export async function addFunction(project: string, folder: string): Promise<void> {
  const path = join(project, "functions", folder);
  await mkdir(path);
  await writeFile(
    join(path, "handler.ts"),
    `export const handler = async () => ({ statusCode: 200, body: JSON.stringify({ function: ${JSON.stringify(folder)} }) });\n`,
  );
  await writeFile(join(path, "smoke.json"), JSON.stringify({ event: {}, response: { statusCode: 200 } }));
  const file = join(project, "index.ts");
  const constant = folder.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const statement = `const ${constant} = new LiveFunction("${folder}", {
  settings: settings.function("${folder}"),
  zip: zips.pathOf("${folder}"),
  application,
});
`;
  const text = await readFile(file, "utf8");
  await writeFile(
    file,
    text
      .replace("const functions = [", (list) => `${statement}${list}${constant}, `)
      .replace(/^api\.route/m, (route) => `api.route("GET /${folder}", ${constant});\n${route}`),
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
  const child = spawn(process.execPath, [file, ...args], { cwd: options.cwd, env: options.env ?? process.env });
  return endOf(child, (output) => options.onOutput?.(output, (signal) => child.kill(signal)));
}

/** Runs a command in a folder as a person would: nothing of the npm that runs these tests is around it. */
export async function shell(cwd: string, command: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const PATH = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  // How to reach a registry stays: what npm is configured with, and whom Node.js trusts.
  const ofThisRun = /^(npm_(?!config_(?!local_prefix))|NODE_(OPTIONS|PATH|ENV)$|GIT_|MOCHA)/i;
  const around = Object.entries(process.env).filter(([name]) => !ofThisRun.test(name));
  const child = spawn("sh", ["-ec", command], {
    cwd,
    env: { ...Object.fromEntries(around), PATH: PATH.join(delimiter), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return endOf(child);
}

/** Waits for a program's end, and tells all that it has printed so far each time that it prints. */
async function endOf(
  child: ChildProcessByStdio<Writable | null, Readable, Readable>,
  onOutput: (output: string) => void = () => {},
): Promise<Ended> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
      onOutput(output);
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}
