import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { account } from "./account.ts";
import { git } from "./git.ts";
import { localStack } from "./program.ts";
import { type Stack, startStack } from "./stack.ts";
import { interruption, showBuilds } from "./terminal.ts";

const root = join(import.meta.dirname, "..");
const directory = join(root, ".local");
const endpointsFile = join(directory, "endpoints.json");

/** What a program needs to use the local cloud: the content of `.local/endpoints.json`. */
interface Endpoints {
  readonly api: string;
  /** The path of the repository to push to. */
  readonly git: string;
  readonly webhook: string;
  readonly webhookSecret: string | undefined;
  readonly aws: string;
  readonly region: string;
  /** Function names, by folder. */
  readonly functions: Readonly<Record<string, string>>;
  readonly deployProject: string;
}

function readArguments(): { port: number; json: boolean } {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "8080" }, json: { type: "boolean", default: false } },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535) {
    throw new Error(`--port is "${values.port}": it must be a whole number from 0 (any that is free) to 65535`);
  }
  return { port, json: values.json };
}

/** Two local clouds of one checkout would take each other's repository away. */
async function refuseIfRunning(): Promise<void> {
  const text = await readFile(endpointsFile, "utf8").catch(() => undefined);
  if (text !== undefined) {
    const { api }: Endpoints = JSON.parse(text);
    if (
      await fetch(api).then(
        () => true,
        () => false,
      )
    ) {
      throw new Error(`the local cloud of this checkout is running at ${api}: stop it first`);
    }
  }
}

/** Brings the checkout's last commit to the branch, unless what was pushed to it earlier would be lost. */
async function seed(remote: string): Promise<void> {
  await git(root, "rev-parse", "--verify", "--quiet", "HEAD").catch(() => {
    throw new Error("npm start needs a git checkout with a commit: run git init, git add --all and git commit");
  });
  const branch = `refs/heads/${localStack.branch}`;
  await git(remote, "fetch", "--quiet", "--update-shallow", root, `HEAD:${branch}`).catch(async () => {
    const kept = await git(remote, "rev-parse", "--short", branch);
    console.error(`The branch ${localStack.branch} of the git remote stays at ${kept}, which was pushed earlier.`);
  });
}

function endpointsOf({ cloud, remote, outputs }: Stack): Endpoints {
  return {
    api: outputs.apiUrl,
    git: remote,
    webhook: outputs.webhookUrl,
    webhookSecret: cloud.codebuild.secretOf(outputs.deployProject),
    aws: cloud.awsUrl,
    region: account.region,
    functions: outputs.functionNames,
    deployProject: outputs.deployProject,
  };
}

async function start(): Promise<void> {
  const { port, json } = readArguments();
  const stopped = interruption();
  await refuseIfRunning();
  const stale = ["builds", "lambda", "logs"].map((name) => rm(join(directory, name), { recursive: true, force: true }));
  await Promise.all(stale);
  const stack = await startStack(root, directory, port, seed);
  try {
    const endpoints = endpointsOf(stack);
    await writeFile(endpointsFile, `${JSON.stringify(endpoints, undefined, 2)}\n`, { mode: 0o600 });
    showBuilds(stack.cloud, (line) => (json ? console.error(line) : console.log(line)));
    console.log(json ? JSON.stringify(endpoints) : welcome(endpoints));
    await stopped;
  } finally {
    await rm(endpointsFile, { force: true });
    await stack.cloud.close();
  }
}

function welcome(endpoints: Endpoints): string {
  return `The stack runs on this machine; its Pulumi program was evaluated in-process: no engine, no diff.

  API          ${endpoints.api}/hello_user
  git remote   ${endpoints.git}
  AWS          ${endpoints.aws} (AWS_ENDPOINT_URL; region ${endpoints.region}, any credentials)
  logs         ${join(directory, "logs")}

Once:          git remote add local '${endpoints.git}'
To redeploy:   git push local HEAD:${localStack.branch}
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
