import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { account } from "./aws/account.ts";
import { git } from "./github/git.ts";
import type { ProgramOutputs } from "./program/program.ts";
import { type Project, readProject } from "./program/project.ts";
import { serveProvider } from "./program/providerServer.ts";
import { type EmptyStack, type Stack, startEmpty, startStack } from "./program/stack.ts";
import { awsQuota } from "./services/lambda/requestQuota.ts";
import { directory, type Endpoints, endpointsFile, root, runningEndpoints } from "./session/endpoints.ts";
import { interruption, showBuilds } from "./session/terminal.ts";
import { workFolderOf } from "./session/workFolder.ts";

function readArguments(): { port: number; timeScale: number; json: boolean; empty: boolean } {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      "time-scale": { type: "string", default: "60" },
      json: { type: "boolean", default: false },
      empty: { type: "boolean", default: false },
    },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535) {
    throw new Error(`--port is "${values.port}": it must be a whole number from 0 (any that is free) to 65535`);
  }
  const { "time-scale": scale, json, empty } = values;
  if (!/^\d+$/.test(scale) || Number(scale) < 1 || Number(scale) > 3600) {
    throw new Error(
      `--time-scale is "${scale}": it must be a whole number from 1 to 3600, how many times as fast as real time traffic is shifted`,
    );
  }
  return { port, timeScale: Number(scale), json, empty };
}

/** Brings the checkout's last commit to the branch, unless what was pushed to it earlier would be lost. */
function seedOf({ branch }: Project, repository: string): (remote: string) => Promise<void> {
  return async (remote) => {
    const ref = `refs/heads/${branch}`;
    await git(remote, "fetch", "--quiet", "--update-shallow", repository, `HEAD:${ref}`).catch(async () => {
      const kept = await git(remote, "rev-parse", "--short", ref);
      console.error(
        `The branch ${branch} of the git remote stays at ${kept}, which was pushed earlier; the API serves this checkout until the next push.`,
      );
    });
  };
}

/**
 * The repository that the checkout is in.
 *
 * @throws {Error} when its last commit does not have the project where the settings say.
 */
async function repositoryOf({ directory }: Project): Promise<string> {
  const make = `run git init, git add --all and git commit in ${root}`;
  const told = await git(root, "rev-parse", "--show-toplevel", "--show-prefix").catch(() => {
    throw new Error(`npm start needs a git checkout with a commit: ${make}`);
  });
  const [repository = "", folder = ""] = told.split("\n");
  const prefix = folder.replace(/\/$/, "");
  await git(root, "cat-file", "-e", `HEAD:${folder}Pulumi.yaml`).catch(() => {
    throw new Error(
      `the last commit of the git repository ${repository} does not have this project: ${make}, or commit it there`,
    );
  });
  if (prefix !== directory) {
    const set =
      prefix === ""
        ? "npm run pulumi:local -- config rm directory"
        : `npx pulumi config set --stack local directory ${prefix}`;
    throw new Error(
      `the project is in the folder "${prefix}" of its repository, and the setting directory is "${directory}": ${set}`,
    );
  }
  return repository;
}

/** @param outputs Left out where the program was left to Pulumi's engine. */
async function endpointsOf({ cloud, provider, remote }: EmptyStack, outputs?: ProgramOutputs): Promise<Endpoints> {
  return {
    api: outputs?.apiUrl ?? "",
    git: remote,
    webhook: outputs?.webhookUrl ?? "",
    webhookSecret: cloud.codebuild.secretOf(outputs?.deployProject ?? "") ?? "",
    aws: cloud.awsUrl,
    region: account.region,
    provider: await serveProvider(provider),
    functions: outputs?.functionNames ?? {},
    deployProject: outputs?.deployProject ?? "",
    pullRequestProject: outputs?.pullRequestProject ?? "",
    github: cloud.awsUrl,
    githubTokens: cloud.github.tokens,
  };
}

/** Removes what builds and functions have left, and not what was pushed. */
async function removeWork(workDirectory: string): Promise<void> {
  for (const name of ["builds", "lambda"]) {
    await rm(join(workDirectory, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

async function start(): Promise<void> {
  const { port, timeScale, json, empty } = readArguments();
  const stopped = interruption();
  const running = await runningEndpoints();
  if (running) {
    // They would take each other's repository away.
    throw new Error(`the local cloud of this checkout is running at ${running.api || running.aws}: stop it first`);
  }
  const project = await readProject(root);
  const seed = seedOf(project, await repositoryOf(project));
  const workDirectory = await workFolderOf(project);
  // What Pulumi's engine knows is of a cloud that is gone. Earlier versions had all in the checkout.
  for (const name of ["builds", "github", "lambda", "logs", "pulumi"]) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
  await removeWork(workDirectory);
  const options = { timeScale, workDirectory, lambdaQuota: awsQuota };
  const stack: EmptyStack & Partial<Stack> = empty
    ? await startEmpty(project, directory, port, seed, options)
    : await startStack(project, directory, port, seed, options);
  try {
    const endpoints = await endpointsOf(stack, stack.outputs);
    await mkdir(directory, { recursive: true });
    await writeFile(endpointsFile, `${JSON.stringify(endpoints, undefined, 2)}\n`, { mode: 0o600 });
    showBuilds(stack.cloud, (line, build) => {
      const print = json ? console.error : console.log;
      print(build?.status === "FAILED" ? `${line}; log: ${build.logFile}` : line);
    });
    console.log(json ? JSON.stringify(endpoints) : welcome(endpoints, stack, timeScale));
    await stopped;
  } finally {
    await rm(endpointsFile, { force: true });
    await stack.cloud.close();
    await removeWork(workDirectory);
  }
}

function welcome(
  { api, git: remote, aws, region }: Endpoints,
  { project: { branch }, cloud }: EmptyStack,
  timeScale: number,
): string {
  const routes = cloud.apiGateway.routeKeys.map((key) => key.replace(" ", ` ${api}`));
  const program = api
    ? "The stack runs on this machine; its Pulumi program was evaluated in-process: no engine, no diff."
    : "The local cloud is empty: npm run pulumi:local -- up";
  return `${program}

  API          ${api ? [api, ...routes].join("\n               ") : "pulumi up prints it"}
  git remote   ${remote}
  AWS          ${aws} (AWS_ENDPOINT_URL; region ${region}, any credentials)
  logs         ${join(directory, "logs")}
  clock        traffic is shifted ${timeScale} times as fast as on AWS (--time-scale)

Once:          git remote add local '${remote}'
To redeploy:   git push local HEAD:${branch}
Pull request:  git push -o pr local HEAD:<branch>
Ctrl-C stops it.
`;
}

try {
  await start();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
process.exit();
