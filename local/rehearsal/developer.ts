import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { account } from "../aws/account.ts";
import { git } from "../github/git.ts";
import type { Build } from "../services/codebuild/build.ts";
import { root } from "../session/endpoints.ts";
import type { Scene } from "./scene.ts";
import { prefixOf } from "./stage.ts";

/** The files that the tutorial's story changes. */
export const handler = "functions/hello-user/handler.ts";
export const handlerTest = "tests/functions/hello-user.test.ts";

/** What a commit makes of files' texts; of one that there is not, of none. */
export type Changes = Readonly<Record<string, (text: string) => string>>;

/** The change that gives a file the text that the checkout's own has, and something more at its end. */
export async function fromCheckout(file: string, more = ""): Promise<Changes> {
  const text = await readFile(join(root, file), "utf8");
  return { [file]: () => `${text}${more}` };
}

/** Commits changes to the copy, and returns the commit's id. */
async function commit(copy: string, message: string, changes: Changes): Promise<string> {
  for (const [file, change] of Object.entries(changes)) {
    const path = join(copy, file);
    await writeFile(path, change(await readFile(path, "utf8").catch(() => "")));
  }
  await git(copy, "add", "--all");
  await git(copy, "commit", "--quiet", `--message=${message}`);
  return git(copy, "rev-parse", "HEAD");
}

/** Pushes what the copy has checked out, and returns the build that the push has started. */
async function startBuild({ stack, copy }: Scene, ...args: string[]): Promise<Build> {
  const { builds } = stack.cloud.codebuild;
  const before = builds.length;
  await git(copy, "push", "--quiet", ...args);
  const [build] = builds.slice(before);
  if (!build) {
    throw new Error(`the push ${args.join(" ")} started no build`);
  }
  return build;
}

/** A commit, and the build of it. */
export interface Built {
  readonly commit: string;
  readonly build: Build;
}

/** Commits and pushes to the branch that is deployed; returns while the build is under way. */
export async function beginPush(scene: Scene, message: string, changes: Changes): Promise<Built> {
  const id = await commit(scene.copy, message, changes);
  return { commit: id, build: await startBuild(scene, "origin", scene.stack.project.branch) };
}

/** Commits and pushes to the branch that is deployed, and waits for the build's end. */
export async function push(scene: Scene, message: string, changes: Changes): Promise<Built> {
  const built = await beginPush(scene, message, changes);
  await scene.stack.cloud.codebuild.ended(built.build);
  return built;
}

/** Commits to the branch `longer-names`, pushes that as a pull request, and waits for the build's end. */
export async function pushPullRequest(scene: Scene, message: string, changes: Changes): Promise<Built> {
  await git(scene.copy, "checkout", "--quiet", "-B", "longer-names");
  const id = await commit(scene.copy, message, changes);
  const build = await startBuild(scene, "--push-option=pr", "origin", "longer-names");
  return { commit: id, build: await scene.stack.cloud.codebuild.ended(build) };
}

/** Merges the pull request, as GitHub's button does, and waits for the build that this starts. */
export async function merge(scene: Scene): Promise<Built> {
  const { copy, stack } = scene;
  await git(copy, "checkout", "--quiet", stack.project.branch);
  await git(copy, "merge", "--quiet", "--ff-only", "longer-names");
  const build = await stack.cloud.codebuild.ended(await startBuild(scene, "origin", scene.stack.project.branch));
  return { commit: await git(copy, "rev-parse", "HEAD"), build };
}

/** The state of a commit under each name, as GitHub shows it: the latest counts. */
export function statuses({ stack: { cloud, project } }: Scene, commit: string): Record<string, string> {
  const url = `https://github.com/${project.repository}`;
  const oldestFirst = cloud.github.statusesOf(url, commit).toReversed();
  return Object.fromEntries(oldestFirst.map(({ context, state }) => [context, state]));
}

/** Runs a command of the project in the copy, as the developer would from a laptop; tells its exit code and what it printed. */
export async function run(scene: Scene, file: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const { copy, stack } = scene;
  const env = {
    ...process.env,
    ...{ AWS_ENDPOINT_URL: stack.cloud.awsUrl, AWS_REGION: account.region, CODEDEPLOY_APPLICATION: prefixOf(scene) },
    ...{ AWS_ACCESS_KEY_ID: "rehearsal", AWS_SECRET_ACCESS_KEY: "rehearsal" },
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: copy, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: `${stdout}${stderr}`.trimEnd() });
    });
  });
}
