import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Lambda } from "@aws-sdk/client-lambda";
import { account } from "./aws/account.ts";
import { git } from "./github/git.ts";
import { readProject } from "./program/project.ts";
import { type Stack, startStack } from "./program/stack.ts";
import { copyProject } from "./rehearsal/developer.ts";
import { story } from "./rehearsal/story.ts";
import { Visitors } from "./rehearsal/visitors.ts";
import { awsQuota } from "./services/lambda/requestQuota.ts";
import { root } from "./session/endpoints.ts";
import { interruption, showBuilds } from "./session/terminal.ts";
import { checkOutside } from "./session/workFolder.ts";

/** A canary of five minutes takes a second. */
const timeScale = 300;

/** Tells the story in `directory` until its end, a claim that does not hold, or `stopped`; returns the exit code. */
async function rehearse(directory: string, stopped: Promise<NodeJS.Signals>): Promise<number> {
  const checkout = await readProject(root);
  const started = Date.now();
  console.log("Rehearsing on a copy of the project; the Pulumi program is evaluated in-process: no engine, no diff.");
  console.log(`Traffic is shifted ${timeScale} times as fast as on AWS.\n`);
  const copy = await copyProject(checkout, join(directory, "project"));
  const project = await readProject(copy);
  const seed = async (remote: string): Promise<void> => {
    await git(copy, "remote", "add", "origin", remote);
    await git(copy, "push", "--quiet", "origin", project.branch);
  };
  const stack = await startStack(project, join(directory, "cloud"), 0, seed, {
    timeScale,
    random: evenly(),
    lambdaQuota: awsQuota,
  });
  const visitors = new Visitors(`${stack.outputs.apiUrl}/hello_user?user=visitor`);
  try {
    showBuilds(stack.cloud, (line) => console.log(`   ${line}`));
    const credentials = { accessKeyId: "rehearsal", secretAccessKey: "rehearsal" };
    const lambda = new Lambda({ endpoint: stack.cloud.awsUrl, region: account.region, credentials });
    for (const [index, { title, run }] of story.entries()) {
      console.log(`${index + 1}. ${title}`);
      const began = index === 0 ? started : Date.now();
      const claims = await Promise.race([run({ stack, copy, lambda, visitors }), stopped]);
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
    await visitors.leave();
    await stack.cloud.close();
  }
}

/** Numbers from 0 to 1, as even as can be: of ten requests, a canary of 10 % gets one. */
function evenly(): () => number {
  let last = 0;
  return () => {
    last = (last + (Math.sqrt(5) - 1) / 2) % 1;
    return last;
  };
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
  await checkOutside(directory);
  process.exitCode = await rehearse(directory, stopped);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
process.exit();
