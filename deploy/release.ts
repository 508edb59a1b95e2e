import { join } from "node:path";
import { parseArgs } from "node:util";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { runCommand } from "./command.ts";
import { findActive } from "./deployment/active.ts";
import type { Ended } from "./deployment.ts";
import { isConflict, messageOf, Overtaken, ReleaseError, TrafficReturned } from "./failures.ts";
import { readLive, whatIsLive } from "./live.ts";
import { pause } from "./pause.ts";
import { type Candidate, readCandidates } from "./release/candidates.ts";
import { isUnchanged } from "./release/comparison.ts";
import { failureOf } from "./release/failure.ts";
import { commitOf, historyOf } from "./release/history.ts";
import { clearLeftovers, endDeployment } from "./release/makingWay.ts";
import { publishVersion } from "./release/publishing.ts";
import { checkNotRolledBack, claim } from "./release/recording.ts";
import { shift } from "./release/shifting.ts";
import { runSmokeTest } from "./release/smokeTest.ts";
import { supersededBy, tellUnordered } from "./release/superseding.ts";
import { decidedMeanwhile, takeBack } from "./release/takingBack.ts";
import { type Released, verdictOf } from "./release/verdict.ts";
import { type FunctionState, type ReleaseArgs, type Work, workOf } from "./release/work.ts";
import { clients, codeDeployApplication } from "./stack.ts";
import { discard, prune, settled, type Told } from "./versions.ts";

/** A release of which a part has failed: the message has the reasons. */
export class ReleaseFailed extends ReleaseError {
  readonly results: readonly Released[];

  constructor(message: string, results: readonly Released[]) {
    super(message);
    this.results = results;
  }
}

/**
 * Releases each candidate that differs from what is live: record the commit as the latest, update the code, publish a version described
 * by the commit, smoke-test that version, and have CodeDeploy move the alias `live` to it. A commit older than the recorded one is superseded.
 *
 * @throws {ReleaseFailed} after every function has ended, when one of them failed.
 * @throws {ReleaseError} before anything changes when the stack lacks one of the functions or the commit was rolled back.
 */
export async function release(args: ReleaseArgs): Promise<Released[]> {
  const work = workOf(args);
  const states = await readAll(work);
  for (const state of states) {
    checkNotRolledBack(args, state);
  }
  const failures: string[] = [];
  const results = await Promise.all(
    states.map(async (state): Promise<Released> => {
      const { name } = state.candidate;
      try {
        return await releaseFunction(work, state);
      } catch (error) {
        const live = await whatIsLive(args.lambda, state.live.functionName);
        failures.push(`${name}: ${messageOf(error)}\n${name}: ${live}`);
        const outcome = error instanceof TrafficReturned ? "rolled back" : "failed";
        return { name, outcome, version: /^live is version (\d+)/.exec(live)?.[1] };
      }
    }),
  );
  if (failures.length > 0) {
    throw new ReleaseFailed(failures.join("\n"), results);
  }
  return results;
}

async function readAll(work: Work): Promise<FunctionState[]> {
  const states = await Promise.all(work.candidates.map((candidate) => work.limit(() => read(work, candidate))));
  const missing = work.candidates.filter((_, index) => states[index] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ReleaseError(
      `the stack ${work.application} has no function for ${missing.map((name) => `functions/${name}`).join(", ")}; nothing was released. ` +
        `Declare it in index.ts and run "pulumi up", then start the build again (a role without the right to read it sees none either)`,
    );
  }
  return states.filter((state) => state !== undefined);
}

/** How often a release starts over because another one came in between: of ten at once that know no order, one needs more than a dozen. */
const maxAttempts = 30;

/** Releases one function; where another release or a rollback comes in between, starts over from what is live then. */
async function releaseFunction(work: Work, found: FunctionState): Promise<Released> {
  let state = found;
  for (let attempt = 1; ; attempt++) {
    try {
      return await releaseFrom(work, state);
    } catch (error) {
      const again =
        attempt < maxAttempts && isConflict(error) ? await read(work, state.candidate, state.claim) : undefined;
      if (!again) {
        throw error;
      }
      work.log(`${state.candidate.name}: another release came in between (${messageOf(error)}); looking again`);
      // Of two that meet again and again, one goes first.
      await pause(Math.random() * 100 * Math.min(attempt, 10), work.signal);
      state = again;
    }
  }
}

/** The way of a commit, as docs/releases.md draws it: a function for each state, in the same order and by the same name. */
async function releaseFrom(work: Work, state: FunctionState): Promise<Released> {
  work.signal?.throwIfAborted();
  const newer = supersededBy(work, state);
  if (newer) {
    return superseded(work, state, newer.by, `${newer.why}; live stays at version ${state.live.version}`);
  }
  const cleared = await makeWay(work, state);
  if (cleared) {
    return releaseFrom(work, cleared);
  }
  const { outcome, latest } = await recorded(work, state);
  if (outcome === "unchanged") {
    return unchanged(work, state);
  }
  const version = await published(work, state, latest);
  return shifting(work, state, version);
}

/** Reads the alias `live` of a candidate's function; undefined when the stack does not have that. */
async function read(
  { application, lambda }: Work,
  candidate: Candidate,
  claim: FunctionState["claim"] = { isMade: false },
): Promise<FunctionState | undefined> {
  const live = await readLive(lambda, `${application}_${candidate.name}`);
  return live && { candidate, live, claim };
}

/** A newer commit was decided on: this one changes nothing. */
function superseded(
  { log }: Work,
  { candidate: { name }, live: { version } }: FunctionState,
  by: string,
  how: string,
): Released {
  log(`${name}: superseded by ${by}${how}`);
  return { name, outcome: "superseded", version, by };
}

/**
 * Brings a function to where a release can begin: no deployment is under way, and nothing is left of one. Returns what there is when a
 * deployment has ended; undefined when none was in the way.
 */
async function makeWay(work: Work, state: FunctionState): Promise<FunctionState | undefined> {
  const active = await findActive(work, state.candidate.name);
  if (active) {
    return { ...state, live: await endDeployment(work, state, active) };
  }
  await clearLeftovers(work, state);
  return undefined;
}

/** Records the commit on the alias, and how it was decided on it: whether it changes what is live. */
async function recorded(
  work: Work,
  state: FunctionState,
): Promise<{ readonly outcome: "changed" | "unchanged"; readonly latest: FunctionConfiguration }> {
  checkNotRolledBack(work, state);
  tellUnordered(work, state);
  const latest = await settled(work.lambda, state.live.functionName, undefined, true);
  const outcome = isUnchanged(state, latest) ? "unchanged" : "changed";
  // Before publishing: from here on, whoever looks knows of this commit, and an older one gives way to it.
  await claim(work, state, outcome);
  return { outcome, latest };
}

/** The same code and configuration as what is live: nothing is published. */
async function unchanged(work: Work, { candidate: { name }, live: { version } }: FunctionState): Promise<Released> {
  // Of a release that has not seen this record, and may not live to see it.
  if (await findActive(work, name)) {
    throw new Overtaken("a deployment of another commit has begun");
  }
  work.log(`${name}: unchanged, live stays at version ${version}`);
  return { name, outcome: "unchanged", version };
}

/** Publishes a version, and invokes it as its smoke test says. */
function published(work: Work, state: FunctionState, latest: FunctionConfiguration): Promise<string> {
  const { candidate, live } = state;
  return work.limit(async () => {
    work.signal?.throwIfAborted();
    const version = await publishVersion(work, state, latest);
    await runSmokeTest(work.lambda, live.functionName, version, candidate.smokeTest).catch((error: unknown) =>
      notReleased(work, state, version, error),
    );
    work.log(`${candidate.name}: version ${version} passed its smoke test`);
    return version;
  });
}

/** The version has failed its smoke test: it is deleted, so that no rollback puts it live. */
async function notReleased(work: Work, state: FunctionState, version: string, error: unknown): Promise<never> {
  await discard(work.lambda, state.live.functionName, version, told(work, state));
  throw error;
}

/** Has CodeDeploy move `live` to the version; what the alias records meanwhile decides what comes of it. */
async function shifting(work: Work, state: FunctionState, version: string): Promise<Released> {
  const ended = await shift(work, state, version);
  const now = { ...state, live: ended.live };
  // Whatever the deployment says: where its start was told twice, the second has failed.
  if (ended.live.version !== version) {
    const newer = supersededBy(work, now);
    return newer
      ? superseded(work, now, newer.by, ` during its deployment${newer.why}; live is version ${ended.live.version}`)
      : rolledBack(work, state, version, ended);
  }
  work.log(`${state.candidate.name}: live is version ${version}`);
  const against = decidedMeanwhile(work, state, ended.live);
  return against ? takeBack(work, state, version, against) : released(work, now);
}

/** All traffic is on the version; old ones are deleted. */
async function released(work: Work, state: FunctionState): Promise<Released> {
  await work.limit(() => prune(work.lambda, state.live, told(work, state)));
  return { name: state.candidate.name, outcome: "released", version: state.live.version };
}

/** Traffic is back on the version before, or never left it. @throws {ReleaseError} that says why. */
async function rolledBack(work: Work, state: FunctionState, version: string, ended: Ended): Promise<never> {
  throw await failureOf(work, state, version, ended);
}

/** Who is told of the versions that are deleted. */
function told({ log, tellDenied }: Work, { candidate: { name } }: FunctionState): Told {
  return { log: (line) => log(`${name}: ${line}`), onDenied: tellDenied };
}

async function main(signal: AbortSignal): Promise<number> {
  const root = join(import.meta.dirname, "..");
  const { values } = parseArgs({ options: { force: { type: "boolean", default: false } } });
  const application = codeDeployApplication();
  const commit = commitOf(root);
  const history = historyOf(root, values.force);
  const args: ReleaseArgs = {
    application,
    commit,
    candidates: await readCandidates(root),
    compare: (other) => history(commit, other),
    ...values,
    ...clients(),
    log: console.log,
    signal,
  };
  const results = await release(args).catch((error: unknown) => {
    if (!(error instanceof ReleaseFailed)) {
      throw error;
    }
    console.log(error.message);
    return error.results;
  });
  const { exitCode, line } = verdictOf(commit, results);
  console.log(line);
  return signal.aborted && exitCode !== 0 ? 130 : exitCode;
}

if (import.meta.main) {
  await runCommand("Not released", "npm run release [-- --force]", main);
}
