import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Build } from "../services/codebuild/build.ts";
import type { Stage } from "./stage.ts";
import type { Visitors } from "./visitors.ts";

/** What a story's steps use. */
export interface Scene extends Stage {
  /** The folder in `functions/` of the function that the story is about. */
  readonly folder: string;
  readonly visitors: Visitors;
  /** Writes a line for the user. */
  readonly say: (line: string) => void;
}

/** A step of a story: what it does, and what must hold afterwards. */
export interface Step {
  readonly title: string;
  readonly run: (scene: Scene) => Promise<readonly Claim[]>;
}

/** What a step claims: `actual` must equal `expected`. */
export interface Claim {
  readonly what: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** The status and the body of the API's answer. */
export async function get({ stack }: Scene, path: string): Promise<string> {
  const response = await fetch(`${stack.outputs.apiUrl}${path}`);
  return `${response.status} ${await response.text()}`;
}

/** The Lambda name of the function that the story is about. */
export function functionName({ stack, folder }: Scene): string {
  const name = stack.outputs.functionNames[folder];
  if (name === undefined) {
    throw new Error(`the stack has no function for functions/${folder}`);
  }
  return name;
}

/** The commit of each published version, oldest first; the first, which `pulumi up` made, has none. */
export async function versions(scene: Scene): Promise<(string | undefined)[]> {
  const { Versions = [] } = await scene.lambda.listVersionsByFunction({ FunctionName: functionName(scene) });
  return Versions.filter(({ Version }) => Version !== "$LATEST").map(({ Description }) => Description);
}

/** The version that is live. */
export async function live(scene: Scene): Promise<string | undefined> {
  return (await scene.lambda.getAlias({ FunctionName: functionName(scene), Name: "live" })).FunctionVersion;
}

/** The commit of the version that is live, and the SHA-256 of its code, which the build has made. */
export async function liveCode(scene: Scene): Promise<{ commit: string | undefined; codeSha256: string | undefined }> {
  const version = { FunctionName: functionName(scene), Qualifier: "live" };
  const { Description: commit, CodeSha256: codeSha256 } = await scene.lambda.getFunctionConfiguration(version);
  return { commit, codeSha256 };
}

/** The SHA-256 that `npm run bundle` prints for the developer's clone: the same bytes in another folder. */
export async function bundledHere({ copy, folder }: Scene): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, ["deploy/bundle.ts"], { cwd: copy });
  const lines = stdout.split("\n").map((line) => line.split(/\s+/));
  return lines.find(([file]) => file === `dist/${folder}.zip`)?.[1];
}

/** What a build has written. */
export function logOf({ logFile }: Build): Promise<string> {
  return readFile(logFile, "utf8");
}

/** The last line of a release that failed, of all functions in it that of the story's only. */
export function verdictIn(log: string, { folder }: Scene): string | undefined {
  const [, verdict, all = ""] = /^((?:Not released|Rolled back): commit \w+)\. Live: (.*)$/m.exec(log) ?? [];
  const own = all.split(", ").find((each) => each.startsWith(`${folder} version `));
  return verdict && `${verdict}. Live: ${own?.replace(/ \(.*\)$/, "")}`;
}

/** The names of the tests that failed in a build. */
export function failedTests({ tests }: Build): string[] {
  return tests.filter(({ status }) => status === "FAILED").map(({ name }) => name);
}

/** The types of a build's phases, or of those with a status. */
export function phases(build: Build | undefined, status?: string): string[] {
  return (build?.phases ?? []).filter((phase) => !status || phase.status === status).map(({ type }) => type);
}
