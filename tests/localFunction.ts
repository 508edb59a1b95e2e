import type { LocalCloud } from "../local/cloud.ts";
import type { FunctionSettings } from "../local/lambda/lambda.ts";

/** A function's settings for the local Lambda; its log group is `/aws/lambda/<functionName>`. */
export function functionSettings(functionName: string): FunctionSettings {
  return {
    FunctionName: functionName,
    Role: "arn:aws:iam::000000000000:role/test",
    Handler: "handler.handler",
    MemorySize: 128,
    Timeout: 3,
    LoggingConfig: { LogFormat: "JSON", LogGroup: `/aws/lambda/${functionName}` },
  };
}

/** What an AWS SDK client of the local cloud is made with; it does not try again. */
export function clientOptions(cloud: LocalCloud) {
  return {
    endpoint: cloud.awsUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
}
