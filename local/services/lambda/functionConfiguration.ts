import type { FunctionConfiguration } from "@aws-sdk/client-lambda";

/** What a function is created with, in Lambda's own words. `MemorySize` is in MB, `Timeout` in seconds. */
export interface FunctionSettings extends Omit<FunctionConfiguration, "Version" | "CodeSha256"> {
  readonly FunctionName: string;
  readonly Handler: string;
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly LoggingConfig: { readonly LogFormat: "JSON"; readonly LogGroup: string };
}

/** A version, or `$LATEST`. */
export interface Configuration extends FunctionSettings {
  readonly Version: string;
  readonly CodeSha256: string;
}
