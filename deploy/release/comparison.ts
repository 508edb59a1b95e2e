import { isDeepStrictEqual } from "node:util";
import type { FunctionConfiguration } from "@aws-sdk/client-lambda";
import { codeSha256 } from "./candidates.ts";
import type { FunctionState } from "./work.ts";

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

/**
 * Whether the version that is live has the candidate's code and the function's configuration. Lambda publishes a new version after any update
 * of the code, also to equal bytes: so compare before updating.
 *
 * @param latest The configuration of `$LATEST`.
 */
export function isUnchanged({ candidate, live }: FunctionState, latest: FunctionConfiguration): boolean {
  return (
    live.configuration.CodeSha256 === codeSha256(candidate) &&
    versionedConfiguration.every((key) => isDeepStrictEqual(latest[key], live.configuration[key]))
  );
}
