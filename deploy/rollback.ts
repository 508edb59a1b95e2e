import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { atMost, type Limit } from "./atMost.ts";
import { runCommand } from "./command.ts";
import { type Active, findActive } from "./deployment/active.ts";
import { takeAway } from "./deployment/settling.ts";
import { allAtOnce } from "./deployment/strategy.ts";
import { reasonOf, runDeployment, waitFor } from "./deployment.ts";
import { messageOf, Overtaken, ReleaseError } from "./failures.ts";
import { functionFolders } from "./functionFolders.ts";
import { type Live, previousOf, readAlias, readLive, record, whatIsLive } from "./live.ts";
import { clients, codeDeployApplication, functionsAtOnce, type Stack } from "./stack.ts";
import { publishedVersions } from "./versions.ts";

/** What a rollback works with. */
export interface RollbackArgs extends Stack {
  /** The folders in `functions/` of the functions to roll back. */
  readonly names: readonly string[];
  /**
   * The version to put live. @default the one that was live before, by the record on the alias; where there is no record, the highest
   * published version below the one that is live; while a deployment is under way, the version from which it moves traffic
   */
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
 * Puts another version of each function live, all at once; a deployment that is under way is stopped. Before that it records that the newest
 * commit decided on was rolled back (or, where the version is of that commit, that it is the one to be live again), so that a release of
 * that commit stops.
 *
 * @throws {ReleaseError} before anything changes when there is no such version, or it is not confirmed; otherwise after every function
 * has ended.
 */
export async function rollback(args: RollbackArgs): Promise<RolledBack[]> {
  const limit = atMost(functionsAtOnce);
  const moves = await eachFunction(args.names, (name) => limit(() => plan(args, name)));
  for (const { name, summary } of moves) {
    args.log(`${name}: ${summary}`);
  }
  if (!(await args.confirm())) {
    throw new ReleaseError("it was not confirmed; nothing was changed");
  }
  return eachFunction(moves, async (move) => {
    try {
      await rollBack(args, move, limit);
      return { name: move.name, version: move.to };
    } catch (error) {
      const live = await whatIsLive(args.lambda, move.live.functionName);
      const advice = error instanceof Overtaken ? "; start again from what is live now" : "";
      throw new ReleaseError(`${move.name}: ${messageOf(error)}${advice}\n${move.name}: ${live}`);
    }
  });
}

/**
 * The results of `work` on each function, in order.
 *
 * @throws {ReleaseError} with the message of each failure, after every one has ended.
 */
async function eachFunction<T, R>(functions: readonly T[], work: (fn: T) => Promise<R>): Promise<R[]> {
  const results = await Promise.allSettled(functions.map(work));
  const failures = results.filter((result) => result.status === "rejected").map((result) => messageOf(result.reason));
  if (failures.length > 0) {
    throw new ReleaseError(failures.join("\n"));
  }
  return results.filter((result) => result.status === "fulfilled").map((result) => result.value);
}

interface Move {
  readonly name: string;
  readonly live: Live;
  /** The deployment that is to be stopped first. */
  readonly active: Active | undefined;
  readonly to: string;
  /** The commit of the version `to`. */
  readonly commit: string | undefined;
  readonly summary: string;
}

async function plan(args: RollbackArgs, name: string): Promise<Move> {
  const { application, lambda, to: asked } = args;
  const live = await readLive(lambda, `${application}_${name}`);
  if (!live) {
    throw new ReleaseError(
      `${name}: the stack ${application} has no such function: choose one that it has with --function`,
    );
  }
  const active = await findActive(args, name);
  const commits = await publishedVersions(lambda, live.functionName);
  // While a deployment moves traffic away from it, the version that is live can be had back.
  const others = [...commits.keys()].filter((version) => active || version !== live.version);
  const to = asked ?? (active ? live.version : previousVersion(live, others));
  if (to === undefined || !others.includes(to)) {
    const wrong =
      to === undefined
        ? live.isRecorded
          ? `it is not recorded what was live before version ${live.version}`
          : `no published version is below version ${live.version}, which is live`
        : `--to is "${to}", which is ${to === live.version ? "live already" : "not a published version"}`;
    const choices = others.map((version) => `${version} (${commits.get(version)?.slice(0, 7) ?? "no commit"})`);
    throw new ReleaseError(`${name}: ${wrong}; --to can be ${choices.join(", ") || "no version, there is no other"}`);
  }
  const [before, after] = [live.version, to].map(
    (version) => `version ${version} of ${commits.get(version) ?? "no commit"}`,
  );
  const isStopped = active ? `stop deployment ${active.id} of ${active.commit ?? "another version"}; ` : "";
  const move = to === live.version ? `${before} stays live` : `from ${before} to ${after}`;
  return { name, live, active, to, commit: commits.get(to), summary: `${isStopped}${move}` };
}

function previousVersion(live: Live, others: readonly string[]): string | undefined {
  if (!live.isRecorded) {
    return others.findLast((version) => Number(version) < Number(live.version));
  }
  // After a rollback, what lies below may be what once failed: nobody but the user knows.
  const previous = previousOf(live);
  return previous !== undefined && others.includes(previous) ? previous : undefined;
}

async function rollBack(args: RollbackArgs, { name, live, active, to, commit }: Move, limit: Limit): Promise<void> {
  const { functionName, decision } = live;
  // A version of the same commit that is older has another configuration.
  const isPutBack = decision?.commit === commit && Number(to) > Number(live.version);
  const outcome = isPutBack ? "changed" : "rolled back";
  if (decision) {
    // Refused when the alias has changed since the rollback was planned.
    await record(args.lambda, live, { ...decision, outcome });
    args.log(`${name}: recorded that commit ${decision.commit} was ${outcome === "changed" ? "put back" : outcome}`);
  }
  if (active) {
    await waitFor(args, { name, functionName, id: active.id, isToBeStopped: true }, limit);
  }
  const settled = await readAlias(args.lambda, functionName);
  if (settled && Object.keys(settled.weights).length > 0) {
    await takeAway(args, name, settled);
  }
  const from = settled?.version ?? live.version;
  if (from !== to) {
    const move = { name, functionName, from, to, strategy: allAtOnce, alarms: [] };
    const { id, info, live: now } = await runDeployment(args, move, () => true, limit);
    if (now.version !== to) {
      const reason = `deployment ${id} to version ${to} ${reasonOf(info)}`;
      throw now.version === from ? new ReleaseError(reason) : new Overtaken(reason);
    }
  }

  // AWS does not document whether CodeDeploy leaves an alias's description alone.
  const now = await readAlias(args.lambda, functionName);
  if (decision && now && !now.isRecorded) {
    await record(args.lambda, now, { ...decision, outcome });
  }
}

/**
 * Asks on a terminal whether to go ahead: anything but `y` is a no, and so is Ctrl-C.
 *
 * @throws {ReleaseError} when `input` is no terminal.
 */
export async function ask(
  input: Readable & { isTTY?: boolean },
  write: (question: string) => void,
  signal?: AbortSignal,
): Promise<boolean> {
  if (!input.isTTY) {
    throw new ReleaseError("there is no terminal to ask on, so nothing was changed: add --yes to go ahead");
  }
  write("Go ahead? [y/N] ");
  const lines = createInterface({ input, ...(signal && { signal }) });
  // Closed by the end of the input, which is no answer.
  const [line = ""] = await Promise.race([once(lines, "line"), once(lines, "close")]);
  lines.close();
  return `${line}`.trim().toLowerCase() === "y";
}

async function main(signal: AbortSignal): Promise<number> {
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
  const write = (question: string) => process.stdout.write(question);
  const confirm = async (): Promise<boolean> => yes || ask(process.stdin, write, signal);
  const rolledBack = await rollback({ application, names, to, confirm, ...clients(), log: console.log, signal });
  console.log(`Rolled back. Live: ${rolledBack.map(({ name, version }) => `${name} version ${version}`).join(", ")}`);
  return 0;
}

if (import.meta.main) {
  await runCommand("Not rolled back", "npm run rollback [-- [--function <folder>] [--to <version>] [--yes]]", main);
}
