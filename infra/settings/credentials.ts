import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { hidden } from "./problem.ts";
import type { Repository } from "./repository.ts";
import { matching } from "./values.ts";

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

// Connections of before July 2024 have the service's former name, codestar-connections, in their ARN.
export const connectionArn = matching(
  /^arn:[\w-]+:code(?:star-)?connections:[a-z0-9-]+:\d{12}:connection\/[0-9a-f-]{36}$/,
  "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
);

// With the six characters that Secrets Manager adds: IAM compares the whole ARN.
export const tokenSecretArn = matching(
  /^arn:[\w-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}$/,
  "it must be the ARN of a Secrets Manager secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
);

export const keyArn = matching(
  /^arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
  "it must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be granted",
);

/** A personal access token, which no message shows. @param key The setting's. */
export function tokenFor(key: string) {
  return z.string().regex(/^\w{20,}$/, { error: tokenMessage(key) });
}

/** What is told of a token that is none, or not encrypted. */
export function tokenMessage(key: string): string {
  return hidden(`it must be a personal access token, set with: pulumi config set --secret ${key}`);
}

/** The settings of the builds' credential: its three forms, of which one may be set, and the key that encrypts the last two. */
export const deployKeys = {
  connectionArn: "connectionArn",
  tokenSecretArn: "tokenSecretArn",
  token: "token",
  kmsKeyArn: "tokenKmsKeyArn",
} as const;

/** The same of pull requests' own credential. */
export const pullRequestKeys = {
  connectionArn: "pullRequestConnectionArn",
  tokenSecretArn: "pullRequestTokenSecretArn",
  token: "pullRequestToken",
  kmsKeyArn: "pullRequestTokenKmsKeyArn",
} as const;

/** The settings of one credential. */
export type CredentialKeys = typeof deployKeys | typeof pullRequestKeys;

/** The credential of which one form is set; undefined where none is. @param prefix `<project>-<stack>` */
export function credentialFrom(
  prefix: string,
  values: { readonly repository: Repository } & {
    readonly [key in CredentialKeys[keyof CredentialKeys]]?: string | undefined;
  },
  keys: CredentialKeys,
): CredentialSettings | undefined {
  const [connection, secretArn, token] = [values[keys.connectionArn], values[keys.tokenSecretArn], values[keys.token]];
  const kmsKeyArn = values[keys.kmsKeyArn];
  const key = kmsKeyArn !== undefined && { kmsKeyArn };
  if (connection !== undefined) {
    return { type: "CODECONNECTIONS", arn: connection };
  }
  if (secretArn !== undefined) {
    return { type: "SECRETS_MANAGER", arn: secretArn, ...key };
  }
  if (token === undefined) {
    return undefined;
  }
  const serverType = values.repository.type;
  return { type: "TOKEN", secret: { prefix, serverType, token: pulumi.secret(token), ...key } };
}
