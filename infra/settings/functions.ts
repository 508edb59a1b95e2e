import type * as pulumi from "@pulumi/pulumi";
import { parseStrategy, type ReleaseStrategy, strategyRule } from "./releaseStrategies.ts";

/** What a stack sets of one function. */
export interface FunctionSettings extends OwnSettings {
  /** The function's name in AWS, `<project>-<stack>_<folder>`. */
  readonly functionName: string;
  /** How long the function's log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** Whether X-Ray records requests. */
  readonly tracing: boolean;
  /** Whether Pulumi refuses to delete or replace the function and its alias, with which the versions go. */
  readonly protect: boolean;
}

/** What a stack may set of one function alone. */
export interface OwnSettings {
  /** MB, which also gives the share of a processor. */
  readonly memorySize: number;
  /** Seconds. */
  readonly timeout: number;
  readonly environment: Environment;
  /** How its releases move traffic. */
  readonly releaseStrategy: ReleaseStrategy;
}

/** Environment variables, by name. */
export type Environment = Readonly<Record<string, pulumi.Input<string>>>;

/** What holds where a stack sets nothing; the strategy is then the stack's. */
export const functionDefaults = { memorySize: 128, timeout: 10, environment: {} } as const satisfies Omit<
  OwnSettings,
  "releaseStrategy"
>;

const unset = { ...functionDefaults, releaseStrategy: undefined };
const keys = Object.keys(unset);

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

/**
 * Why the settings of one function are not usable, each with its key, value and what is allowed; empty when they are.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
 */
export function functionProblems(settings: unknown): string[] {
  if (!isObject(settings)) {
    return [` is ${JSON.stringify(settings)}: it must be an object with some of ${keys.join(", ")}`];
  }
  const { memorySize, timeout, environment, releaseStrategy, ...others } = { ...unset, ...settings };
  const problems = Object.keys(others).map(
    (key) => `.${key} is no setting of a function: there are ${keys.join(", ")}`,
  );
  if (!isWhole(memorySize, 128, 10_240)) {
    problems.push(`.memorySize is ${JSON.stringify(memorySize)}: it must be a whole number of MB from 128 to 10240`);
  }
  // API Gateway gives up after 30 seconds, and the function's own answer should come before that.
  if (!isWhole(timeout, 1, 29)) {
    problems.push(`.timeout is ${JSON.stringify(timeout)}: it must be a whole number of seconds from 1 to 29`);
  }
  if (releaseStrategy !== undefined && !(typeof releaseStrategy === "string" && parseStrategy(releaseStrategy))) {
    problems.push(`.releaseStrategy is ${JSON.stringify(releaseStrategy)}: ${strategyRule}`);
  }
  return [...problems, ...environmentProblems(environment)];
}

function environmentProblems(environment: unknown): string[] {
  if (!isObject(environment)) {
    return [".environment must be an object of strings"];
  }
  const entries = Object.entries(environment);
  // Values are left out: they may be secrets.
  const problems = entries.flatMap(([name, value]) => {
    if (!/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) {
      return [
        `.environment has the name "${name}": letters, digits and _ are allowed, two at least, the first a letter`,
      ];
    }
    if (reservedNames.includes(name)) {
      return [`.environment has the name "${name}", which is Lambda's own: give it another`];
    }
    const isText = ["string", "number", "boolean"].includes(typeof value);
    return isText ? [] : [`.environment.${name} must be a string, a number, true or false`];
  });
  const bytes = Buffer.byteLength(entries.map(([name, value]) => `${name}${value}`).join(""));
  if (bytes > maxEnvironmentBytes) {
    problems.push(`.environment has ${bytes} bytes: Lambda allows ${maxEnvironmentBytes}`);
  }
  return problems;
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
