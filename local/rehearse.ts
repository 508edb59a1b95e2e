import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { Lambda } from "@aws-sdk/client-lambda";
import { account } from "./account.ts";
import type { Build } from "./codebuild/build.ts";
import { git } from "./git.ts";
import { localStack } from "./program.ts";
import { type Stack, startStack } from "./stack.ts";
import { interruption, showBuilds } from "./terminal.ts";

const checkout = join(import.meta.dirname, "..");
const handler = "functions/hello-user/handler.ts";
const handlerTest = "tests/functions/hello-user.test.ts";

/** What the story's steps use. */
interface Scene {
  readonly stack: Stack;
  /** The developer's clone of the project. */
  readonly copy: string;
  readonly lambda: Lambda;
}

/** A step of the story: what it does, and what must hold afterwards. */
interface Step {
  readonly title: string;
  readonly run: (scene: Scene) => Promise<readonly Claim[]>;
}

/** What a step claims: `actual` must equal `expected`. */
interface Claim {
  readonly what: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

const helloUser = `200 ${JSON.stringify({ message: "hello user" })}`;
const helloDeveloper = `200 ${JSON.stringify({ message: "Hello CI CD Developer!" })}`;
const developer = "/hello_user?user=CI%20CD%20Developer";
const newTest = "GET /hello_user greets the user whom the query string names";

/** The story, in the tutorial's order. */
const story: readonly Step[] = [
  {
    title: "The stack exists",
    run: async (scene) => [
      { what: "GET /hello_user", actual: await get(scene, "/hello_user"), expected: helloUser },
      { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloUser },
      { what: "versions", actual: await versions(scene), expected: [""] },
      { what: "live", actual: await live(scene), expected: "1" },
      { what: "builds", actual: scene.stack.cloud.codebuild.builds.length, expected: 0 },
    ],
  },
  {
    title: "A commit changes only the test to expect a user's name",
    run: async (scene) => {
      const { build } = await push(scene, "Expect the user's name in the greeting", handlerTest);
      const failed = build?.tests.filter(({ status }) => status === "FAILED").map(({ name }) => name);
      return [
        { what: "build", actual: build?.status, expected: "FAILED" },
        { what: "failed phase", actual: phases(build, "FAILED"), expected: ["PRE_BUILD"] },
        { what: "phases after it", actual: phases(build).slice(3), expected: ["UPLOAD_ARTIFACTS"] },
        { what: "failing test", actual: failed?.find((name) => name === newTest), expected: newTest },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloUser },
        { what: "versions", actual: await versions(scene), expected: [""] },
      ];
    },
  },
  {
    title: "The handler is fixed",
    run: async (scene) => {
      const { build, commit } = await push(scene, "Greet the user by name", handler);
      return [
        { what: "build", actual: build?.status, expected: "SUCCEEDED" },
        { what: "commit built", actual: build?.sourceVersion, expected: commit },
        { what: "the test", actual: build?.tests.find(({ name }) => name === newTest)?.status, expected: "SUCCEEDED" },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloDeveloper },
        { what: "GET /hello_user", actual: await get(scene, "/hello_user"), expected: helloUser },
        { what: "versions", actual: await versions(scene), expected: ["", commit] },
        { what: "live", actual: await live(scene), expected: "2" },
        { what: "SHA-256 of its zip", actual: await codeSha256(scene), expected: await bundledHere(scene) },
      ];
    },
  },
  {
    title: "A commit only touches the README",
    run: async (scene) => {
      const before = await versions(scene);
      const { build } = await push(scene, "Say more in the README", "README.md", "\nOne more line.\n");
      const log = build ? await readFile(build.logFile, "utf8") : "";
      return [
        { what: "build", actual: build?.status, expected: "SUCCEEDED" },
        { what: "release", actual: /^hello-user: .*$/m.exec(log)?.[0], expected: unchanged },
        { what: "versions", actual: await versions(scene), expected: before },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloDeveloper },
      ];
    },
  },
  {
    title: "A pull request is red, then green, then merged; in this copy it runs the functions' tests only",
    run: async (scene) => {
      const before = await versions(scene);
      const red = await pushPullRequest(scene, "Take longer names", {
        [handler]: (text) => text.replace("100;", "120;"),
      });
      const whileRed = { live: await get(scene, longName), versions: await versions(scene) };
      const green = await pushPullRequest(scene, "Test that longer names are taken", {
        [handlerTest]: (text) => text.replaceAll("101", "121").replace("at most 100", "at most 120"),
      });
      const whileGreen = { live: await get(scene, longName), versions: await versions(scene) };
      const merged = await merge(scene);
      const notDeployed = { live: tooLong, versions: before };
      return [
        { what: `${red.short} shows`, actual: red.shows, expected: { [pullRequestStatus]: "failure" } },
        { what: "failing test", actual: red.failed, expected: [limitTest] },
        { what: "deployed while it is red", actual: whileRed, expected: notDeployed },
        { what: `${green.short} shows`, actual: green.shows, expected: { [pullRequestStatus]: "success" } },
        { what: "deployed while it is green", actual: whileGreen, expected: notDeployed },
        {
          what: `${green.short} shows, merged`,
          actual: merged.shows,
          expected: { [pullRequestStatus]: "success", [deployStatus]: "success" },
        },
        { what: "commit merged", actual: merged.commit, expected: green.commit },
        { what: "a name of 101 characters", actual: (await get(scene, longName)).slice(0, 3), expected: "200" },
        { what: "versions", actual: await versions(scene), expected: [...before, green.commit] },
      ];
    },
  },
];

const longName = `/hello_user?user=${"a".repeat(101)}`;
const tooLong = `400 ${JSON.stringify({ message: "user has 101 characters; at most 100 are allowed" })}`;
const limitTest = "GET /hello_user refuses 101 characters and says what is allowed";
const pullRequestStatus = "push-to-live-local/pull-request";
const repositoryUrl = "https://github.com/local/push-to-live.git";
const deployStatus = `AWS CodeBuild ${account.region} (push-to-live-local-deploy)`;

const unchanged = "hello-user: unchanged, live stays at version 2";

async function get({ stack }: Scene, path: string): Promise<string> {
  const response = await fetch(`${stack.outputs.apiUrl}${path}`);
  return `${response.status} ${await response.text()}`;
}

/** The commit of each published version, oldest first; the first, which `pulumi up` made, has none. */
async function versions({ stack, lambda }: Scene): Promise<(string | undefined)[]> {
  const { Versions = [] } = await lambda.listVersionsByFunction({
    FunctionName: stack.outputs.functionNames["hello-user"],
  });
  return Versions.filter(({ Version }) => Version !== "$LATEST").map(({ Description }) => Description);
}

async function live({ stack, lambda }: Scene): Promise<string | undefined> {
  const alias = await lambda.getAlias({ FunctionName: stack.outputs.functionNames["hello-user"], Name: "live" });
  return alias.FunctionVersion;
}

/** The SHA-256 of the code that is live, which the build has made. */
async function codeSha256({ stack, lambda }: Scene): Promise<string | undefined> {
  const FunctionName = stack.outputs.functionNames["hello-user"];
  return (await lambda.getFunctionConfiguration({ FunctionName, Qualifier: "live" })).CodeSha256;
}

/** The SHA-256 that `npm run bundle` prints for the developer's clone: the same bytes in another folder. */
async function bundledHere({ copy }: Scene): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, ["deploy/bundle.ts"], { cwd: copy });
  return stdout.split(/\s+/)[1];
}

function phases(build: Build | undefined, status?: string): string[] {
  return (build?.phases ?? []).filter((phase) => !status || phase.status === status).map(({ type }) => type);
}

/**
 * Commits the checkout's own `file` to the copy, with `text` at its end, and pushes; returns the build that the push started once it has
 * ended.
 */
async function push(
  { stack, copy }: Scene,
  message: string,
  file: string,
  text = "",
): Promise<{ commit: string; build: Build | undefined }> {
  const { codebuild } = stack.cloud;
  const before = codebuild.builds.length;
  await writeFile(join(copy, file), (await readFile(join(checkout, file), "utf8")) + text);
  await git(copy, "commit", "--quiet", "--all", `--message=${message}`);
  await git(copy, "push", "--quiet", "origin", localStack.branch);
  const build = codebuild.builds.slice(before).at(-1);
  return { commit: await git(copy, "rev-parse", "HEAD"), build: build && (await codebuild.ended(build)) };
}

/** Commits changes of the copy's files to its branch `longer-names` and pushes that as a pull request; tells what GitHub shows of the commit. */
async function pushPullRequest(
  { stack, copy }: Scene,
  message: string,
  changes: Readonly<Record<string, (text: string) => string>>,
): Promise<{ commit: string; short: string; shows: Record<string, string>; failed: string[] | undefined }> {
  const { codebuild } = stack.cloud;
  const before = codebuild.builds.length;
  await git(copy, "checkout", "--quiet", "-B", "longer-names");
  for (const [file, change] of Object.entries(changes)) {
    await writeFile(join(copy, file), change(await readFile(join(copy, file), "utf8")));
  }
  await git(copy, "commit", "--quiet", "--all", `--message=${message}`);
  await git(copy, "push", "--quiet", "--push-option=pr", "origin", "longer-names");
  await Promise.all(codebuild.builds.slice(before).map((build) => codebuild.ended(build)));
  const commit = await git(copy, "rev-parse", "HEAD");
  const tests = codebuild.builds.slice(before).flatMap((build) => build.tests);
  const failed = tests.filter(({ status }) => status === "FAILED").map(({ name }) => name);
  return { commit, short: commit.slice(0, 7), shows: statuses(stack, commit), failed };
}

/** Merges the pull request, as GitHub's button does, and waits for the build that this starts. */
async function merge({ stack, copy }: Scene): Promise<{ commit: string; shows: Record<string, string> }> {
  const { codebuild } = stack.cloud;
  const before = codebuild.builds.length;
  await git(copy, "checkout", "--quiet", localStack.branch);
  await git(copy, "merge", "--quiet", "--ff-only", "longer-names");
  await git(copy, "push", "--quiet", "origin", localStack.branch);
  await Promise.all(codebuild.builds.slice(before).map((build) => codebuild.ended(build)));
  const commit = await git(copy, "rev-parse", "HEAD");
  return { commit, shows: statuses(stack, commit) };
}

/** The state of a commit under each name, as GitHub shows it: the latest counts. */
function statuses({ cloud }: Stack, commit: string): Record<string, string> {
  const oldestFirst = cloud.github.statusesOf(repositoryUrl, commit).toReversed();
  return Object.fromEntries(oldestFirst.map(({ context, state }) => [context, state]));
}

/** The local copy of the project at the tutorial's start, with a git history of its own. The checkout is only read. */
async function copyProject(copy: string): Promise<void> {
  const left = new Set([".git", ".local", "dist", "node_modules", "reports"]);
  await cp(checkout, copy, { recursive: true, filter: (source) => !left.has(basename(source)) });
  await symlink(join(checkout, "node_modules"), join(copy, "node_modules"));
  await cp(join(import.meta.dirname, "firstIteration", "handler.ts"), join(copy, handler));
  await cp(join(import.meta.dirname, "firstIteration", "hello-user.test.ts"), join(copy, handlerTest));
  await cp(join(import.meta.dirname, "firstIteration", "buildspec.pr.yml"), join(copy, "buildspec.pr.yml"));
  await git(copy, "init", "--quiet", `--initial-branch=${localStack.branch}`);
  await git(copy, "config", "user.name", "The developer");
  await git(copy, "config", "user.email", "developer@example.com");
  await git(copy, "config", "commit.gpgSign", "false");
  await git(copy, "config", "core.hooksPath", join(copy, ".git", "hooks"));
  await git(copy, "add", "--all");
  await git(copy, "commit", "--quiet", "--message=Answer hello user");
}

/** Tells the story in `directory` until its end, a claim that does not hold, or `stopped`; returns the exit code. */
async function rehearse(directory: string, stopped: Promise<NodeJS.Signals>): Promise<number> {
  const copy = join(directory, "project");
  const started = Date.now();
  console.log("Rehearsing on a copy of the project; the Pulumi program is evaluated in-process: no engine, no diff.\n");
  await copyProject(copy);
  const stack = await startStack(copy, join(directory, "cloud"), 0, async (remote) => {
    await git(copy, "remote", "add", "origin", remote);
    await git(copy, "push", "--quiet", "origin", localStack.branch);
  });
  try {
    showBuilds(stack.cloud, (line) => console.log(`   ${line}`));
    const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
    const lambda = new Lambda({ endpoint: stack.cloud.awsUrl, region: account.region, credentials });
    for (const [index, { title, run }] of story.entries()) {
      console.log(`${index + 1}. ${title}`);
      const began = index === 0 ? started : Date.now();
      const claims = await Promise.race([run({ stack, copy, lambda }), stopped]);
      if (typeof claims === "string") {
        console.log(`Stopped by ${claims}.`);
        return 130;
      }
      for (const { what, actual, expected } of claims) {
        const held = isDeepStrictEqual(actual, expected);
        console.log(`   ${held ? "✔" : "✖"} ${what}: ${show(actual)}${held ? "" : `, expected ${show(expected)}`}`);
      }
      console.log(`   ${seconds(began)}\n`);
      if (claims.some(({ actual, expected }) => !isDeepStrictEqual(actual, expected))) {
        await showLastLog(stack);
        console.log(`Step ${index + 1} of ${story.length} did not hold.`);
        return 1;
      }
    }
    console.log(`All ${story.length} steps held, in ${seconds(started)}.`);
    return 0;
  } finally {
    await stack.cloud.close();
  }
}

async function showLastLog({ cloud }: Stack): Promise<void> {
  const build = cloud.codebuild.builds.at(-1);
  if (build) {
    console.log(`The log of build ${build.number}:\n${await readFile(build.logFile, "utf8")}`);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

const stopped = interruption();
const directory = await mkdtemp(join(tmpdir(), "rehearsal-"));
try {
  process.exitCode = await rehearse(directory, stopped);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
process.exit();
