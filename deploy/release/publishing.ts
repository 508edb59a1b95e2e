import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { isNamed, messageOf, Overtaken, ReleaseError } from "../failures.ts";
import { settled } from "../versions.ts";
import { codeSha256 } from "./candidates.ts";
import type { FunctionState, ReleaseArgs } from "./work.ts";

/**
 * Updates a function's code, and publishes it as a version described by the commit. Returns the version, which is active.
 *
 * @param latest The configuration of `$LATEST`, from which the update goes.
 * @throws {Overtaken} when the code was changed before it was published.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
 */
export async function publishVersion(
  { lambda, commit, log }: ReleaseArgs,
  { candidate, live: { functionName } }: FunctionState,
  latest: FunctionConfiguration,
): Promise<string> {
  const CodeSha256 = codeSha256(candidate);
  log(`${candidate.name}: updating the code (${candidate.zip.byteLength} bytes, SHA-256 ${CodeSha256})`);
  await lambda.updateFunctionCode({
    FunctionName: functionName,
    ZipFile: candidate.zip,
    ...(latest.RevisionId === undefined ? {} : { RevisionId: latest.RevisionId }),
  });
  await settled(lambda, functionName);

  const published = { FunctionName: functionName, CodeSha256, Description: commit };
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
