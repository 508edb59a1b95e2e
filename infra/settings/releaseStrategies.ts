import type * as aws from "@pulumi/aws";
import { parsedBy } from "./values.ts";

/** How a release moves traffic from one version to the next. */
export interface ReleaseStrategy {
  /** As a setting names it, e.g. `canary10Percent5Minutes`. */
  readonly name: string;
  /** The CodeDeploy configuration that does it; left out where CodeDeploy has none by itself, and the stack makes one of `routing`. */
  readonly predefined?: string;
  readonly routing: aws.types.input.codedeploy.DeploymentConfigTrafficRoutingConfig;
  /** How long it shifts traffic at most: a linear one may end an interval earlier. */
  readonly minutes: number;
}

/** What a stack sets of its CodeDeploy application. */
export interface ApplicationSettings {
  readonly applicationName: string;
  /** The strategies of all functions. */
  readonly strategies: readonly ReleaseStrategy[];
}

/** CodeBuild stops a build after 36 hours, and five minutes of that are not the release's. */
const maxMinutes = 2155;

/** A strategy by its name. */
export const releaseStrategy = parsedBy(
  parseStrategy,
  `it must be allAtOnce, canary<percent>Percent<minutes>Minutes, such as canary10Percent5Minutes, or linear<percent>PercentEvery<minutes>Minutes, such as linear10PercentEvery1Minute: 1 to 99 percent, ${maxMinutes} minutes at most in all`,
);

/** The configurations that CodeDeploy has by itself. @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html */
const predefinedNames = new Set([
  "Canary10Percent5Minutes",
  "Canary10Percent10Minutes",
  "Canary10Percent15Minutes",
  "Canary10Percent30Minutes",
  "Linear10PercentEvery1Minute",
  "Linear10PercentEvery2Minutes",
  "Linear10PercentEvery3Minutes",
  "Linear10PercentEvery10Minutes",
]);

const canaryName = /^canary([1-9]\d?)Percent([1-9]\d{0,3})Minute(s?)$/;
const linearName = /^linear([1-9]\d?)PercentEvery([1-9]\d{0,3})Minute(s?)$/;

/** The strategy that a name stands for, or undefined when it is none. */
export function parseStrategy(name: string): ReleaseStrategy | undefined {
  if (name === "allAtOnce") {
    return { name, predefined: predefined("AllAtOnce"), routing: { type: "AllAtOnce" }, minutes: 0 };
  }
  const isCanary = canaryName.test(name);
  const [, percent, every, plural] = (isCanary ? canaryName : linearName).exec(name) ?? [];
  const [percentage, interval] = [Number(percent), Number(every)];
  const minutes = isCanary ? interval : Math.ceil(100 / percentage) * interval;
  if (percent === undefined || (plural === "s") !== interval > 1 || minutes > maxMinutes) {
    return undefined;
  }
  const codeDeployName = name.replace(/^./, (letter) => letter.toUpperCase());
  return {
    name,
    ...(predefinedNames.has(codeDeployName) && { predefined: predefined(codeDeployName) }),
    routing: isCanary
      ? { type: "TimeBasedCanary", timeBasedCanary: { percentage, interval } }
      : { type: "TimeBasedLinear", timeBasedLinear: { percentage, interval } },
    minutes,
  };
}

/** CodeDeploy's name of a configuration of its own. */
export function predefined(name: string): string {
  return `CodeDeployDefault.Lambda${name}`;
}
