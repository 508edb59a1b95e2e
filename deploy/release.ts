import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CodeDeploy, type DeploymentInfo } from "@aws-sdk/client-codedeploy";
import {
  type FunctionConfiguration,
  Lambda,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
} from "@aws-sdk/client-lambda";
import { functionFolders } from "./bundle.ts";

/** The alias that the API calls and that only a release moves. */
const liveAlias = "live";

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
   * `released`: `live` was moved to `version`; `unchanged`: `live` already was what would have been released; `superseded`: `live` is of a
   * later commit.
   */
  readonly outcome: "released" | "superseded" | "unchanged";
  /** The version that is live. */
  readonly version: string;
}

/** What a release works with. */
export interface ReleaseArgs {
  /** The CodeDeploy application, `<project>-<stack>`; a function's Lambda name is `<application>-<folder>`. */
  readonly application: string;
  /** The commit being released: the description of each version it publishes. */
  readonly commit: string;
  readonly candidates: readonly Candidate[];
  /** Whether `commit` is an ancestor of another commit; undefined when the repository does not know the other. */
  readonly isAncestorOf: (other: string) => boolean | undefined;
  readonly lambda: Lambda;
  readonly codedeploy: CodeDeploy;
  /** Takes a line of progress. */
  readonly log: (line: string) => void;
}

/** A release that ended as it should when something is wrong: the message says what, what is live, and what to do. */
export class ReleaseError extends Error {
  override readonly name = "ReleaseError";
}

const functionsAtOnce = 4;
/** How often a release starts over because another one moved the function in the meantime. */
const maxAttempts = 5;
/** Seconds. */
const waiting = { minDelay: 0.2, maxDelay: 5, maxWaitTime: 120 };
const pollMs = 500;

/**
 * Releases each candidate that differs from what is live: update the code, publish a version described by the commit, smoke-test that
 * version, and have CodeDeploy move the alias `live` to it.
 *
 * @throws {ReleaseError} before anything changes when the stack lacks one of the functions; otherwise after every function has ended.
 */
export async function release(args: ReleaseArgs): Promise<Released[]> {
  const states = await findAll(args);
  const results = await settleAll(states, functionsAtOnce, (state) => releaseFunction(args, state));

  const failures = results.filter((result) => result.status === "rejected").map((result) => messageOf(result.reason));
  if (failures.length > 0) {
    throw new ReleaseError(failures.join("\n"));
  }
  return results.filter((result) => result.status === "fulfilled").map((result) => result.value);
}

/** A candidate beside what AWS has of its function. */
interface FunctionState {
  readonly candidate: Candidate;
  readonly functionName: string;
  /** `$LATEST`, which the next published version is made from. */
  readonly latest: FunctionConfiguration;
  /** The version that `live` refers to. */
  readonly live: FunctionConfiguration & { readonly Version: string };
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
  try {
    const { Configuration: live } = await lambda.getFunction({ FunctionName: functionName, Qualifier: liveAlias });
    // An update that is under way changes the revision once more when it settles.
    await waitUntilFunctionUpdatedV2({ ...waiting, client: lambda }, { FunctionName: functionName });
    const { Configuration: latest } = await lambda.getFunction({ FunctionName: functionName });
    if (!latest || !live?.Version) {
      throw new ReleaseError(`${candidate.name}: Lambda returned no configuration for ${functionName}`);
    }
    return { candidate, functionName, latest, live: { ...live, Version: live.Version } };
  } catch (error) {
    // The build's role may read the functions of its stack only: another one is not found, but denied.
    if (error instanceof Error && ["ResourceNotFoundException", "AccessDeniedException"].includes(error.name)) {
      return undefined;
    }
    throw error;
  }
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
        throw new ReleaseError(`${name}: ${messageOf(error)}\n${name}: ${await whatIsLive(args, state)}`);
      }
      args.log(`${name}: another release moved the function (${messageOf(error)}); looking again`);
      state = again;
    }
  }
}

async function releaseOnce(args: ReleaseArgs, state: FunctionState): Promise<Released> {
  const { name } = state.candidate;
  const { Version: liveVersion, Description: liveCommit } = state.live;
  const isOlder = liveCommit && liveCommit !== args.commit ? args.isAncestorOf(liveCommit) : false;
  if (isOlder) {
    args.log(`${name}: superseded by ${liveCommit}, live stays at version ${liveVersion}`);
    return { name, outcome: "superseded", version: liveVersion };
  }
  if (isOlder === undefined) {
    args.log(`${name}: ${liveCommit}, which is live, is not in the repository's history; releasing over it`);
  }
  if (isUnchanged(state)) {
    args.log(`${name}: unchanged, live stays at version ${liveVersion}`);
    return { name, outcome: "unchanged", version: liveVersion };
  }
  const version = await publishVersion(args, state);
  await smokeTest(args, state, version);
  await deploy(args, state, version);
  return { name, outcome: "released", version };
}

/** Lambda's refusals of an update or a version that another one came before, and an alias that was moved. */
function isConflict(error: unknown): boolean {
  return (
    error instanceof AliasMoved ||
    (error instanceof Error &&
      ["InvalidParameterValueException", "PreconditionFailedException", "ResourceConflictException"].includes(
        error.name,
      ))
  );
}

class AliasMoved extends Error {
  override readonly name = "AliasMoved";
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
    live.CodeSha256 === sha256(candidate.zip) &&
    versionedConfiguration.every((key) => isDeepStrictEqual(latest[key], live[key]))
  );
}

async function publishVersion(
  { lambda, commit, log }: ReleaseArgs,
  { candidate, functionName, latest }: FunctionState,
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
  { candidate, functionName }: FunctionState,
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

async function deploy(args: ReleaseArgs, state: FunctionState, version: string): Promise<void> {
  const { codedeploy, log } = args;
  const { name } = state.candidate;
  await checkNotMoved(args, state);
  const { deploymentId } = await codedeploy.createDeployment({
    applicationName: args.application,
    deploymentGroupName: name,
    description: args.commit,
    revision: appSpec(state.functionName, state.live.Version, version),
  });
  if (!deploymentId) {
    throw new ReleaseError("CodeDeploy created a deployment without an id");
  }

  let shown: string | undefined;
  for (;;) {
    const { deploymentInfo } = await codedeploy.getDeployment({ deploymentId });
    const status = deploymentInfo?.status;
    if (status !== shown) {
      log(`${name}: deployment ${deploymentId} from version ${state.live.Version} to ${version}: ${status}`);
      shown = status;
    }
    if (status === "Succeeded") {
      return;
    }
    if (status === "Failed" || status === "Stopped") {
      await checkNotMoved(args, state);
      throw new ReleaseError(`deployment ${deploymentId} to version ${version} ${reasonOf(deploymentInfo)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** @throws {AliasMoved} when `live` is not of the version that the release set out from. */
async function checkNotMoved({ lambda }: ReleaseArgs, { functionName, live }: FunctionState): Promise<void> {
  const { FunctionVersion: current } = await lambda.getAlias({ FunctionName: functionName, Name: liveAlias });
  if (current !== live.Version) {
    throw new AliasMoved(`live went from version ${live.Version} to ${current}`);
  }
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html */
function appSpec(functionName: string, currentVersion: string, targetVersion: string) {
  const content = JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: {
            name: functionName,
            alias: liveAlias,
            currentversion: currentVersion,
            targetversion: targetVersion,
          },
        },
      },
    ],
  });
  return {
    revisionType: "AppSpecContent",
    appSpecContent: { content, sha256: createHash("sha256").update(content).digest("hex") },
  } as const;
}

function reasonOf(info: DeploymentInfo | undefined): string {
  const { code, message } = info?.errorInformation ?? {};
  return `${info?.status === "Stopped" ? "was stopped" : "failed"}: ${[code, message].filter(Boolean).join(", ") || "CodeDeploy gave no reason"}`;
}

async function whatIsLive({ lambda }: ReleaseArgs, { functionName }: FunctionState): Promise<string> {
  try {
    const alias = await lambda.getAlias({ FunctionName: functionName, Name: liveAlias });
    const also = Object.entries(alias.RoutingConfig?.AdditionalVersionWeights ?? {}).map(
      ([version, weight]) => ` and, for ${weight * 100} % of requests, version ${version}`,
    );
    return `live is version ${alias.FunctionVersion}${also.join("")}`;
  } catch (error) {
    return `what is live could not be read: ${messageOf(error)}`;
  }
}

/** Like `Promise.allSettled` over `work`, with at most `limit` under way. */
async function settleAll<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  for (let start = 0; start < items.length; start += limit) {
    results.push(...(await Promise.allSettled(items.slice(start, start + limit).map(work))));
  }
  return results;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? error instanceof ReleaseError
      ? error.message
      : `${error.name}: ${error.message}`
    : String(error);
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
  const application = process.env.CODEDEPLOY_APPLICATION;
  if (!application) {
    throw new ReleaseError(
      "CODEDEPLOY_APPLICATION is not set: it is <project>-<stack>, for example push-to-live-dev; the deploy build has it",
    );
  }
  const commit = commitOf(root);
  const released = await release({
    application,
    commit,
    candidates: await readCandidates(root),
    isAncestorOf: (other) => isAncestor(root, commit, other),
    lambda: new Lambda(),
    codedeploy: new CodeDeploy(),
    log: console.log,
  });
  const changed = released.filter(({ outcome }) => outcome === "released");
  console.log(
    changed.length === 0
      ? `Nothing to release at commit ${commit}: every function is unchanged or of a later commit`
      : `Released commit ${commit}: ${changed.map(({ name, version }) => `${name} is live at version ${version}`).join(", ")}`,
  );
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`Not released: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
