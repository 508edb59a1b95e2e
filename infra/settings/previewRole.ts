import { fullNameOf, type Repository } from "./repository.ts";
import { matching } from "./values.ts";

/** What the stack's settings say of the role with which a pull request is previewed. */
export interface PreviewRoleSettings {
  /** The account's OIDC provider of GitHub Actions: its ARN, or `create`. */
  readonly oidcProvider: string;
  /** What the subject of the repository's OIDC tokens begins with, e.g. `repo:owner/name`. */
  readonly subject: string;
  /** The S3 bucket with the self-managed state, and the folder in it where there is one: `bucket`, `bucket/folder`. */
  readonly stateBucket?: string;
  /** The KMS key that encrypts the stack's secrets. */
  readonly kmsKeyArn?: string;
}

export const previewRole = matching(
  /^(none|create|arn:[\w-]+:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com)$/,
  "it must be none, create, or the ARN of the account's OIDC provider: arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com",
);

export const previewStateBucket = matching(
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9._-]+)*$/,
  'it must be "<bucket>" or "<bucket>/<folder>", without s3://',
);

/** What the settings say of the role; undefined where none is asked for. */
export function previewRoleOf(values: {
  readonly repository: Repository;
  readonly previewRole: string;
  readonly previewSubject?: string | undefined;
  readonly previewStateBucket?: string | undefined;
  readonly previewKmsKeyArn?: string | undefined;
}): PreviewRoleSettings | undefined {
  const { repository, previewRole: oidcProvider, previewSubject, previewStateBucket, previewKmsKeyArn } = values;
  return oidcProvider === "none"
    ? undefined
    : {
        oidcProvider,
        subject: previewSubject ?? `repo:${fullNameOf(repository)}`,
        ...(previewStateBucket !== undefined && { stateBucket: previewStateBucket }),
        ...(previewKmsKeyArn !== undefined && { kmsKeyArn: previewKmsKeyArn }),
      };
}
