import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { readProject } from "./program/project.ts";
import type { Stack } from "./program/stack.ts";
import { open } from "./rehearsal/opening.ts";
import { Visitors } from "./rehearsal/visitors.ts";
import { root } from "./session/endpoints.ts";
import { interruption, showBuilds } from "./session/terminal.ts";
import { checkOutside } from "./session/workFolder.ts";

/** Tells the story in `directory` until its end, a claim that does not hold, or `stopped`; returns the exit code. */
async function rehearse(directory: string, stopped: Promise<NodeJS.Signals>): Promise<number> {
  const started = Date.now();
  const { stage, story, introduction, folder, asking, close } = await open(await readProject(root), directory);
  const { stack, timeScale } = stage;
  console.log(introduction);
  console.log("Rehearsing on a copy of the project; the Pulumi program is evaluated in-process: no engine, no diff.");
  console.log(`Traffic is shifted ${timeScale} times as fast as on AWS.\n`);
  const visitors = new Visitors(asking);
  const say = (line: string): void => console.log(`   ${line}`);
  try {
    showBuilds(stack.cloud, say);
    for (const [index, { title, run }] of story.entries()) {
      console.log(`${index + 1}. ${title}`);
      const began = index === 0 ? started : Date.now();
      const claims = await Promise.race([run({ ...stage, folder, visitors, say }), stopped]);
      if (typeof claims === "string") {
        console.log(`Stopped by ${claims}.`);
        return 130;
      }
      for (const { what, actual, expected } of claims) {
        const held = isDeepStrictEqual(actual, expected);
        say(`${held ? "✔" : "✖"} ${what}: ${show(actual)}${held ? "" : `, expected ${show(expected)}`}`);
      }
      say(`${seconds(began)}\n`);
      if (claims.some(({ actual, expected }) => !isDeepStrictEqual(actual, expected))) {
        await showLastLog(stack);
        console.log(`Step ${index + 1} of ${story.length} did not hold.`);
        return 1;
      }
    }
    console.log(
      asking
        ? `All ${story.length} steps held, in ${seconds(started)}.`
        : "The stack has no functions: there is nothing to release, and the story ends here.",
    );
    return 0;
  } finally {
    await visitors.leave();
    await close();
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
  await checkOutside(directory);
  process.exitCode = await rehearse(directory, stopped);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
process.exit();
