import { appendFile, cp, glob, mkdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { account } from "../aws/account.ts";
import { git } from "../github/git.ts";
import { evaluateProgram } from "../program/program.ts";
import { type Project, readProject } from "../program/project.ts";
import { type Stack, startEmpty } from "../program/stack.ts";
import { awsQuota } from "../services/lambda/requestQuota.ts";
import { DeclaredRoutes, type Route } from "./declaredRoutes.ts";
import type { Issuer } from "./issuer.ts";

/** Where a story is told: a copy of the project, and its stack on a local cloud. */
export interface Stage {
  readonly stack: Stack;
  /** The developer's clone of the project. */
  readonly copy: string;
  readonly lambda: Lambda;
  readonly codedeploy: CodeDeploy;
  readonly routes: readonly Route[];
  /** How many times as fast as on AWS traffic is shifted. */
  readonly timeScale: number;
}

/** What a stage is set with. */
export interface StageArgs {
  readonly timeScale: number;
  /** Whether the copy is as it is at the tutorial's start. @default false */
  readonly isTutorial?: boolean;
  /** Who issues tokens in place of the stack's issuer. */
  readonly issuer?: Issuer | undefined;
}

/**
 * Copies the project, and starts the copy's stack. The program is evaluated in this process, which may be done once in each folder.
 *
 * @param checkout Is only read.
 * @param directory A folder of the stage's own.
 */
export async function setStage(
  checkout: Project,
  directory: string,
  { timeScale, isTutorial = false, issuer }: StageArgs,
): Promise<Stage> {
  const copy = await copyProject(checkout, join(directory, "project"), isTutorial);
  const project = withIssuer(await readProject(copy), issuer);
  const seed = async (remote: string): Promise<void> => {
    await git(copy, "remote", "add", "origin", remote);
    await git(copy, "push", "--quiet", "origin", project.branch);
  };
  const empty = await startEmpty(project, join(directory, "cloud"), 0, seed, {
    timeScale,
    random: evenly(),
    lambdaQuota: awsQuota,
  });
  const { cloud } = empty;
  try {
    const routes = new DeclaredRoutes(empty.provider);
    const outputs = await evaluateProgram(project, routes.provider);
    const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
    const client = { endpoint: cloud.awsUrl, region: account.region, credentials };
    return {
      stack: { ...empty, outputs },
      copy,
      lambda: new Lambda(client),
      codedeploy: new CodeDeploy(client),
      routes: routes.all,
      timeScale,
    };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

/**
 * Copies the project to its folder in a repository of its own. The checkout is only read.
 *
 * @param repository The folder of the repository.
 * @param isTutorial Whether the copy is as the project is at the tutorial's start.
 * @returns The copy's folder.
 */
async function copyProject(
  { root, directory, branch }: Project,
  repository: string,
  isTutorial: boolean,
): Promise<string> {
  const copy = join(repository, directory);
  const left = new Set([".git", ".local", "dist", "node_modules", "reports"]);
  await cp(root, copy, { recursive: true, filter: (source) => !left.has(basename(source)) });
  // A workspace has packages of its own where the package manager does not put them all into one folder.
  for await (const packages of glob("{,*/}node_modules", { cwd: root })) {
    await symlink(join(root, packages), join(copy, packages));
  }
  if (isTutorial) {
    await cp(join(root, "sample", "firstIteration"), copy, { recursive: true });
  }
  await git(repository, "init", "--quiet", `--initial-branch=${branch}`);
  // A team's .gitignore may have it with a slash, which is of folders, and this is a link.
  await mkdir(join(repository, ".git", "info"), { recursive: true });
  await appendFile(join(repository, ".git", "info", "exclude"), "\nnode_modules\n");
  await git(copy, "config", "user.name", "The developer");
  await git(copy, "config", "user.email", "developer@example.com");
  await git(copy, "config", "commit.gpgSign", "false");
  await git(copy, "config", "core.hooksPath", join(repository, ".git", "hooks"));
  await git(copy, "add", "--all");
  await git(copy, "commit", "--quiet", `--message=${isTutorial ? "Answer hello user" : "The project"}`);
  return copy;
}

/** `<project>-<stack>`: the CodeDeploy application, and what every name begins with. */
export function prefixOf({ stack: { outputs } }: Stage): string {
  return outputs.deployProject.replace(/_deploy$/, "");
}

/** Whether the stack's settings name whose tokens the API takes. */
export function asksForTokens({ name, config }: Project): boolean {
  return config.values[`${name}:jwtIssuer`] !== undefined;
}

function withIssuer(project: Project, issuer: Issuer | undefined): Project {
  const { name, config } = project;
  const values = issuer ? { ...config.values, [`${name}:jwtIssuer`]: issuer.url } : config.values;
  return { ...project, config: { ...config, values } };
}

/** Numbers from 0 to 1, as even as can be: of ten requests, a canary of 10 % gets one. */
function evenly(): () => number {
  let last = 0;
  return () => {
    last = (last + (Math.sqrt(5) - 1) / 2) % 1;
    return last;
  };
}
