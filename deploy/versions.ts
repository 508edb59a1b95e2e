import { type FunctionConfiguration, type Lambda, paginateListVersionsByFunction } from "@aws-sdk/client-lambda";
import { isNamed, messageOf, ReleaseError } from "./failures.ts";
import { configurationOf, type Live, parseCommit, previousOf, weightsOf } from "./live.ts";
import { pause } from "./pause.ts";

const maxWaitMs = 120_000;

/**
 * Waits until an update of a function, or a new version of it, has settled. The SDK's own waiters take every error, a denied access too,
 * for a reason to go on waiting.
 *
 * @param qualifier A version. @default `$LATEST`
 * @param mayHaveFailed Whether an update that failed is taken as it is: the next one mends it. @default false
 * @throws {ReleaseError} when it failed, or took more than two minutes.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
 */
export async function settled(
  lambda: Lambda,
  functionName: string,
  qualifier?: string,
  mayHaveFailed = false,
): Promise<FunctionConfiguration> {
  const started = Date.now();
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 2000)) {
    const configuration = await configurationOf(lambda, functionName, qualifier);
    const { State, StateReason, LastUpdateStatus, LastUpdateStatusReason } = configuration;
    const what = qualifier === undefined ? functionName : `version ${qualifier} of ${functionName}`;
    if (!mayHaveFailed && (State === "Failed" || LastUpdateStatus === "Failed")) {
      throw new ReleaseError(`${what} did not become active: ${StateReason ?? LastUpdateStatusReason ?? "no reason"}`);
    }
    if (State !== "Pending" && LastUpdateStatus !== "InProgress") {
      return configuration;
    }
    if (Date.now() - started > maxWaitMs) {
      throw new ReleaseError(`${what} did not become active in ${maxWaitMs / 1000} s: it is ${State}`);
    }
    await pause(waitMs);
  }
}

/** The commit of each published version, lowest version first. */
export async function publishedVersions(
  lambda: Lambda,
  functionName: string,
): Promise<Map<string, string | undefined>> {
  const versions: [string, string | undefined][] = [];
  for await (const page of paginateListVersionsByFunction({ client: lambda }, { FunctionName: functionName })) {
    for (const { Version = "$LATEST", Description } of page.Versions ?? []) {
      versions.push([Version, parseCommit(Description)]);
    }
  }
  return new Map(versions.filter(([version]) => version !== "$LATEST").sort(([a], [b]) => Number(a) - Number(b)));
}

/** Who is told what came of a deletion. */
export interface Told {
  readonly log: (line: string) => void;
  /**
   * Called where IAM does not let the caller delete versions. AWS's authorization data has the function's own ARN for that, with which the
   * function could be deleted too: the deploy build's role has the versions' ARNs alone, and which of the two IAM asks for has not been seen.
   */
  readonly onDenied: (why: string) => void;
}

/** Deletes a version; false where IAM does not let the caller, which is told. */
async function remove(lambda: Lambda, FunctionName: string, Qualifier: string, { onDenied }: Told): Promise<boolean> {
  try {
    await lambda.deleteFunction({ FunctionName, Qualifier });
    return true;
  } catch (error) {
    if (!isNamed(error, "AccessDeniedException")) {
      throw error;
    }
    onDenied(messageOf(error));
    return false;
  }
}

/** Deletes a version that never had traffic, so that no rollback puts it live. Where it cannot be deleted, that is told. */
export async function discard(lambda: Lambda, functionName: string, version: string, told: Told): Promise<void> {
  try {
    if (await remove(lambda, functionName, version, told)) {
      told.log(`deleted version ${version}, which never had traffic`);
    }
  } catch (error) {
    told.log(`version ${version} is left, though it never had traffic: ${messageOf(error)}`);
  }
}

/** How many of a function's versions are kept. */
export const keptVersions = 10;

/**
 * Deletes all but the newest ten versions of a function, and never one that an alias refers to or a rollback would put back. What cannot be
 * deleted is told, and left.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
 */
export async function prune(lambda: Lambda, live: Live, told: Told): Promise<void> {
  const { functionName: FunctionName } = live;
  try {
    const versions = [...(await publishedVersions(lambda, FunctionName)).keys()];
    const old = versions.slice(0, -keptVersions);
    if (old.length === 0) {
      return;
    }
    const { Aliases = [] } = await lambda.listAliases({ FunctionName });
    const used = new Set([
      previousOf(live),
      ...Aliases.flatMap((alias) => [alias.FunctionVersion, ...Object.keys(weightsOf(alias))]),
    ]);
    for (const version of old.filter((candidate) => !used.has(candidate))) {
      if (!(await remove(lambda, FunctionName, version, told))) {
        return;
      }
      told.log(`deleted version ${version}, which is none of the newest ${keptVersions}`);
    }
  } catch (error) {
    told.log(`old versions are left for the next release to delete: ${messageOf(error)}`);
  }
}
