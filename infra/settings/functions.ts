import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { against } from "./problem.ts";
import { type ReleaseStrategy, releaseStrategy } from "./releaseStrategies.ts";
import { objectOf } from "./values.ts";

/** What a stack sets of one function. */
export interface FunctionSettings {
  /** The function's name in AWS, `<project>-<stack>_<folder>`. */
  readonly functionName: string;
  /** MB, which also gives the share of a processor. */
  readonly memorySize: number;
  /** Seconds after which an invocation fails. */
  readonly timeout: number;
  /** The environment's variables, by name. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** How its releases move traffic. */
  readonly releaseStrategy: ReleaseStrategy;
  /** How long the function's log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** Whether X-Ray records requests. */
  readonly tracing: boolean;
  /** Whether Pulumi refuses to delete or replace the function and its alias, with which the versions go. */
  readonly protect: boolean;
}

/**
 * The names of environment variables that Lambda keeps to itself.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
const reservedNames: readonly string[] = [
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
];

/** Largest sum of an environment's names and values, in bytes (CreateFunction's `Environment`). */
const maxEnvironmentBytes = 4096;

/** Values are left out of its messages: they may be secrets. */
const environment = z
  .record(z.string(), z.unknown(), { error: "must be an object of strings" })
  .superRefine((variables, context) => {
    for (const [name, value] of Object.entries(variables)) {
      if (!/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) {
        const rule = "letters, digits and _ are allowed, two at least, the first a letter";
        context.addIssue(`has the name "${name}": ${rule}`);
      } else if (reservedNames.includes(name)) {
        context.addIssue(`has the name "${name}", which is Lambda's own: give it another`);
      } else if (!["string", "number", "boolean"].includes(typeof value)) {
        context.addIssue({ code: "custom", path: [name], message: "must be a string, a number, true or false" });
      }
    }
    const bytes = Buffer.byteLength(Object.entries(variables).flat().join(""));
    if (bytes > maxEnvironmentBytes) {
      context.addIssue(`has ${bytes} bytes: Lambda allows ${maxEnvironmentBytes}`);
    }
  })
  // `pulumi config set --path` makes a number of `8080`, and a boolean of `true`.
  .transform((variables) => Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, `${value}`])));

/** What a stack may set of one function alone. @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const ownSettings = {
  memorySize: wholeNumber(128, 10_240, "it must be a whole number of MB from 128 to 10240").default(128),
  // API Gateway gives up after 30 seconds, and the function's own answer should come before that.
  timeout: wholeNumber(1, 29, "it must be a whole number of seconds from 1 to 29").default(10),
  environment: environment.default({}),
  /** The stack's where it is left out. */
  releaseStrategy: releaseStrategy.optional(),
};
const ownKeys = Object.keys(ownSettings).join(", ");
const ofFunction = objectOf(
  ownSettings,
  against(`it must be an object with some of ${ownKeys}`),
  `is no setting of a function: there are ${ownKeys}`,
);

/** What a stack may set of each of its functions, by folder. */
export function functionsIn(folders: readonly string[]) {
  return objectOf(
    Object.fromEntries(folders.map((folder) => [folder, ofFunction.prefault({})])),
    "must be an object with a function's folder as each key",
    `is no function: there are ${folders.join(", ")}`,
  );
}

/** An environment whose values are Pulumi secrets. */
export function secretly(variables: Readonly<Record<string, string>>): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, pulumi.secret(value)]));
}

function wholeNumber(least: number, most: number, rule: string) {
  return z
    .number({ error: against(rule) })
    .refine((value) => Number.isInteger(value) && value >= least && value <= most, { error: against(rule) });
}
