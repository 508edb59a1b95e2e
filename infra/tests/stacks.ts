import { dev, type Stack } from "./mocks.ts";

/** A Secrets Manager secret with a token. */
export const secretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-token-AbCdEf";
/** A customer's own KMS key. */
export const keyArn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555";
/** A personal access token. */
export const token = "ghp_0123456789abcdefghij";

/** The dev stack with these settings beside its own. */
export function withSettings(config: Stack["config"], secretConfig: Stack["config"] = {}): Stack {
  return { ...dev, config: { ...dev.config, ...config }, secretConfig };
}

/** A stack whose builds read a repository on a GitHub Enterprise Server with a token from Secrets Manager. */
export const withTokenSecret: Stack = {
  ...dev,
  config: { repository: "https://git.example.com/owner/name", tokenSecretArn: secretArn },
};

/** A stack whose builds read the repository with a token of which the stack makes a secret. */
export const withToken: Stack = { ...dev, config: { repository: dev.config.repository }, secretConfig: { token } };
