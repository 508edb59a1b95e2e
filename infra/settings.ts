import * as pulumi from "@pulumi/pulumi";
import { branchProblem } from "./webhookFilters.ts";

/** How a release shifts traffic, by the setting's value: the CodeDeploy configuration that does it. */
export const releaseStrategies = {
  allAtOnce: "CodeDeployDefault.LambdaAllAtOnce",
} as const;

/** The retention periods, in days, that CloudWatch Logs accepts (PutRetentionPolicy; 0, "never expire", is left out on purpose). */
export const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** A GitHub repository, as CodeBuild's source names it. */
export interface Repository {
  /** `GITHUB` for github.com, `GITHUB_ENTERPRISE` for any other host. */
  readonly type: "GITHUB" | "GITHUB_ENTERPRISE";
  /** The HTTPS URL to clone, e.g. `https://github.com/owner/name.git`. */
  readonly cloneUrl: string;
}

/** What lets CodeBuild read the repository: one of the project's own `source.auth` forms, never the account-wide credential. */
export interface Credential {
  readonly type: "CODECONNECTIONS" | "SECRETS_MANAGER";
  readonly arn: string;
}

/** The stack's settings, validated. */
export interface Settings {
  /** `<project>-<stack>`: the CodeDeploy application, and what every function's name begins with. */
  readonly prefix: string;
  readonly repository: Repository;
  /** The branch whose pushes are deployed. */
  readonly branch: string;
  readonly credential: Credential;
  /** The CodeDeploy deployment configuration of every release. */
  readonly deploymentConfigName: string;
  /** How long every log group keeps its events, in days. */
  readonly logRetentionDays: number;
  /** After how many minutes a build is stopped. */
  readonly buildTimeoutMinutes: number;
}

/** Longest Lambda function name (CreateFunction's `FunctionName`), in characters. */
const maxFunctionNameLength = 64;

/**
 * Reads and validates the stack's configuration before anything is registered.
 *
 * @param functionFolders The folders of the stack's functions, whose names have to fit with the stack's.
 * @throws {pulumi.RunError} one error that lists every problem: its key, its value and what is allowed.
 */
export function readSettings(functionFolders: readonly string[]): Settings {
  const config = new pulumi.Config();
  const problems: string[] = [];
  const refuse = (key: string, value: string | undefined, allowed: string): void => {
    // A URL may carry a password or a token.
    const masked = value?.replace(/\/\/[^/@]*@/, "//***@");
    const shown = masked === undefined ? "is not set" : `is ${JSON.stringify(masked)}`;
    problems.push(`${config.name}:${key} ${shown}: ${allowed}`);
  };

  const repository = parseRepository(config.get("repository"));
  if (!repository) {
    refuse(
      "repository",
      config.get("repository"),
      'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
    );
  }

  const branch = config.get("branch") ?? "main";
  const badBranch = branchProblem(branch);
  if (badBranch) {
    refuse("branch", branch, badBranch);
  }

  const connectionArn = config.get("connectionArn");
  const tokenSecretArn = config.get("tokenSecretArn");
  if (connectionArn === undefined && tokenSecretArn === undefined) {
    refuse("connectionArn", undefined, "set it or tokenSecretArn, so that CodeBuild can read the repository");
  }
  if (connectionArn !== undefined && tokenSecretArn !== undefined) {
    refuse("tokenSecretArn", tokenSecretArn, "connectionArn is set as well; exactly one of the two is allowed");
  }
  if (connectionArn !== undefined && !connectionPattern.test(connectionArn)) {
    refuse(
      "connectionArn",
      connectionArn,
      "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
    );
  }
  if (tokenSecretArn !== undefined && !secretPattern.test(tokenSecretArn)) {
    refuse(
      "tokenSecretArn",
      tokenSecretArn,
      "it must be the ARN of a Secrets Manager secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
    );
  }

  const strategy = config.get("releaseStrategy") ?? "allAtOnce";
  if (!isKeyOf(releaseStrategies, strategy)) {
    refuse("releaseStrategy", strategy, `it must be one of ${Object.keys(releaseStrategies).join(", ")}`);
  }

  const logRetentionDays = config.get("logRetentionDays") ?? "30";
  if (!retentionDays.some((days) => String(days) === logRetentionDays)) {
    refuse("logRetentionDays", logRetentionDays, `it must be one of ${retentionDays.join(", ")}`);
  }

  const buildTimeoutMinutes = config.get("buildTimeoutMinutes") ?? "5";
  if (!/^\d+$/.test(buildTimeoutMinutes) || Number(buildTimeoutMinutes) < 5 || Number(buildTimeoutMinutes) > 2160) {
    refuse("buildTimeoutMinutes", buildTimeoutMinutes, "it must be a whole number from 5 to 2160");
  }

  const prefix = `${pulumi.getProject()}-${pulumi.getStack()}`;
  if (!/^[A-Za-z0-9_-]+$/.test(prefix)) {
    problems.push(
      `project and stack are "${prefix}": AWS names may hold only letters, digits, "-" and "_"; rename the stack`,
    );
  }
  for (const folder of functionFolders) {
    const { length } = `${prefix}-${folder}`;
    if (length > maxFunctionNameLength) {
      problems.push(
        `the function's name "${prefix}-${folder}" has ${length} characters; Lambda allows ${maxFunctionNameLength}: shorten the folder's, the stack's or the project's name`,
      );
    }
  }

  if (problems.length > 0 || !repository || !isKeyOf(releaseStrategies, strategy)) {
    const count = problems.length === 1 ? "1 setting is" : `${problems.length} settings are`;
    throw new pulumi.RunError(
      `${count} not usable; nothing was changed.\n${problems.map((problem) => `  - ${problem}`).join("\n")}\n` +
        `Set a value with: pulumi config set <key> <value>`,
    );
  }
  return {
    prefix,
    repository,
    branch,
    credential:
      connectionArn !== undefined
        ? { type: "CODECONNECTIONS", arn: connectionArn }
        : { type: "SECRETS_MANAGER", arn: tokenSecretArn ?? "" },
    deploymentConfigName: releaseStrategies[strategy],
    logRetentionDays: Number(logRetentionDays),
    buildTimeoutMinutes: Number(buildTimeoutMinutes),
  };
}

// Not codestar-connections, the service's former name: IAM tells its actions from those of codeconnections.
const connectionPattern = /^arn:[\w-]+:codeconnections:[a-z0-9-]+:\d{12}:connection\/[0-9a-f-]{36}$/;
// With the six characters that Secrets Manager adds: IAM compares the whole ARN.
const secretPattern = /^arn:[\w-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}$/;
const repositoryPath = /^\/([A-Za-z0-9][A-Za-z0-9-]*)\/(?!\.+\/?$|\.git\/?$)([A-Za-z0-9._-]+?)(?:\.git)?\/?$/;

function parseRepository(url: string | undefined): Repository | undefined {
  if (url === undefined || !URL.canParse(url)) {
    return undefined;
  }
  const { protocol, username, password, search, hash, host, pathname } = new URL(url);
  const path = repositoryPath.exec(pathname);
  const isNearlyGitHub = /(^|\.)github\.com(:|$)/.test(host) && host !== "github.com";
  if (protocol !== "https:" || username || password || search || hash || !path || isNearlyGitHub) {
    return undefined;
  }
  return {
    type: host === "github.com" ? "GITHUB" : "GITHUB_ENTERPRISE",
    cloneUrl: `https://${host}/${path[1]}/${path[2]}.git`,
  };
}

function isKeyOf<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}
