import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { PreviewRoleSettings } from "./settings/previewRole.ts";

/** What a `PreviewRole` is made from. */
export interface PreviewRoleArgs {
  readonly settings: PreviewRoleSettings;
  /** The account's OIDC provider of GitHub where there is one already, as `existingOidcProvider` finds it. */
  readonly existingProvider: string | undefined;
}

/** Who issues the tokens of GitHub Actions. */
const issuer = "token.actions.githubusercontent.com";

/**
 * The ARN of the account's OIDC provider of GitHub where the settings ask for one to be made; undefined where there is none, or the caller may
 * not look for it.
 */
export async function existingOidcProvider({ oidcProvider }: PreviewRoleSettings): Promise<string | undefined> {
  if (oidcProvider !== "create") {
    return undefined;
  }
  try {
    return (await aws.iam.getOpenIdConnectProvider({ url: `https://${issuer}` })).arn;
  } catch {
    // The provider's one error for both. In a preview by the role nothing depends on it: what the state has is not imported.
    return undefined;
  }
}

/**
 * A role that `pulumi preview` takes in the GitHub Actions of a pull request of this repository, and of nothing else. It may read the state
 * of this stack and nothing that exists in AWS: a preview without refresh compares the program with the state, takes no lock and writes
 * nothing (`Preview` and `apply` in pulumi/pulumi `pkg/backend/diy/backend.go`, v3.256.0).
 *
 * @see https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
 */
export class PreviewRole extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PreviewRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:PreviewRole", name, {}, opts);
    const { subject, stateBucket, kmsKeyArn } = args.settings;
    const role = new aws.iam.Role(
      `${name}-role`,
      {
        description: `pulumi preview of ${pulumi.getProject()}-${pulumi.getStack()} in pull requests`,
        assumeRolePolicy: assumableInPullRequests(this.oidcProvider(name, args), subject),
      },
      { parent: this },
    );
    const statements = [...readState(stateBucket, { parent: this }), ...decryptSecrets(kmsKeyArn)];
    if (statements.length > 0) {
      new aws.iam.RolePolicy(
        `${name}-policy`,
        { role: role.id, policy: { Version: "2012-10-17", Statement: statements } },
        { parent: this },
      );
    }
    this.arn = role.arn;
    this.registerOutputs({ arn: this.arn });
  }

  private oidcProvider(name: string, { settings, existingProvider }: PreviewRoleArgs): pulumi.Input<string> {
    if (settings.oidcProvider !== "create") {
      return settings.oidcProvider;
    }
    return new aws.iam.OpenIdConnectProvider(
      `${name}-oidc`,
      { url: `https://${issuer}`, clientIdLists: ["sts.amazonaws.com"] },
      {
        parent: this,
        // An account has one for all repositories: it stays when the stack goes, and what others have set of it stays as it is.
        retainOnDelete: true,
        ignoreChanges: ["clientIdLists", "thumbprintLists", "tags", "tagsAll"],
        ...(existingProvider !== undefined && { import: existingProvider }),
      },
    ).arn;
  }
}

function assumableInPullRequests(oidcProvider: pulumi.Input<string>, subject: string): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: oidcProvider },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: { [`${issuer}:aud`]: "sts.amazonaws.com", [`${issuer}:sub`]: `${subject}:pull_request` },
        },
      },
    ],
  };
}

/** This stack's state in the bucket, in each of the forms that Pulumi stores it in, and the bucket's list of files, by which it is found. */
function readState(stateBucket: string | undefined, invoke: pulumi.InvokeOptions): aws.iam.PolicyStatement[] {
  if (stateBucket === undefined) {
    return [];
  }
  const [bucket] = stateBucket.split("/");
  const s3 = pulumi.interpolate`arn:${aws.getPartitionOutput({}, invoke).partition}:s3:::`;
  const state = `${stateBucket}/.pulumi/stacks/${pulumi.getProject()}/${pulumi.getStack()}.json`;
  return [
    { Sid: "FindState", Effect: "Allow", Action: ["s3:ListBucket"], Resource: pulumi.interpolate`${s3}${bucket}` },
    {
      Sid: "ReadState",
      Effect: "Allow",
      Action: ["s3:GetObject"],
      Resource: [`${stateBucket}/.pulumi/meta.yaml`, state, `${state}.gz`, `${state}.zst`].map(
        (key) => pulumi.interpolate`${s3}${key}`,
      ),
    },
  ];
}

function decryptSecrets(kmsKeyArn: string | undefined): aws.iam.PolicyStatement[] {
  return kmsKeyArn === undefined
    ? []
    : [{ Sid: "DecryptSecrets", Effect: "Allow", Action: ["kms:Decrypt"], Resource: kmsKeyArn }];
}
