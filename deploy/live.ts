import type { FunctionConfiguration, Lambda } from "@aws-sdk/client-lambda";
import { messageOf, Overtaken, ReleaseError } from "./failures.ts";

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
}

/** A decision as the alias's description records it. */
export function formatDecision({ commit, outcome, version }: Decision): string {
  return `latest commit ${commit}: ${outcome}, live was version ${version}`;
}

/** The decision that an alias's description records; undefined for any other text. */
export function parseDecision(description = ""): Decision | undefined {
  const pattern = /^latest commit (\S+): (changed|rolled back|unchanged), live was version (\d+)$/;
  const [, commit, outcome, version] = pattern.exec(description) ?? [];
  return commit && version ? { commit, outcome: outcome as Decision["outcome"], version } : undefined;
}

/** The full id of a commit, as a version's description has it; undefined for any other text. */
export function parseCommit(description = ""): string | undefined {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(description) ? description : undefined;
}

/** What the alias `live` of a function was when it was read. */
export interface Live {
  readonly functionName: string;
  /** The version that it refers to. */
  readonly version: string;
  readonly configuration: FunctionConfiguration;
  /** What the alias records or, where it has no record, what the version's own description tells. */
  readonly decision: Decision | undefined;
  /** Whether the alias has a record of its own. */
  readonly isRecorded: boolean;
  /** Changes whenever the alias does. */
  readonly revisionId: string;
}

/**
 * Reads the alias `live`; undefined when there is no such function, or none with the alias.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
 */
export async function readLive(lambda: Lambda, functionName: string): Promise<Live | undefined> {
  try {
    const alias = await lambda.getAlias({ FunctionName: functionName, Name: liveAlias });
    const { FunctionVersion: version, RevisionId: revisionId } = alias;
    if (!version || !revisionId) {
      throw new ReleaseError(`Lambda returned no version or no revision of ${functionName}:${liveAlias}`);
    }
    // By the version: the alias may have moved since.
    const configuration = await lambda.getFunctionConfiguration({ FunctionName: functionName, Qualifier: version });
    const recorded = parseDecision(alias.Description);
    const commit = parseCommit(configuration.Description);
    // AWS does not document whether CodeDeploy leaves an alias's description alone.
    const decision = recorded ?? (commit ? { commit, outcome: "changed", version } : undefined);
    return { functionName, version, configuration, decision, isRecorded: recorded !== undefined, revisionId };
  } catch (error) {
    // The build's role may read the functions of its stack only: another one is not found, but denied.
    if (error instanceof Error && ["ResourceNotFoundException", "AccessDeniedException"].includes(error.name)) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Records a decision on the alias, if that is still as it was read.
 *
 * @throws {Overtaken} when the alias was changed since.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
 */
export async function record(lambda: Lambda, live: Live, decision: Omit<Decision, "version">): Promise<void> {
  const { functionName: FunctionName, version, revisionId: RevisionId } = live;
  const Description = formatDecision({ ...decision, version });
  try {
    await lambda.updateAlias({ FunctionName, Name: liveAlias, Description, RevisionId });
  } catch (error) {
    const isStale = error instanceof Error && error.name === "PreconditionFailedException";
    throw isStale ? new Overtaken(`the alias ${liveAlias} was changed since it was read`) : error;
  }
}

/** Tells which version is live, or why that cannot be told. */
export async function whatIsLive(lambda: Lambda, functionName: string): Promise<string> {
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
