import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import {
  type FunctionConfiguration,
  Lambda,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
} from "@aws-sdk/client-lambda";
import { functionFolders } from "./bundle.ts";
import { codeDeployApplication, runDeployment, type Stack } from "./deployment.ts";
import { eachFunction, messageOf, Overtaken, ReleaseError, runCommand } from "./failures.ts";
import { type Live, readLive, record, whatIsLive } from "./live.ts";

/** One function's part of a release: its code and what must be true of it before it gets traffic. */
export interface Candidate {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly zip: Uint8Array;
  readonly smokeTest: SmokeTest;
}

/** `smoke.json`: the event that a new version is invoked with, and what its response must be. */
export interface SmokeTest {
  readonly event: unknown;
  /** Each member listed must be equal in the response; a `body` that is not a string is compared with the response's JSON body. */
  readonly response: Readonly<Record<string, unknown>>;
}

/** How the release of one function ended. */
export interface Released {
  readonly name: string;
  /**
   * `released`: `live` was moved to `version`; `unchanged`: `live` already was what would have been released; `superseded`: a
   * later commit was decided on.
   */
  readonly outcome: "released" | "superseded" | "unchanged";
  /** The version that is live. */
  readonly version: string;
}

/** What a release works with. */
export interface ReleaseArgs extends Stack {
  /** The commit being released: the description of each version it publishes. */
  readonly commit: string;
  readonly candidates: readonly Candidate[];
  /** Whether `commit` is an ancestor of another commit; undefined when the repository does not know the other. */
  readonly isAncestorOf: (other: string) => boolean | undefined;
  /** Whether to release a commit also when it was rolled back. @default false */
  readonly force?: boolean;
}

/** How often a release starts over because another one came in between. */
const maxAttempts = 5;
/** Seconds. */
const waiting = { minDelay: 0.2, maxDelay: 5, maxWaitTime: 120 };

/**
 * Releases each candidate that differs from what is live: record the commit as the latest, update the code, publish a version described
 * by the commit, smoke-test that version, and have CodeDeploy move the alias `live` to it. A commit older than the recorded one is superseded.
 *
 * @throws {ReleaseError} before anything changes when the stack lacks one of the functions or the commit was rolled back; otherwise after
 * every function has ended.
 */
export async function release(args: ReleaseArgs): Promise<Released[]> {
  const states = await findAll(args);
  for (const state of states) {
    checkNotRolledBack(args, state);
  }
  return eachFunction(states, (state) => releaseFunction(args, state));
}

/** A candidate beside what AWS has of its function. */
interface FunctionState {
  readonly candidate: Candidate;
  /** `$LATEST`, which the next published version is made from. */
  readonly latest: FunctionConfiguration;
  readonly live: Live;
}

async function findAll(args: ReleaseArgs): Promise<FunctionState[]> {
  const states = await Promise.all(args.candidates.map((candidate) => find(args, candidate)));
  const missing = args.candidates.filter((_, index) => states[index] === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ReleaseError(
      `the stack ${args.application} has no function for ${missing.map((name) => `functions/${name}`).join(", ")}; nothing was released. ` +
        `Declare it in index.ts and run "pulumi up", then start the build again`,
    );
  }
  return states.filter((state) => state !== undefined);
}

async function find({ application, lambda }: ReleaseArgs, candidate: Candidate): Promise<FunctionState | undefined> {
  const functionName = `${application}-${candidate.name}`;
  const live = await readLive(lambda, functionName);
  if (!live) {
    return undefined;
  }
  // An update that is under way changes the revision once more when it settles.
  await waitUntilFunctionUpdatedV2({ ...waiting, client: lambda }, { FunctionName: functionName });
  return { candidate, latest: await lambda.getFunctionConfiguration({ FunctionName: functionName }), live };
}

async function releaseFunction(args: ReleaseArgs, found: FunctionState): Promise<Released> {
  let state = found;
  for (let attempt = 1; ; attempt++) {
    try {
      return await releaseOnce(args, state);
    } catch (error) {
      const again = attempt < maxAttempts && isConflict(error) ? await find(args, state.candidate) : undefined;
      const { name } = state.candidate;
      if (!again) {
        throw new ReleaseError(
          `${name}: ${messageOf(error)}\n${name}: ${await whatIsLive(args.lambda, state.live.functionName)}`,
        );
      }
      args.log(`${name}: another release came in between (${messageOf(error)}); looking again`);
      state = again;
    }
  }
}

async function releaseOnce(args: ReleaseArgs, state: FunctionState): Promise<Released> {
  const { lambda, commit, log } = args;
  const { name } = state.candidate;
  const { version, decision } = state.live;
  checkNotRolledBack(args, state);
  const isOlder = decision && decision.commit !== commit ? args.isAncestorOf(decision.commit) : false;
  if (isOlder) {
    log(`${name}: superseded by ${decision?.commit}, live stays at version ${version}`);
    return { name, outcome: "superseded", version };
  }
  if (isOlder === undefined) {
    log(`${name}: ${decision?.commit}, the latest so far, is not in the repository's history; releasing over it`);
  }
  const outcome = isUnchanged(state) ? "unchanged" : "changed";
  // Before publishing: from here on, whoever looks knows of this commit, and an older one gives way to it.
  if (decision?.commit !== commit || decision.outcome === "rolled back") {
    await record(lambda, state.live, { commit, outcome });
  }
  if (outcome === "unchanged") {
    log(`${name}: unchanged, live stays at version ${version}`);
    return { name, outcome, version };
  }
  const published = await publishVersion(args, state);
  await smokeTest(args, state, published);
  return deploy(args, state, published);
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
  return (
    error instanceof Overtaken ||
    (error instanceof Error &&
      ["InvalidParameterValueException", "PreconditionFailedException", "ResourceConflictException"].includes(
        error.name,
      ))
  );
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
function isUnchanged({ candidate, latest, live }: FunctionState): boolean {
  return (
    live.configuration.CodeSha256 === sha256(candidate.zip) &&
    versionedConfiguration.every((key) => isDeepStrictEqual(latest[key], live.configuration[key]))
  );
}

async function publishVersion(
  { lambda, commit, log }: ReleaseArgs,
  { candidate, latest, live: { functionName } }: FunctionState,
): Promise<string> {
  const codeSha256 = sha256(candidate.zip);
  log(`${candidate.name}: updating the code (${candidate.zip.byteLength} bytes, SHA-256 ${codeSha256})`);
  await lambda.updateFunctionCode({
    FunctionName: functionName,
    ZipFile: candidate.zip,
    ...(latest.RevisionId === undefined ? {} : { RevisionId: latest.RevisionId }),
  });
  await waitUntilFunctionUpdatedV2({ ...waiting, client: lambda }, { FunctionName: functionName });

  const { Version: version } = await lambda.publishVersion({
    FunctionName: functionName,
    CodeSha256: codeSha256,
    Description: commit,
  });
  if (!version) {
    throw new ReleaseError(`Lambda published ${functionName} without a version number`);
  }
  await waitUntilPublishedVersionActive(
    { ...waiting, client: lambda },
    { FunctionName: functionName, Qualifier: version },
  );
  log(`${candidate.name}: published version ${version} of commit ${commit}`);
  return version;
}

async function smokeTest(
  { lambda, log }: ReleaseArgs,
  { candidate, live: { functionName } }: FunctionState,
  version: string,
): Promise<void> {
  const reply = await lambda.invoke({
    FunctionName: functionName,
    Qualifier: version,
    Payload: Buffer.from(JSON.stringify(candidate.smokeTest.event)),
  });
  const payload = Buffer.from(reply.Payload ?? []).toString();
  const wrong = reply.FunctionError
    ? `it failed: ${payload}`
    : mismatch(candidate.smokeTest.response, payload === "" ? undefined : JSON.parse(payload));
  if (wrong) {
    throw new ReleaseError(`the smoke test of version ${version} failed, so it gets no traffic: ${wrong}`);
  }
  log(`${candidate.name}: version ${version} passed its smoke test`);
}

/** What in `response` is not as `expected`, or undefined when every expected member is there. */
export function mismatch(expected: SmokeTest["response"], response: unknown): string | undefined {
  const actual: Record<string, unknown> =
    typeof response === "object" && response !== null ? { ...response } : { body: response };
  for (const [key, value] of Object.entries(expected)) {
    const found = key === "body" && typeof value !== "string" ? parsed(actual[key]) : actual[key];
    if (!isDeepStrictEqual(found, value)) {
      return `${key} is ${JSON.stringify(found)}, smoke.json expects ${JSON.stringify(value)}`;
    }
  }
  return undefined;
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") {
    return body;
  }
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

async function deploy(args: ReleaseArgs, state: FunctionState, version: string): Promise<Released> {
  const { commit, lambda, log } = args;
  const { name } = state.candidate;
  const { functionName, version: before } = state.live;
  const now = await readLive(lambda, functionName);
  if (now?.version !== before || now.decision?.commit !== commit || now.decision.outcome === "rolled back") {
    throw new Overtaken(`live is version ${now?.version}, latest commit ${now?.decision?.commit ?? "unknown"}`);
  }
  const deployment = { name, functionName, description: commit };
  await runDeployment(args, { ...deployment, from: before, to: version });

  // A later commit that came during the deployment, and was what was live before it, has no deployment of its own.
  const decision = (await readLive(lambda, functionName))?.decision;
  if (decision?.outcome === "unchanged" && decision.version === before && decision.commit !== commit) {
    log(`${name}: superseded by ${decision.commit}, putting version ${before} back`);
    await runDeployment(args, { ...deployment, from: version, to: before });
    return { name, outcome: "superseded", version: before };
  }
  return { name, outcome: "released", version };
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

async function readSmokeTest(root: string, name: string): Promise<SmokeTest> {
  const path = `functions/${name}/smoke.json`;
  const wanted = 'it must be {"event": …, "response": {"statusCode": 200, …}}';
  const text = await readFile(join(root, path), "utf8").catch(() => {
    throw new ReleaseError(`${path} does not exist: ${wanted}`);
  });
  const content: unknown = parsed(text);
  if (typeof content !== "object" || content === null || !("event" in content) || !("response" in content)) {
    throw new ReleaseError(`${path} is not a smoke test: ${wanted}`);
  }
  const { event, response } = content;
  if (
    typeof response !== "object" ||
    response === null ||
    Array.isArray(response) ||
    Object.keys(response).length === 0
  ) {
    throw new ReleaseError(`${path} has no expected response, so it could not fail: ${wanted}`);
  }
  return { event, response: { ...response } };
}

/** The commit of the build, or of a working tree without uncommitted changes. */
function commitOf(root: string): string {
  const resolved = process.env.CODEBUILD_RESOLVED_SOURCE_VERSION;
  if (resolved) {
    return resolved;
  }
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain");
  if (changes !== "") {
    throw new ReleaseError(`a release is of a commit, and the working tree has changes: commit them first\n${changes}`);
  }
  return git("rev-parse", "HEAD");
}

/** Whether `commit` is an ancestor of `other`, by the history of the remote; undefined for a commit that is not in it, as after a rewrite. */
function isAncestor(root: string, commit: string, other: string): boolean | undefined {
  const succeeds = (...args: string[]): boolean => spawnSync("git", args, { cwd: root }).status === 0;
  const isKnown = (): boolean => succeeds("cat-file", "-e", `${other}^{commit}`);
  // A commit that was pushed after this build's clone was made is not in the clone.
  if (!isKnown() && !(succeeds("fetch", "--quiet", "origin") && isKnown())) {
    return undefined;
  }
  return succeeds("merge-base", "--is-ancestor", commit, other);
}

async function main(): Promise<void> {
  const root = join(import.meta.dirname, "..");
  const { values } = parseArgs({ options: { force: { type: "boolean", default: false } } });
  const application = codeDeployApplication();
  const commit = commitOf(root);
  const released = await release({
    application,
    commit,
    candidates: await readCandidates(root),
    isAncestorOf: (other) => isAncestor(root, commit, other),
    ...values,
    lambda: new Lambda(),
    codedeploy: new CodeDeploy(),
    log: console.log,
  });
  const changed = released.filter(({ outcome }) => outcome === "released");
  console.log(
    changed.length === 0
      ? `Nothing to release at commit ${commit}: every function is unchanged or superseded by a later commit`
      : `Released commit ${commit}: ${changed.map(({ name, version }) => `${name} is live at version ${version}`).join(", ")}`,
  );
}

if (import.meta.main) {
  await runCommand("Not released", "npm run release [-- --force]", main);
}
