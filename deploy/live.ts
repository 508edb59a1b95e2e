import type { AliasConfiguration, FunctionConfiguration, Lambda } from "@aws-sdk/client-lambda";
import { isNamed, messageOf, Overtaken, ReleaseError } from "./failures.ts";

/** The alias that the API calls, and that only a release or a rollback moves. */
export const liveAlias = "live";

/** The newest commit that a release or a rollback decided on. The alias `live` has it as its description, of at most 256 characters. */
export interface Decision {
  /** The commit's full id. */
  readonly commit: string;
  /** `changed`: a release of it began; `unchanged`: it was what was live; `rolled back`: another version was put in its place. */
  readonly outcome: "changed" | "rolled back" | "unchanged";
  /** The version that was live when it was decided. */
  readonly version: string;
  /** The version that was live before that one, where it is known. */
  readonly previous?: string;
}

/** A decision as the alias's description records it. */
export function formatDecision({ commit, outcome, version, previous }: Decision): string {
  const after = previous === undefined ? "" : ` after version ${previous}`;
  return `latest commit ${commit}: ${outcome}, live was version ${version}${after}`;
}

/** The decision that an alias's description records; undefined for any other text. */
export function parseDecision(description = ""): Decision | undefined {
  const pattern =
    /^latest commit (\S+): (changed|rolled back|unchanged), live was version (\d+)(?: after version (\d+))?$/;
  const [, commit, outcome, version, previous] = pattern.exec(description) ?? [];
  return commit && version
    ? { commit, outcome: outcome as Decision["outcome"], version, ...(previous !== undefined && { previous }) }
    : undefined;
}

/** The full id of a commit, as a version's description has it; undefined for any other text. */
export function parseCommit(description = ""): string | undefined {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(description) ? description : undefined;
}

/** What the alias `live` of a function was when it was read, as far as the alias itself tells. */
export interface LiveAlias {
  readonly functionName: string;
  /** The version that it refers to, and that all requests get but those that `weights` has. */
  readonly version: string;
  /** The share of requests, from 0 to 1, that another version gets while a deployment shifts traffic. */
  readonly weights: Readonly<Record<string, number>>;
  /** What the alias records. */
  readonly decision: Decision | undefined;
  /** Whether the alias has a record of its own. */
  readonly isRecorded: boolean;
  /** Changes whenever the alias does. */
  readonly revisionId: string;
}

/** The alias `live`, and the version that it refers to. Where the alias has no record, the decision is what the version's description tells. */
export interface Live extends LiveAlias {
  readonly configuration: FunctionConfiguration;
}

/**
 * Reads the alias `live`, by one call; undefined when there is no such function, or none with the alias.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
 */
export function readAlias(lambda: Lambda, functionName: string): Promise<LiveAlias | undefined> {
  return ifItExists(async () => {
    const alias = await lambda.getAlias({ FunctionName: functionName, Name: liveAlias });
    const { FunctionVersion: version, RevisionId: revisionId } = alias;
    if (!version || !revisionId) {
      throw new ReleaseError(`Lambda returned no version or no revision of ${functionName}:${liveAlias}`);
    }
    const decision = parseDecision(alias.Description);
    const isRecorded = decision !== undefined;
    return { functionName, version, weights: weightsOf(alias), decision, isRecorded, revisionId };
  });
}

/**
 * Reads the alias `live` and its version; undefined when there is no such function, or none with the alias.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
 */
export async function readLive(lambda: Lambda, functionName: string): Promise<Live | undefined> {
  const alias = await readAlias(lambda, functionName);
  return alias && ifItExists(() => withConfiguration(lambda, alias));
}

async function withConfiguration(lambda: Lambda, alias: LiveAlias): Promise<Live> {
  const { functionName, version } = alias;
  // By the version: the alias may have moved since.
  const configuration = await configurationOf(lambda, functionName, version);
  const commit = parseCommit(configuration.Description);
  // AWS does not document whether CodeDeploy leaves an alias's description alone.
  const decision = alias.decision ?? (commit ? { commit, outcome: "unchanged", version } : undefined);
  return { ...alias, configuration, decision };
}

/** A function's or a version's configuration: by GetFunction, which has a quota of its own, where GetFunctionConfiguration has not. */
export async function configurationOf(
  lambda: Lambda,
  functionName: string,
  qualifier?: string,
): Promise<FunctionConfiguration> {
  const { Configuration = {} } = await lambda.getFunction({ FunctionName: functionName, Qualifier: qualifier });
  return Configuration;
}

async function ifItExists<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    // The build's role may read the functions of its stack only: another one is not found, but denied.
    if (isNamed(error, "ResourceNotFoundException", "AccessDeniedException")) {
      return undefined;
    }
    throw error;
  }
}

/** The share of requests, from 0 to 1, that an alias gives to a version other than its own. */
export function weightsOf({ RoutingConfig }: AliasConfiguration): Readonly<Record<string, number>> {
  return RoutingConfig?.AdditionalVersionWeights ?? {};
}

/** The version that was live before the one that is, as far as the record tells. */
export function previousOf({ version, decision, isRecorded }: LiveAlias): string | undefined {
  if (!decision || !isRecorded) {
    return undefined;
  }
  if (decision.version === version) {
    return decision.previous;
  }
  // After a rollback the record is of the version that was taken away.
  return decision.outcome === "rolled back" ? undefined : decision.version;
}

/**
 * Records a decision on the alias, if that is still as it was read.
 *
 * @throws {Overtaken} when the alias was changed since.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
 */
export async function record(
  lambda: Lambda,
  live: LiveAlias,
  { commit, outcome }: Pick<Decision, "commit" | "outcome">,
): Promise<void> {
  const previous = previousOf(live);
  const decision = { commit, outcome, version: live.version, ...(previous !== undefined && { previous }) };
  await update(lambda, live, { Description: formatDecision(decision) });
}

/**
 * Has the alias refer to its one version alone, if it is still as it was read: weights that a deployment left would make each later one fail.
 *
 * @throws {Overtaken} when the alias was changed since.
 */
export async function clearWeights(lambda: Lambda, live: LiveAlias): Promise<void> {
  await update(lambda, live, { RoutingConfig: { AdditionalVersionWeights: {} } });
}

async function update(
  lambda: Lambda,
  live: LiveAlias,
  changes: Pick<AliasConfiguration, "Description" | "RoutingConfig">,
) {
  const { functionName: FunctionName, revisionId: RevisionId } = live;
  try {
    await lambda.updateAlias({ FunctionName, Name: liveAlias, RevisionId, ...changes });
  } catch (error) {
    const isStale = isNamed(error, "PreconditionFailedException");
    throw isStale ? new Overtaken(`the alias ${liveAlias} was changed since it was read`) : error;
  }
}

/** Tells which version is live, or why that cannot be told. */
export async function whatIsLive(lambda: Lambda, functionName: string): Promise<string> {
  try {
    const alias = await lambda.getAlias({ FunctionName: functionName, Name: liveAlias });
    const also = Object.entries(weightsOf(alias)).map(
      ([version, weight]) => ` and, for ${percent(weight)} of requests, version ${version}`,
    );
    return `live is version ${alias.FunctionVersion}${also.join("")}`;
  } catch (error) {
    return `what is live could not be read: ${messageOf(error)}`;
  }
}

/** A weight as a percentage, e.g. `10 %`. */
export function percent(weight: number): string {
  return `${Math.round(weight * 1000) / 10} %`;
}
