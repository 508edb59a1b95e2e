import type * as pulumi from "@pulumi/pulumi";
import type { Repository } from "./repository.ts";
import { isSecret } from "./secrets.ts";

/** What lets CodeBuild read the repository: the ARN of a connection or of a secret, or a token for which the stack makes a secret. */
export type CredentialSettings =
  | { readonly type: "CODECONNECTIONS"; readonly arn: string }
  | { readonly type: "SECRETS_MANAGER"; readonly arn: string; readonly kmsKeyArn?: string }
  | { readonly type: "TOKEN"; readonly secret: TokenSecretSettings };

/** The secret that the stack makes for a token. */
export interface TokenSecretSettings {
  /** `<project>-<stack>`, for the description. */
  readonly prefix: string;
  /** The kind of server that the token is for. */
  readonly serverType: Repository["type"];
  /** A personal access token, as a Pulumi secret. */
  readonly token: pulumi.Output<string>;
  /** The customer's own KMS key to encrypt it with. @default Secrets Manager's */
  readonly kmsKeyArn?: string;
}

/** A credential as the settings have it: of a token, what is the repository's own is added. */
export type CredentialSetting =
  | Exclude<CredentialSettings, { type: "TOKEN" }>
  | { readonly type: "TOKEN"; readonly token: pulumi.Output<string>; readonly kmsKeyArn?: string };

/** The settings of one credential, by what each is. */
const deployKeys = {
  connectionArn: "connectionArn",
  tokenSecretArn: "tokenSecretArn",
  token: "token",
  kmsKeyArn: "tokenKmsKeyArn",
} as const;
const pullRequestKeys = {
  connectionArn: "pullRequestConnectionArn",
  tokenSecretArn: "pullRequestTokenSecretArn",
  token: "pullRequestToken",
  kmsKeyArn: "pullRequestTokenKmsKeyArn",
} as const;

// Connections of before July 2024 have the service's former name, codestar-connections, in their ARN.
const connectionPattern = /^arn:[\w-]+:code(?:star-)?connections:[a-z0-9-]+:\d{12}:connection\/[0-9a-f-]{36}$/;
// With the six characters that Secrets Manager adds: IAM compares the whole ARN.
const secretPattern = /^arn:[\w-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}$/;
const keyPattern = /^arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

type Refuse = (key: string, value: unknown, allowed: string) => undefined;

/** The credential of the deploy project. @param refuse Notes a problem: the key, its value and what is allowed. */
export function readCredential(config: pulumi.Config, refuse: Refuse): CredentialSetting | undefined {
  const { connectionArn, tokenSecretArn, token } = deployKeys;
  if ([connectionArn, tokenSecretArn, token].every((key) => config.get(key) === undefined)) {
    refuse("connectionArn", undefined, "set it, tokenSecretArn or token, so that CodeBuild can read the repository");
  }
  return read(config, refuse, deployKeys);
}

/** The credential of the pull-request project where it has one of its own; undefined where it has not. */
export function readPullRequestCredential(config: pulumi.Config, refuse: Refuse): CredentialSetting | undefined {
  const credential = read(config, refuse, pullRequestKeys);
  if (config.get("pullRequests") === "false") {
    for (const key of Object.values(pullRequestKeys).filter((name) => config.get(name) !== undefined)) {
      refuse(key, "***", "pullRequests is false, so that nothing would use it: remove one of the two");
    }
  }
  return credential;
}

function read(
  config: pulumi.Config,
  refuse: Refuse,
  keys: Readonly<Record<keyof typeof deployKeys, string>>,
): CredentialSetting | undefined {
  const connectionArn = config.get(keys.connectionArn);
  const tokenSecretArn = config.get(keys.tokenSecretArn);
  const token = config.get(keys.token);
  const kmsKeyArn = config.get(keys.kmsKeyArn);
  const forms = [keys.connectionArn, keys.tokenSecretArn, keys.token];
  const given = forms.filter((key) => config.get(key) !== undefined);
  const [first, ...others] = given;
  for (const key of others) {
    const all = `exactly one of ${forms.slice(0, 2).join(", ")} and ${forms[2]} is allowed`;
    refuse(key, "***", `${first} is set as well; ${all}`);
  }
  if (kmsKeyArn !== undefined) {
    if (tokenSecretArn === undefined && token === undefined) {
      const encrypts = `it is of no use without ${keys.tokenSecretArn} or ${keys.token}`;
      refuse(keys.kmsKeyArn, kmsKeyArn, `${encrypts}, whose secret it encrypts: set one, or remove this`);
    }
    if (!keyPattern.test(kmsKeyArn)) {
      const rule = "it must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be granted";
      return refuse(keys.kmsKeyArn, kmsKeyArn, rule);
    }
  }
  if (connectionArn !== undefined && !connectionPattern.test(connectionArn)) {
    const rule = "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>";
    return refuse(keys.connectionArn, connectionArn, rule);
  }
  if (tokenSecretArn !== undefined && !secretPattern.test(tokenSecretArn)) {
    const example = "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>";
    return refuse(keys.tokenSecretArn, tokenSecretArn, `it must be the ARN of a Secrets Manager secret: ${example}`);
  }
  if (token !== undefined && !(isSecret(config, keys.token) && /^\w{20,}$/.test(token))) {
    const rule = `it must be a personal access token, set with: pulumi config set --secret ${keys.token}`;
    return refuse(keys.token, "***", rule);
  }
  if (given.length !== 1) {
    return undefined;
  }
  const key = kmsKeyArn !== undefined && { kmsKeyArn };
  return connectionArn !== undefined
    ? { type: "CODECONNECTIONS", arn: connectionArn }
    : tokenSecretArn !== undefined
      ? { type: "SECRETS_MANAGER", arn: tokenSecretArn, ...key }
      : { type: "TOKEN", token: config.requireSecret(keys.token), ...key };
}
