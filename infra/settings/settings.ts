import * as pulumi from "@pulumi/pulumi";
import { branchProblem } from "../webhookFilters.ts";
import { accessProblems, type DomainSettings, domainOf, jwtOf } from "./access.ts";
import { readAlarms } from "./alarms.ts";
import type { ApiSettings } from "./api.ts";
import {
  type BuildCompute,
  buildComputes,
  containerOf,
  isLambdaCompute,
  lambdaComputeMinutes,
} from "./buildComputes.ts";
import type { BuildSettings } from "./builds.ts";
import {
  type CredentialSetting,
  type CredentialSettings,
  readCredential,
  readPullRequestCredential,
} from "./credentials.ts";
import {
  type Environment,
  type FunctionSettings,
  functionDefaults,
  functionProblems,
  isObject,
  type OwnSettings,
} from "./functions.ts";
import { settingKeys, unknownSettings } from "./known.ts";
import type { MonitoringSettings } from "./monitoring.ts";
import { type PreviewRoleSettings, readPreviewRole } from "./previewRole.ts";
import { type ApplicationSettings, parseStrategy, type ReleaseStrategy, strategyRule } from "./releaseStrategies.ts";
import { parseRepository, repositoryRule } from "./repository.ts";
import { isSecret } from "./secrets.ts";
import { readSubscribers } from "./subscribers.ts";

/** The retention periods, in days, that CloudWatch Logs accepts (PutRetentionPolicy; 0, "never expire", is left out on purpose). */
export const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** The stack's settings, validated, and grouped by who takes them. */
export interface Settings {
  /** `<project>-<stack>`: the CodeDeploy application, and what every name begins with. */
  readonly prefix: string;
  readonly api: ApiSettings;
  /** The API's custom domain, where it has one. */
  readonly domain: DomainSettings | undefined;
  readonly application: ApplicationSettings;
  /** What the builds read the repository with. */
  readonly credential: CredentialSettings;
  /** What those of pull requests read it with where it is another: their code may read it. */
  readonly pullRequestCredential: CredentialSettings | undefined;
  readonly deploy: BuildSettings;
  /** Undefined where pull requests are not built. */
  readonly pullRequest: BuildSettings | undefined;
  readonly monitoring: MonitoringSettings;
  /** The role with which a pull request is previewed, where the stack is to have one. */
  readonly previewRole: PreviewRoleSettings | undefined;
  /**
   * What the stack sets of a function.
   * @throws {Error} when there is no such folder.
   */
  function(folder: string): FunctionSettings;
}

/** Longest Lambda function name (CreateFunction's `FunctionName`), in characters. */
const maxFunctionNameLength = 64;
/** IAM allows 64 characters; a function's longest role name is its folder with this at the end. */
const maxFolderLength = 64 - "-deployments-role-0123456".length;
/** What a build takes beside shifting traffic, in minutes. */
const buildMinutes = 5;

type Refuse = (key: string, value: unknown, allowed: string) => undefined;

/**
 * Reads and validates the stack's configuration before anything is registered.
 *
 * @param functionFolders The folders of the stack's functions, whose names have to fit with the stack's.
 * @throws {pulumi.RunError} one error that lists every problem: its key, its value and what is allowed.
 */
export function readSettings(functionFolders: readonly string[]): Settings {
  const config = new pulumi.Config();
  const prefix = `${pulumi.getProject()}-${pulumi.getStack()}`;
  const problems: string[] = [];
  const refuse: Refuse = (key, value, allowed) => {
    // A URL may carry a password or a token.
    const shown = value === undefined ? "not set" : JSON.stringify(value).replace(/\/\/[^/@]*@/, "//***@");
    problems.push(`${config.name}:${key} is ${shown}: ${allowed}`);
  };
  /** A setting's value; undefined, and a problem, when `parse` makes nothing of its text. */
  function read<T>(key: string, standard: string | undefined, parse: (text: string) => T | undefined, allowed: string) {
    const text = config.get(key) ?? standard;
    const value = text === undefined ? undefined : parse(text);
    return value === undefined ? refuse(key, text, allowed) : value;
  }

  const settings = {
    prefix,
    repository: read("repository", undefined, parseRepository, repositoryRule),
    branch: read("branch", "main", (text) => (branchProblem(text) ? undefined : text), branchProblem("") ?? ""),
    credential: readCredential(config, refuse),
    pullRequests: read("pullRequests", "true", parseBoolean, oneOf([true, false])),
    strategy: read("releaseStrategy", "allAtOnce", parseStrategy, strategyRule),
    logRetentionDays: read(
      "logRetentionDays",
      "30",
      (text) => retentionDays.find((days) => String(days) === text),
      oneOf(retentionDays),
    ),
    computeName: read("buildCompute", "x86", keyOf(buildComputes), oneOf(Object.keys(buildComputes))),
    buildTimeoutMinutes: read("buildTimeoutMinutes", "5", ...wholeNumber(5, 2160)),
    corsOrigins: read("corsOrigins", "[]", parseOrigins, originsRule),
    rateLimit: read("throttlingRateLimit", "100", ...wholeNumber(1, 1_000_000)),
    burstLimit: read("throttlingBurstLimit", "200", ...wholeNumber(1, 1_000_000)),
    protect: read("protect", "false", parseBoolean, oneOf([true, false])),
    defaultEndpoint: read("defaultEndpoint", "true", parseBoolean, oneOf([true, false])),
    tracing: read("tracing", "false", parseBoolean, oneOf([true, false])),
    alerts: read("alerts", "false", parseBoolean, oneOf([true, false])),
    alarms: readAlarms(config, problems),
    alertSubscribers: readSubscribers(config, refuse),
    settingsOf: readFunctions(config, functionFolders, problems),
  };
  const pullRequestCredential = readPullRequestCredential(config, refuse);
  const previewRole = readPreviewRole(config, settings.repository, refuse);
  for (const { key, nearest } of unknownSettings(config)) {
    problems.push(`${config.name}:${key} is no setting: remove it, or did you mean ${nearest}?`);
  }
  problems.push(...tagProblems(), ...nameProblems(prefix, functionFolders), ...accessProblems(config));
  if (isComplete(settings)) {
    const { repository, branch, logRetentionDays, protect, tracing, strategy } = settings;
    const compute = buildComputes[settings.computeName];
    if (problems.length > 0) {
      throw unusable(withoutSecrets(config, problems));
    }
    const ownSettings = (folder: string): OwnSettings => settings.settingsOf(folder, strategy);
    const strategies = functionFolders.map((folder) => ownSettings(folder).releaseStrategy);
    const minutes = Math.max(0, ...strategies.map((each) => each.minutes));
    checkTimeout(config, compute, settings.buildTimeoutMinutes, minutes, refuse);
    if (problems.length === 0) {
      const builds = { repository, branch, logRetentionDays };
      const credentialSettings = (credential: CredentialSetting): CredentialSettings => {
        if (credential.type !== "TOKEN") {
          return credential;
        }
        const { type, ...secret } = credential;
        return { type, secret: { prefix, serverType: repository.type, ...secret } };
      };
      return {
        prefix,
        api: {
          prefix,
          logRetentionDays,
          corsOrigins: settings.corsOrigins,
          throttling: { rateLimit: settings.rateLimit, burstLimit: settings.burstLimit },
          jwt: jwtOf(config),
          defaultEndpoint: settings.defaultEndpoint,
          protect,
        },
        domain: domainOf(config),
        application: { applicationName: prefix, strategies },
        credential: credentialSettings(settings.credential),
        pullRequestCredential: pullRequestCredential && credentialSettings(pullRequestCredential),
        deploy: {
          ...builds,
          projectName: `${prefix}_deploy`,
          compute,
          timeoutMinutes: settings.buildTimeoutMinutes,
        },
        pullRequest: settings.pullRequests
          ? {
              ...builds,
              projectName: `${prefix}_pull-request`,
              // Installing everything and all the tests take some two minutes, on two cores and with more memory than the smallest Lambda compute has.
              compute: containerOf(compute),
              timeoutMinutes: 15,
              statusContext: `${prefix}/pull-request`,
            }
          : undefined,
        monitoring: {
          prefix,
          alarms: settings.alarms,
          alerts: settings.alerts,
          alertSubscribers: settings.alertSubscribers,
        },
        previewRole,
        function: (folder) => ({
          ...ownSettings(folder),
          functionName: `${prefix}_${folder}`,
          logRetentionDays,
          tracing,
          protect,
        }),
      };
    }
  }
  throw unusable(withoutSecrets(config, problems));
}

/** The messages without the values that are encrypted in the stack's configuration. */
function withoutSecrets(config: pulumi.Config, problems: readonly string[]): string[] {
  const secrets = settingKeys.flatMap((key) => (isSecret(config, key) && config.get(key)) || []);
  return problems.map((problem) =>
    secrets.reduce((text, secret) => text.replaceAll(JSON.stringify(secret).slice(1, -1), "***"), problem),
  );
}

function unusable(problems: readonly string[]): pulumi.RunError {
  const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
  return new pulumi.RunError(
    `${count} not usable; nothing was changed.\n${problems.map((problem) => `  - ${problem}`).join("\n")}\n` +
      `Set a value with: pulumi config set <key> <value>`,
  );
}

function readFunctions(
  config: pulumi.Config,
  folders: readonly string[],
  problems: string[],
): (folder: string, standard: ReleaseStrategy) => OwnSettings {
  const key = `${config.name}:functions`;
  const set = parseObject(config.get("functions") ?? "{}");
  if (!set) {
    problems.push(`${key} must be an object with a function's folder as each key`);
  }
  for (const [folder, settings] of Object.entries(set ?? {})) {
    problems.push(
      ...(folders.includes(folder)
        ? functionProblems(settings).map((problem) => `${key}.${folder}${problem}`)
        : [`${key}.${folder} is no function: there are ${folders.join(", ")}`]),
    );
  }
  return (folder, standard) => {
    if (!folders.includes(folder)) {
      throw new Error(`there is no function "${folder}"; the folders with a handler.ts are: ${folders.join(", ")}`);
    }
    const own = set?.[folder] as Partial<Omit<OwnSettings, "releaseStrategy"> & { releaseStrategy: string }>;
    const releaseStrategy = parseStrategy(own?.releaseStrategy ?? standard.name) ?? standard;
    const environment = textsOf(own?.environment ?? functionDefaults.environment);
    const settings: OwnSettings = { ...functionDefaults, ...own, environment, releaseStrategy };
    return isSecret(config, "functions") ? { ...settings, environment: secrets(settings.environment) } : settings;
  };
}

/** `pulumi config set --path` makes a number of `8080`, and a boolean of `true`. */
function textsOf(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, `${value}`]));
}

function secrets(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, pulumi.secret(value)]));
}

/** A build waits for its release: it must not be stopped before the traffic has shifted. */
function checkTimeout(
  config: pulumi.Config,
  compute: BuildCompute,
  timeoutMinutes: number,
  releaseMinutes: number,
  refuse: Refuse,
): void {
  const needed = releaseMinutes + buildMinutes;
  const takes = `a build with its release takes up to ${needed} minutes with the releaseStrategy that takes longest`;
  if (isLambdaCompute(compute)) {
    if (config.get("buildTimeoutMinutes") !== undefined) {
      refuse(
        "buildTimeoutMinutes",
        timeoutMinutes,
        "remove it: buildCompute is Lambda compute, which takes no timeout",
      );
    }
    if (needed > lambdaComputeMinutes) {
      const limit = `Lambda compute stops it after ${lambdaComputeMinutes}`;
      refuse("buildCompute", config.get("buildCompute"), `${takes}, ${limit}; choose x86 or arm, or a faster strategy`);
    }
  } else if (needed > timeoutMinutes) {
    refuse("buildTimeoutMinutes", timeoutMinutes, `${takes}: set at least that, or a faster strategy`);
  }
}

/** What AWS would refuse of `aws:defaultTags`, which the provider adds to every resource; CodeBuild takes a character less than others. */
function tagProblems(): string[] {
  const text = new pulumi.Config("aws").get("defaultTags");
  const tags = text === undefined ? {} : parseObject(text)?.tags;
  const entries = isObject(tags) ? Object.entries(tags) : undefined;
  const isUsable = ([key, value]: [string, unknown]): boolean =>
    /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,127}$/iu.test(key) &&
    typeof value === "string" &&
    /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,255}$/u.test(value);
  return entries && entries.length <= 50 && entries.every(isUsable)
    ? []
    : [
        `aws:defaultTags is ${JSON.stringify(text)}: it must be an object whose "tags" has at most 50 keys of up to 127 characters (not aws:…), ` +
          "each with a string of up to 255; letters, digits, spaces and _ . : / = + - @ are allowed",
      ];
}

function nameProblems(prefix: string, functionFolders: readonly string[]): string[] {
  const problems: string[] = [];
  if (!/^[A-Za-z0-9_-]+$/.test(prefix)) {
    problems.push(
      `project and stack are "${prefix}": AWS names may hold only letters, digits, "-" and "_"; rename the stack`,
    );
  }
  // What follows the stack in a name begins with "_": so the names of two stacks never meet, and a policy's prefix covers one stack.
  if (pulumi.getStack().includes("_")) {
    problems.push(`the stack is "${pulumi.getStack()}": its name must hold no "_"; rename it, with "-" for instance`);
  }
  for (const folder of functionFolders) {
    const { length } = `${prefix}_${folder}`;
    if (length > maxFunctionNameLength) {
      problems.push(
        `the function's name "${prefix}_${folder}" has ${length} characters; Lambda allows ${maxFunctionNameLength}: shorten the folder's, the stack's or the project's name`,
      );
    }
    if (!/^[A-Za-z0-9_-]+$/.test(folder)) {
      problems.push(
        `the folder functions/${folder} names a Lambda function, whose name may hold only letters, digits, "-" and "_": rename it`,
      );
    }
    if (folder.length > maxFolderLength) {
      problems.push(
        `the folder functions/${folder} has ${folder.length} characters; the names of its roles leave ${maxFolderLength}: shorten it`,
      );
    }
  }
  return problems;
}

const originsRule = 'it must be a list of origins, such as ["https://www.example.com"] or ["https://*"], or ["*"]';

function parseOrigins(text: string): string[] | undefined {
  const origins = parseJson(text);
  const isOrigin = (origin: unknown): origin is string =>
    typeof origin === "string" &&
    (/^https?:\/\/\*$/.test(origin) || (/^https?:\/\/[^*]+$/.test(origin) && URL.parse(origin)?.origin === origin));
  return Array.isArray(origins) && (origins.every(isOrigin) || (origins.length === 1 && origins[0] === "*"))
    ? origins
    : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What reads a whole number within limits, and the rule that says so. */
function wholeNumber(least: number, most: number): [parse: (text: string) => number | undefined, rule: string] {
  return [
    (text) => (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined),
    `it must be a whole number from ${least} to ${most}`,
  ];
}

function keyOf<T extends object>(table: T): (text: string) => Extract<keyof T, string> | undefined {
  return (text) => (Object.hasOwn(table, text) ? (text as Extract<keyof T, string>) : undefined);
}

function oneOf(values: readonly unknown[]): string {
  return `it must be one of ${values.join(", ")}`;
}

/** Whether every property has a value. */
function isComplete<T extends object>(partial: T): partial is T & { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.values(partial).every((value) => value !== undefined);
}
