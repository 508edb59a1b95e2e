import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { TokenSecretSettings } from "./settings/credentials.ts";

/**
 * A Secrets Manager secret of the stack's own that holds a personal access token as CodeBuild reads it: the account's source credential,
 * which every project shares, stays as it is.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/asm-create-secret.html
 */
export class TokenSecret extends pulumi.ComponentResource {
  /** The secret's ARN, available once it has its value. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, settings: TokenSecretSettings, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:TokenSecret", name, {}, opts);
    const parent = { parent: this };
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        description: `CodeBuild of ${settings.prefix} reads its repository with it`,
        ...(settings.kmsKeyArn !== undefined && { kmsKeyId: settings.kmsKeyArn }),
        // With the stack the token goes at once, instead of after 30 days.
        recoveryWindowInDays: 0,
        // CodeBuild's console finds the secret by them.
        tags: {
          "codebuild:source": "",
          "codebuild:source:type": "personal_access_token",
          "codebuild:source:provider": settings.serverType.toLowerCase(),
        },
      },
      parent,
    );
    const version = new aws.secretsmanager.SecretVersion(
      `${name}-value`,
      {
        secretId: secret.id,
        secretString: pulumi.jsonStringify({
          ServerType: settings.serverType,
          AuthType: "PERSONAL_ACCESS_TOKEN",
          Token: settings.token,
        }),
      },
      parent,
    );
    this.arn = version.arn;
    this.registerOutputs({ arn: this.arn });
  }
}
