import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Lambda } from "@aws-sdk/client-lambda";
import type { Stack } from "../program/stack.ts";
import type { Build } from "../services/codebuild/build.ts";
import type { Visitors } from "./visitors.ts";

/** What the story's steps use. */
export interface Scene {
  readonly stack: Stack;
  /** The developer's clone of the project. */
  readonly copy: string;
  readonly lambda: Lambda;
  readonly visitors: Visitors;
}

/** A step of the story: what it does, and what must hold afterwards. */
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

/** The commit of each published version, oldest first; the first, which `pulumi up` made, has none. */
export async function versions({ stack, lambda }: Scene): Promise<(string | undefined)[]> {
  const { Versions = [] } = await lambda.listVersionsByFunction({
    FunctionName: stack.outputs.functionNames["hello-user"],
  });
  return Versions.filter(({ Version }) => Version !== "$LATEST").map(({ Description }) => Description);
}

/** The version that is live. */
export async function live({ stack, lambda }: Scene): Promise<string | undefined> {
  const alias = await lambda.getAlias({ FunctionName: stack.outputs.functionNames["hello-user"], Name: "live" });
  return alias.FunctionVersion;
}

/** The SHA-256 of the code that is live, which the build has made. */
export async function codeSha256({ stack, lambda }: Scene): Promise<string | undefined> {
  const FunctionName = stack.outputs.functionNames["hello-user"];
  return (await lambda.getFunctionConfiguration({ FunctionName, Qualifier: "live" })).CodeSha256;
}

/** The SHA-256 that `npm run bundle` prints for the developer's clone: the same bytes in another folder. */
export async function bundledHere({ copy }: Scene): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, ["deploy/bundle.ts"], { cwd: copy });
  return stdout.split(/\s+/)[1];
}

/** The types of a build's phases, or of those with a status. */
export function phases(build: Build | undefined, status?: string): string[] {
  return (build?.phases ?? []).filter((phase) => !status || phase.status === status).map(({ type }) => type);
}
