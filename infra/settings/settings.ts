import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type ApiSettings, jwtOf } from "./api.ts";
import { type BuildSettings, deployBuild, pullRequestBuild } from "./builds.ts";
import { type CredentialSettings, credentialFrom, deployKeys, pullRequestKeys } from "./credentials.ts";
import { defaultTags } from "./defaultTags.ts";
import { type DomainSettings, domainOf } from "./domain.ts";
import { type FunctionSettings, secretly } from "./functions.ts";
import { type MonitoringSettings, withSecretEndpoint } from "./monitoring.ts";
import { nameProblems } from "./names.ts";
import { type PreviewRoleSettings, previewRoleOf } from "./previewRole.ts";
import { hidden, type Problem, textOfProblem } from "./problem.ts";
import { relationProblems, timeoutProblems } from "./relations.ts";
import type { ApplicationSettings } from "./releaseStrategies.ts";
import { schemaFor, settingKeys, type Texts } from "./schema.ts";
import { isSecret } from "./secrets.ts";
import { keyProblems } from "./unknownKeys.ts";

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

/**
 * Reads and validates the stack's configuration before anything is registered.
 *
 * @param folders The folders of the stack's functions, whose names have to fit with the stack's.
 * @throws {pulumi.RunError} one error that lists every problem: its key, its value and what is allowed.
 * @see https://www.pulumi.com/docs/iac/concepts/config/
 */
export function readSettings(folders: readonly string[]): Settings {
  const config = new pulumi.Config();
  const prefix = `${pulumi.getProject()}-${pulumi.getStack()}`;
  const isEncrypted = (key: string): boolean => isSecret(config.name, key);
  const tell = (problem: Problem): string => textOfProblem(config.name, problem, isEncrypted(String(problem.path[0])));

  const texts = Object.fromEntries(settingKeys.map((key) => [key, config.get(key)])) as Texts;
  const { data, error } = schemaFor(folders).safeParse(texts, { reportInput: true });
  const relations = relationProblems(texts, new pulumi.Config("aws").get("region"), isEncrypted);
  const problems = [
    ...inOrder(relations, error?.issues ?? []).map(tell),
    ...keyProblems(config.name, settingKeys),
    ...tagProblems(),
    ...nameProblems(prefix, folders),
  ];
  const credential = data && credentialFrom(prefix, data, deployKeys);
  if (!credential || problems.length > 0) {
    throw unusable(problems);
  }
  const strategyOf = (folder: string) => data.functions[folder]?.releaseStrategy ?? data.releaseStrategy;
  const strategies = folders.map(strategyOf);
  const late = timeoutProblems(texts, data, Math.max(0, ...strategies.map(({ minutes }) => minutes)));
  if (late.length > 0) {
    throw unusable(late.map(tell));
  }
  const { logRetentionDays, protect, tracing, alerts, alarms } = data;
  return {
    prefix,
    api: {
      prefix,
      logRetentionDays,
      corsOrigins: data.corsOrigins,
      throttling: { rateLimit: data.throttlingRateLimit, burstLimit: data.throttlingBurstLimit },
      jwt: jwtOf(data),
      defaultEndpoint: data.defaultEndpoint,
      protect,
    },
    domain: domainOf(data),
    application: { applicationName: prefix, strategies },
    credential,
    pullRequestCredential: credentialFrom(prefix, data, pullRequestKeys),
    deploy: deployBuild(prefix, data),
    pullRequest: data.pullRequests ? pullRequestBuild(prefix, data) : undefined,
    monitoring: {
      prefix,
      alarms,
      alerts,
      alertSubscribers: isEncrypted("alertSubscribers")
        ? data.alertSubscribers.map(withSecretEndpoint)
        : data.alertSubscribers,
    },
    previewRole: previewRoleOf(data),
    function(folder) {
      const own = data.functions[folder];
      if (!own) {
        throw new Error(`there is no function "${folder}"; the folders with a handler.ts are: ${folders.join(", ")}`);
      }
      return {
        ...own,
        functionName: `${prefix}_${folder}`,
        environment: isEncrypted("functions") ? secretly(own.environment) : own.environment,
        releaseStrategy: strategyOf(folder),
        logRetentionDays,
        tracing,
        protect,
      };
    },
  };
}

/** The problems in the order of the settings; where a relation does not look at a value, its own rule does not matter either. */
function inOrder(relations: readonly Problem[], issues: readonly z.core.$ZodIssue[]): Problem[] {
  const own = issues
    .flatMap((issue): Problem[] => {
      const { path, message, input } = issue;
      return issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => ({ path: [...path, key], message }))
        : [{ path, message, input }];
    })
    .filter(({ path }) => !relations.some((one) => one.path[0] === path[0] && one.message.startsWith(hidden(""))));
  const keys: readonly PropertyKey[] = settingKeys;
  const place = ({ path: [key = ""] }: Problem): number => keys.indexOf(key);
  return [...relations, ...own].sort((one, other) => place(one) - place(other));
}

function tagProblems(): string[] {
  const { error } = defaultTags.safeParse(new pulumi.Config("aws").get("defaultTags"), { reportInput: true });
  const path = ["defaultTags"];
  return (error?.issues ?? []).map((issue) => textOfProblem("aws", { ...issue, path }, isSecret("aws", "defaultTags")));
}

function unusable(problems: readonly string[]): pulumi.RunError {
  const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
  return new pulumi.RunError(
    `${count} not usable; nothing was changed.\n${problems.map((problem) => `  - ${problem}`).join("\n")}\n` +
      `Set a value with: pulumi config set <key> <value>`,
  );
}
