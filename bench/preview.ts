// How long `pulumi preview` takes with 100 functions, beside the same with one: on the local cloud, before anything exists.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Cloud, startCloud } from "../local/tests/cloud.ts";
import { addFunction, copyProject } from "../sample/project.ts";

const runs = 5;

/** A copy of the project with so many functions, and a local cloud of its own. */
interface Subject {
  readonly functions: number;
  readonly project: string;
  readonly cloud: Cloud;
  /** ms. */
  readonly times: number[];
}

async function start(directory: string, functions: number): Promise<Subject> {
  const project = join(directory, String(functions));
  await copyProject(project);
  for (let index = 2; index <= functions; index++) {
    await addFunction(project, `fn-${index}`);
  }
  return { functions, project, cloud: await startCloud(project, ["--empty"]), times: [] };
}

/** Previews once, and returns how many resources there would be. */
async function preview({ project, times }: Subject): Promise<string> {
  const began = performance.now();
  const args = ["local/pulumi.ts", "preview", "--non-interactive"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project, maxBuffer: 64 * 1024 * 1024 });
  times.push(performance.now() - began);
  return /\+ (\d+) to create/.exec(stdout)?.[1] ?? "?";
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const directory = await mkdtemp(join(tmpdir(), "bench-"));
const subjects: Subject[] = [];
try {
  for (const functions of [1, 100]) {
    subjects.push(await start(directory, functions));
  }
  console.log(`pulumi preview, ${runs} warm runs in turn, ${cpus().length} × ${cpus()[0]?.model}`);
  // The first run fills caches, and is not counted.
  for (const subject of subjects) {
    const resources = await preview(subject);
    subject.times.length = 0;
    console.log(`${subject.functions} function(s): ${resources} resources`);
  }
  for (let run = 1; run <= runs; run++) {
    for (const subject of subjects) {
      await preview(subject);
      console.log(`run ${run}, ${subject.functions} function(s): ${((subject.times.at(-1) ?? 0) / 1000).toFixed(1)} s`);
    }
  }
  const [one = Number.NaN, hundred = Number.NaN] = subjects.map(({ times }) => median(times));
  console.log(
    `median: ${(one / 1000).toFixed(1)} s with 1, ${(hundred / 1000).toFixed(1)} s with 100: ${(hundred / one).toFixed(1)} times as long`,
  );
} finally {
  for (const { cloud } of subjects) {
    await cloud.stop();
  }
  await rm(directory, { recursive: true, force: true });
}
