import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { CredentialSettings } from "./settings/credentials.ts";
import { TokenSecret } from "./tokenSecret.ts";

/** What lets CodeBuild read the repository: one of the project's own `source.auth` forms, never the account-wide credential. */
export interface Credential {
  readonly type: "CODECONNECTIONS" | "SECRETS_MANAGER";
  readonly arn: pulumi.Input<string>;
  /** The customer's own KMS key with which the secret is encrypted, where it is one. */
  readonly kmsKeyArn?: string;
}

/** What the settings give CodeBuild to read the repository with; a token becomes a `TokenSecret` of this name. */
export function credentialOf(name: string, settings: CredentialSettings): Credential {
  if (settings.type !== "TOKEN") {
    return settings;
  }
  const { kmsKeyArn } = settings.secret;
  const { arn } = new TokenSecret(name, settings.secret);
  return { type: "SECRETS_MANAGER", arn, ...(kmsKeyArn !== undefined && { kmsKeyArn }) };
}

/**
 * What a build's role needs to read the repository.
 *
 * @param secretsManager The service's host in the stack's region, by way of which alone a customer's key decrypts.
 */
export function readSource(
  { type, arn, kmsKeyArn }: Credential,
  secretsManager: pulumi.Input<string>,
): aws.iam.PolicyStatement[] {
  if (type === "CODECONNECTIONS") {
    // An action begins as its connection's ARN does. @see https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
    const service = pulumi.output(arn).apply((text) => text.split(":")[2]);
    const Action = ["GetConnection", "GetConnectionToken", "UseConnection"].map(
      (name) => pulumi.interpolate`${service}:${name}`,
    );
    return [{ Sid: "ReadSource", Effect: "Allow", Action, Resource: arn }];
  }
  return [
    { Sid: "ReadSource", Effect: "Allow", Action: ["secretsmanager:GetSecretValue"], Resource: arn },
    ...(kmsKeyArn === undefined ? [] : [decryptSecret(arn, kmsKeyArn, secretsManager)]),
  ];
}

/** Only this secret, and only by way of Secrets Manager. @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html */
function decryptSecret(
  secretArn: pulumi.Input<string>,
  kmsKeyArn: string,
  secretsManager: pulumi.Input<string>,
): aws.iam.PolicyStatement {
  return {
    Sid: "DecryptSource",
    Effect: "Allow",
    Action: ["kms:Decrypt"],
    Resource: kmsKeyArn,
    Condition: {
      StringEquals: {
        "kms:ViaService": secretsManager,
        "kms:EncryptionContext:SecretARN": secretArn,
      },
    },
  };
}
