import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { atMost } from "./atMost.ts";
import { functionFolders } from "./bundle.ts";
import {
  allAtOnce,
  type Ended,
  findActive,
  isGradual,
  reasonOf,
  runDeployment,
  strategyOf,
  takeAway,
  waitFor,
} from "./deployment.ts";
import { errorLines } from "./errorLog.ts";
import { isNamed, messageOf, Overtaken, ReleaseError, runCommand, TrafficReturned } from "./failures.ts";
import { guard, removeGuard, removeStrayGuards, renewGuard } from "./guard.ts";
import { commitOf, historyOf, type Relation } from "./history.ts";
import { type Live, type LiveAlias, readAlias, readLive, record, whatIsLive } from "./live.ts";
import { pause } from "./pause.ts";
import { readSmokeTest, runSmokeTest, type SmokeTest } from "./smokeTest.ts";
import { clients, codeDeployApplication, functionsAtOnce, type Stack } from "./stack.ts";
import { discard, prune, settled } from "./versions.ts";

/** One function's part of a release: its code and what must be true of it before it gets traffic. */
export interface Candidate {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly zip: Uint8Array;
  readonly smokeTest: SmokeTest;
}

/** How the release of one function ended. */
export interface Released {
  readonly name: string;
  /**
   * `released`: `live` was moved to `version`; `unchanged`: `live` already was what would have been released; `superseded`: a later commit
   * was decided on; `rolled back`: the new version had traffic, and has none any more; `failed`: it never had any.
   */
  readonly outcome: "failed" | "released" | "rolled back" | "superseded" | "unchanged";
  /** The version that is live; undefined where that could not be read. */
  readonly version: string | undefined;
  /** The commit that superseded this one. */
  readonly by?: string;
}

/** What a release works with. */
export interface ReleaseArgs extends Stack {
  /** The commit being released: the description of each version it publishes. */
  readonly commit: string;
  readonly candidates: readonly Candidate[];
  /** What another commit is to the one being released. */
  readonly compare: (other: string) => Relation;
  /** Whether to release a commit also when it was rolled back. @default false */
  readonly force?: boolean;
}

/** A release of which a part has failed: the message has the reasons. */
export class ReleaseFailed extends ReleaseError {
  readonly results: readonly Released[];

  constructor(message: string, results: readonly Released[]) {
    super(message);
    this.results = results;
  }
}

/** How often a release starts over because another one came in between: of ten at once that know no order, one needs more than a dozen. */
const maxAttempts = 30;

/**
 * Releases each candidate that differs from what is live: record the commit as the latest, update the code, publish a version described
 * by the commit, smoke-test that version, and have CodeDeploy move the alias `live` to it. A commit older than the recorded one is superseded.
 *
 * @throws {ReleaseFailed} after every function has ended, when one of them failed.
 * @throws {ReleaseError} before anything changes when the stack lacks one of the functions or the commit was rolled back.
 */
export async function release(args: ReleaseArgs): Promise<Released[]> {
  const work = workOf(args);
  const states = await findAll(work);
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

/** What the parts of one release share. */
interface Work extends ReleaseArgs {
  /** Has at most four functions read, published, settled or pruned at once. */
  readonly limit: ReturnType<typeof atMost>;
  /** Tells, once, that the role may not delete versions. */
  readonly tellDenied: (why: string) => void;
}

function workOf(args: ReleaseArgs): Work {
  let isTold = false;
  return {
    ...args,
    limit: atMost(functionsAtOnce),
    tellDenied(why) {
      if (!isTold) {
        isTold = true;
        args.log(`the role of this release may not delete versions, so all are kept: ${why}`);
      }
    },
  };
}

/** A candidate beside the alias of its function. */
interface FunctionState {
  readonly candidate: Candidate;
  readonly live: Live;
  /** Whether this release has recorded its commit: another that is recorded then has come after it. */
  readonly claim: { isMade: boolean };
}

async function findAll(args: Work): Promise<FunctionState[]> {
  const states = await Promise.all(
    args.candidates.map((candidate) => args.limit(() => find(args, candidate, { isMade: false }))),
  );
  const missing = args.candidates.filter((_, index) => states[index] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ReleaseError(
      `the stack ${args.application} has no function for ${missing.map((name) => `functions/${name}`).join(", ")}; nothing was released. ` +
        `Declare it in index.ts and run "pulumi up", then start the build again (a role without the right to read it sees none either)`,
    );
  }
  return states.filter((state) => state !== undefined);
}

async function find(
  { application, lambda }: ReleaseArgs,
  candidate: Candidate,
  claim: FunctionState["claim"],
): Promise<FunctionState | undefined> {
  const live = await readLive(lambda, `${application}_${candidate.name}`);
  return live && { candidate, live, claim };
}

async function releaseFunction(args: Work, found: FunctionState): Promise<Released> {
  let state = found;
  for (let attempt = 1; ; attempt++) {
    try {
      return await releaseOnce(args, await makeWay(args, state));
    } catch (error) {
      const again =
        attempt < maxAttempts && isConflict(error) ? await find(args, state.candidate, state.claim) : undefined;
      if (!again) {
        throw error;
      }
      args.log(`${state.candidate.name}: another release came in between (${messageOf(error)}); looking again`);
      // Of two that meet again and again, one goes first.
      await pause(Math.random() * 100 * Math.min(attempt, 10), args.signal);
      state = again;
    }
  }
}

/**
 * Brings a function to where a release can begin: no deployment is under way, and nothing is left of one. A deployment of an older commit is
 * stopped, any other is waited for.
 */
async function makeWay(args: Work, state: FunctionState): Promise<FunctionState> {
  const { log, commit } = args;
  const { live } = state;
  const { name } = state.candidate;
  args.signal?.throwIfAborted();
  if (supersededBy(args, state)) {
    return state;
  }
  const active = await findActive(args, name);
  if (active) {
    // Recorded first: whoever waits for that deployment sees why it was stopped.
    checkNotRolledBack(args, state);
    await claim(args, state, "changed");
    const isOlder =
      active.commit !== undefined && active.commit !== commit && args.compare(active.commit) === "ancestor";
    log(
      `${name}: deployment ${active.id} of ${active.commit ?? "another version"} is under way; ${isOlder ? "it is superseded" : "waiting for its end"}`,
    );
    const waiting = { name, functionName: live.functionName, id: active.id, isToBeStopped: isOlder };
    return makeWay(args, { ...state, live: await waitFor(args, waiting, args.limit) });
  }
  if (Object.keys(live.weights).length > 0) {
    await takeAway(args, name, live);
    throw new Overtaken("a deployment had left the alias with two versions");
  }
  await removeStrayGuards(args, live.functionName);
  return state;
}

/** The commit that goes before the one being released, where one was decided on, and why, for the user. */
function supersededBy(
  { commit, compare }: ReleaseArgs,
  { live: { decision, isRecorded }, claim }: FunctionState,
): { by: string; why: string } | undefined {
  if (!decision || decision.commit === commit) {
    return undefined;
  }
  const { commit: by } = decision;
  switch (compare(by)) {
    case "descendant":
      return { by, why: "" };
    case "rewritten":
      return { by, why: ": this commit is on no branch of the remote" };
    case "unknown":
      // Of two that know no order between them, the later one wins: each would else begin again because of the other.
      return claim.isMade && isRecorded ? { by, why: ", which was recorded after this commit" } : undefined;
    case "abandoned":
    case "ancestor":
      return undefined;
  }
}

async function releaseOnce(args: Work, state: FunctionState): Promise<Released> {
  const { lambda, commit, log } = args;
  const { name } = state.candidate;
  const { functionName, version, decision } = state.live;
  checkNotRolledBack(args, state);
  const newer = supersededBy(args, state);
  if (newer) {
    log(`${name}: superseded by ${newer.by}${newer.why}; live stays at version ${version}`);
    return { name, outcome: "superseded", version, by: newer.by };
  }
  if (decision && decision.commit !== commit && args.compare(decision.commit) !== "ancestor") {
    log(
      `${name}: ${decision.commit}, the latest so far, is not in this commit's history (rewritten, or another branch); releasing over it`,
    );
  }
  const latest = await settled(lambda, functionName, undefined, true);
  const outcome = isUnchanged(state, latest) ? "unchanged" : "changed";
  // Before publishing: from here on, whoever looks knows of this commit, and an older one gives way to it.
  await claim(args, state, outcome);
  if (outcome === "unchanged") {
    // Of a release that has not seen this record, and may not live to see it.
    if (await findActive(args, name)) {
      throw new Overtaken("a deployment of another commit has begun");
    }
    log(`${name}: unchanged, live stays at version ${version}`);
    return { name, outcome, version };
  }
  const published = await args.limit(async () => {
    args.signal?.throwIfAborted();
    const to = await publishVersion(args, state, latest);
    try {
      await runSmokeTest(lambda, functionName, to, state.candidate.smokeTest);
    } catch (error) {
      await discard(lambda, functionName, to, { log: (line) => log(`${name}: ${line}`), onDenied: args.tellDenied });
      throw error;
    }
    log(`${name}: version ${to} passed its smoke test`);
    return to;
  });
  return deploy(args, state, published);
}

/** Records the commit as the latest, unless it is. */
async function claim(
  { lambda, commit }: ReleaseArgs,
  { live, claim }: FunctionState,
  outcome: "changed" | "unchanged",
): Promise<void> {
  if (!isClaimed(live, commit, outcome)) {
    await record(lambda, live, { commit, outcome });
    claim.isMade = true;
  }
}

/** Whether the alias already records how it was decided on a commit. */
function isClaimed({ decision, version }: Live, commit: string, outcome: "changed" | "unchanged"): boolean {
  if (decision?.commit !== commit || decision.outcome === "rolled back") {
    return false;
  }
  if (outcome === "changed") {
    // A commit's second release, as of a changed configuration, has another version to go back to.
    return decision.outcome === "changed" && decision.version === version;
  }
  // Recorded before it was known that nothing has to be released: whoever puts another version live has to know.
  return decision.outcome === "unchanged" || decision.version !== version;
}

/** @throws {ReleaseError} when the commit was rolled back, unless the release is forced. */
function checkNotRolledBack({ commit, force }: ReleaseArgs, { candidate, live: { decision } }: FunctionState): void {
  if (decision?.commit === commit && decision.outcome === "rolled back" && !force) {
    throw new ReleaseError(
      `commit ${commit} of functions/${candidate.name} was rolled back: push a fix, or release it all the same with "npm run release -- --force"`,
    );
  }
}

/** Lambda's refusals of an update or a version that another one came before, and what another release or a rollback did meanwhile. */
function isConflict(error: unknown): boolean {
  return error instanceof Overtaken || isNamed(error, "PreconditionFailedException", "ResourceConflictException");
}

/** What a version is made of, beside its code. `RuntimeVersionConfig` is left out: AWS changes it by itself. */
const versionedConfiguration = [
  "Architectures",
  "DeadLetterConfig",
  "Environment",
  "EphemeralStorage",
  "FileSystemConfigs",
  "Handler",
  "KMSKeyArn",
  "Layers",
  "LoggingConfig",
  "MemorySize",
  "Role",
  "Runtime",
  "SnapStart",
  "Timeout",
  "TracingConfig",
  "VpcConfig",
] as const satisfies readonly (keyof FunctionConfiguration)[];

// Lambda publishes a new version after any update of the code, also to equal bytes: so compare before updating.
function isUnchanged({ candidate, live }: FunctionState, latest: FunctionConfiguration): boolean {
  return (
    live.configuration.CodeSha256 === sha256(candidate.zip) &&
    versionedConfiguration.every((key) => isDeepStrictEqual(latest[key], live.configuration[key]))
  );
}

async function publishVersion(
  { lambda, commit, log }: ReleaseArgs,
  { candidate, live: { functionName } }: FunctionState,
  latest: FunctionConfiguration,
): Promise<string> {
  const codeSha256 = sha256(candidate.zip);
  log(`${candidate.name}: updating the code (${candidate.zip.byteLength} bytes, SHA-256 ${codeSha256})`);
  await lambda.updateFunctionCode({
    FunctionName: functionName,
    ZipFile: candidate.zip,
    ...(latest.RevisionId === undefined ? {} : { RevisionId: latest.RevisionId }),
  });
  await settled(lambda, functionName);

  const published = { FunctionName: functionName, CodeSha256: codeSha256, Description: commit };
  const { Version: version } = await lambda.publishVersion(published).catch((error: unknown) => {
    // The code is no longer what was just uploaded.
    throw isNamed(error, "InvalidParameterValueException") ? new Overtaken(messageOf(error)) : error;
  });
  if (!version) {
    throw new ReleaseError(`Lambda published ${functionName} without a version number`);
  }
  await settled(lambda, functionName, version);
  log(`${candidate.name}: published version ${version} of commit ${commit}`);
  return version;
}

/** Moves `live` to a published version, under the guard of alarms where traffic moves bit by bit. */
async function deploy(args: Work, state: FunctionState, version: string): Promise<Released> {
  const { commit, lambda, log } = args;
  const { name } = state.candidate;
  const { functionName, version: before } = state.live;
  const strategy = await strategyOf(args, name);
  const isGuarded = isGradual(strategy);
  const alarms = isGuarded ? await guard(args, state.live, version) : [];
  const unguard = async (): Promise<void> => {
    if (isGuarded) {
      await removeGuard(args, functionName, version);
    }
  };
  // Without a record, as where CodeDeploy has lost it, nobody has said otherwise.
  const isWanted = ({ decision, isRecorded }: LiveAlias): boolean =>
    !isRecorded || (decision?.commit === commit && decision.outcome !== "rolled back");
  const began = Date.now();

  const now = await readAlias(lambda, functionName);
  if (now?.version !== before || !isWanted(now)) {
    await unguard();
    throw new Overtaken(`live is version ${now?.version}, latest commit ${now?.decision?.commit ?? "unknown"}`);
  }
  if (args.signal?.aborted) {
    await unguard();
    throw args.signal.reason;
  }
  const onStarted = isGuarded && { onStarted: () => renewGuard(args, functionName, version) };
  const move = { name, functionName, from: before, to: version, commit, strategy, alarms, ...onStarted };
  const ended = await runDeployment(args, move, isWanted, args.limit);
  await unguard();
  // Whatever the deployment says: where its start was told twice, the second has failed.
  if (ended.live.version !== version) {
    return whyNot(args, state, version, ended, began);
  }
  log(`${name}: live is version ${version}`);

  // A later commit that came during the deployment, and was what was live before it, has no deployment of its own; nor has a rollback.
  const decision = ended.live.isRecorded ? ended.live.decision : undefined;
  const isRolledBack = decision?.commit === commit && decision.outcome === "rolled back";
  if (
    isRolledBack ||
    (decision?.outcome === "unchanged" && decision.version === before && decision.commit !== commit)
  ) {
    const why = isRolledBack ? "rolled back" : `superseded by ${decision.commit}`;
    log(`${name}: ${why} during its deployment, putting version ${before} back`);
    const back = { name, functionName, from: version, to: before, strategy: allAtOnce, alarms: [] };
    const { info, live } = await runDeployment(args, back, () => true, args.limit);
    if (live.version !== before) {
      throw new Overtaken(`version ${before} was not put back: ${reasonOf(info)}`);
    }
    if (isRolledBack) {
      throw new TrafficReturned(`commit ${commit} was rolled back during its deployment`);
    }
    return { name, outcome: "superseded", version: before, by: decision.commit };
  }
  await args.limit(() =>
    prune(lambda, ended.live, { log: (line) => log(`${name}: ${line}`), onDenied: args.tellDenied }),
  );
  return { name, outcome: "released", version };
}

/** What came of a deployment that has not put its version live, by what the alias records. */
async function whyNot(
  args: ReleaseArgs,
  state: FunctionState,
  version: string,
  { id, info, live, hadTraffic }: Ended,
  began: number,
): Promise<Released> {
  const { commit, log, signal } = args;
  const { name } = state.candidate;
  const reason = `deployment ${id} to version ${version} ${reasonOf(info)}`;
  const decision = live.isRecorded ? live.decision : undefined;
  const newer = supersededBy(args, { ...state, live });
  if (newer) {
    log(`${name}: superseded by ${newer.by} during its deployment${newer.why}; live is version ${live.version}`);
    return { name, outcome: "superseded", version: live.version, by: newer.by };
  }
  if (decision && decision.commit !== commit) {
    throw new Overtaken(reason);
  }
  const Failure = hadTraffic ? TrafficReturned : ReleaseError;
  if (decision?.commit === commit && decision.outcome === "rolled back") {
    throw new Failure(`commit ${commit} was rolled back during its deployment`);
  }
  if (signal?.aborted) {
    throw new Failure(`${messageOf(signal.reason)}; ${reason}`);
  }
  if (live.version !== state.live.version) {
    throw new Overtaken(reason);
  }
  if (!hadTraffic) {
    throw new ReleaseError(reason);
  }
  const lines = await errorLines(args, live, version, began);
  throw new TrafficReturned([reason, ...lines.map((line) => `  version ${version} logged: ${line}`)].join("\n"));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

/** The candidates of a checkout: each function's zip in `dist/` and its `smoke.json`. */
async function readCandidates(root: string): Promise<Candidate[]> {
  return Promise.all(
    (await functionFolders(root)).map(async (name) => ({
      name,
      zip: await readFile(join(root, "dist", `${name}.zip`)).catch(() => {
        throw new ReleaseError(`dist/${name}.zip does not exist: run "npm run bundle" first`);
      }),
      smokeTest: await readSmokeTest(root, name),
    })),
  );
}

/** The exit code of a release and its last line: docs/releases.md has them in a table. */
export function verdictOf(commit: string, results: readonly Released[]): { exitCode: number; line: string } {
  const outcomes = results.map(({ outcome }) => outcome);
  const by = results.find((result) => result.by !== undefined)?.by;
  const [exitCode, verdict] = outcomes.includes("rolled back")
    ? [2, "Rolled back"]
    : outcomes.includes("failed")
      ? [1, "Not released"]
      : outcomes.includes("released")
        ? [0, "Released"]
        : by !== undefined
          ? [0, "Superseded"]
          : [0, "Unchanged"];
  const isMixed = new Set(outcomes).size > 1;
  const live = results.map(
    ({ name, version, outcome }) => `${name} version ${version ?? "unknown"}${isMixed ? ` (${outcome})` : ""}`,
  );
  const superseded = verdict === "Superseded" ? ` by ${by}` : "";
  return { exitCode, line: `${verdict}: commit ${commit}${superseded}. Live: ${live.join(", ")}` };
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
