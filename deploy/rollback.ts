import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda, paginateListVersionsByFunction } from "@aws-sdk/client-lambda";
import { functionFolders } from "./bundle.ts";
import { codeDeployApplication, runDeployment, type Stack } from "./deployment.ts";
import { eachFunction, messageOf, Overtaken, ReleaseError, runCommand } from "./failures.ts";
import { type Live, parseCommit, readLive, record, whatIsLive } from "./live.ts";

/** What a rollback works with. */
export interface RollbackArgs extends Stack {
  /** The folders in `functions/` of the functions to roll back. */
  readonly names: readonly string[];
  /** The version to put live. @default the highest published version below the one that is live */
  readonly to?: string | undefined;
  /** Asks whether to go ahead; what will change has been told by then. */
  readonly confirm: () => Promise<boolean>;
}

/** How the rollback of one function ended. */
export interface RolledBack {
  readonly name: string;
  /** The version that is live. */
  readonly version: string;
}

/**
 * Puts another version of each function live, all at once. Before that it records that the newest commit decided on was rolled back (or,
 * where the version is of that commit, that it is the one to be live again), so that a release of that commit stops.
 *
 * @throws {ReleaseError} before anything changes when there is no such version, or it is not confirmed; otherwise after every function
 * has ended.
 */
export async function rollback(args: RollbackArgs): Promise<RolledBack[]> {
  const moves = await eachFunction(args.names, (name) => plan(args, name));
  for (const { name, summary } of moves) {
    args.log(`${name}: ${summary}`);
  }
  if (!(await args.confirm())) {
    throw new ReleaseError("it was not confirmed; nothing was changed");
  }
  return eachFunction(moves, async (move) => {
    try {
      await rollBack(args, move);
      return { name: move.name, version: move.to };
    } catch (error) {
      const live = await whatIsLive(args.lambda, move.live.functionName);
      const advice = error instanceof Overtaken ? "; start again from what is live now" : "";
      throw new ReleaseError(`${move.name}: ${messageOf(error)}${advice}\n${move.name}: ${live}`);
    }
  });
}

interface Move {
  readonly name: string;
  readonly live: Live;
  readonly to: string;
  /** The commit of the version `to`. */
  readonly commit: string | undefined;
  readonly summary: string;
}

async function plan({ application, lambda, to: asked }: RollbackArgs, name: string): Promise<Move> {
  const live = await readLive(lambda, `${application}-${name}`);
  if (!live) {
    throw new ReleaseError(
      `${name}: the stack ${application} has no such function: choose one that it has with --function`,
    );
  }
  const commits = await publishedVersions(lambda, live.functionName);
  const others = [...commits.keys()].filter((version) => version !== live.version);
  const to = asked ?? others.findLast((version) => Number(version) < Number(live.version));
  if (to === undefined || !others.includes(to)) {
    const wrong =
      to === undefined
        ? `no published version is below version ${live.version}, which is live`
        : `--to is "${to}", which is ${to === live.version ? "live already" : "not a published version"}`;
    throw new ReleaseError(`${name}: ${wrong}; --to can be ${others.join(", ") || "no version, there is no other"}`);
  }
  const [before, after] = [live.version, to].map(
    (version) => `version ${version} of ${commits.get(version) ?? "no commit"}`,
  );
  return { name, live, to, commit: commits.get(to), summary: `from ${before} to ${after}` };
}

/** The commit of each published version, lowest version first. */
async function publishedVersions(lambda: Lambda, FunctionName: string): Promise<Map<string, string | undefined>> {
  const versions: [string, string | undefined][] = [];
  for await (const page of paginateListVersionsByFunction({ client: lambda }, { FunctionName })) {
    for (const { Version = "$LATEST", Description } of page.Versions ?? []) {
      versions.push([Version, parseCommit(Description)]);
    }
  }
  return new Map(versions.filter(([version]) => version !== "$LATEST").sort(([a], [b]) => Number(a) - Number(b)));
}

async function rollBack(args: RollbackArgs, { name, live, to, commit }: Move): Promise<void> {
  const { functionName, version: from, decision } = live;
  const outcome = decision?.commit === commit ? "changed" : "rolled back";
  if (decision) {
    // Refused when the alias has changed since the rollback was planned.
    await record(args.lambda, live, { ...decision, outcome });
    args.log(`${name}: recorded that commit ${decision.commit} was ${outcome === "changed" ? "put back" : outcome}`);
  }
  const description = `Rollback from version ${from} to ${to}`;
  const deploymentConfigName = "CodeDeployDefault.LambdaAllAtOnce";
  await runDeployment(args, { name, functionName, from, to, description, deploymentConfigName });

  // AWS does not document whether CodeDeploy leaves an alias's description alone.
  const now = await readLive(args.lambda, functionName);
  if (decision && now && !now.isRecorded) {
    await record(args.lambda, now, { ...decision, outcome });
  }
}

/**
 * Asks on a terminal whether to go ahead: anything but `y` is a no.
 *
 * @throws {ReleaseError} when `input` is no terminal.
 */
export async function ask(input: Readable & { isTTY?: boolean }, write: (question: string) => void): Promise<boolean> {
  if (!input.isTTY) {
    throw new ReleaseError("there is no terminal to ask on, so nothing was changed: add --yes to go ahead");
  }
  write("Go ahead? [y/N] ");
  const lines = createInterface({ input });
  // Closed by the end of the input, which is no answer.
  const [line = ""] = await Promise.race([once(lines, "line"), once(lines, "close")]);
  lines.close();
  return `${line}`.trim().toLowerCase() === "y";
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { function: { type: "string" }, to: { type: "string" }, yes: { type: "boolean" } },
  });
  const { function: only, to, yes } = values;
  const application = codeDeployApplication();
  const folders = await functionFolders(join(import.meta.dirname, ".."));
  if (only !== undefined && !folders.includes(only)) {
    throw new ReleaseError(`--function is "${only}", which is not a function; it can be ${folders.join(", ")}`);
  }
  const names = only === undefined ? folders : [only];
  if (to !== undefined && names.length > 1) {
    throw new ReleaseError(
      `--to is a version of one function: choose it with --function, which can be ${folders.join(", ")}`,
    );
  }
  const confirm = async (): Promise<boolean> => yes || ask(process.stdin, (question) => process.stdout.write(question));
  const clients = { lambda: new Lambda(), codedeploy: new CodeDeploy() };
  const rolledBack = await rollback({ application, names, to, confirm, ...clients, log: console.log });
  console.log(
    `Rolled back: ${rolledBack.map(({ name, version }) => `${name} is live at version ${version}`).join(", ")}`,
  );
}

if (import.meta.main) {
  await runCommand("Not rolled back", "npm run rollback [-- [--function <folder>] [--to <version>] [--yes]]", main);
}
