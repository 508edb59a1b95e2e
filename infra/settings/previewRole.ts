import type * as pulumi from "@pulumi/pulumi";
import type { Repository } from "./repository.ts";

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

const roleRule =
  "it must be none, create, or the ARN of the account's OIDC provider: arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com";
const providerPattern = /^arn:[\w-]+:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com$/;
const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9._-]+)*$/;
const keyPattern = /^arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

/**
 * Reads the `preview…` settings; undefined when no role is asked for, or a problem was found.
 *
 * @param repository Undefined when it is a problem itself.
 * @param refuse Notes a problem: the key, its value and what is allowed.
 */
export function readPreviewRole(
  config: pulumi.Config,
  repository: Repository | undefined,
  refuse: (key: string, value: unknown, allowed: string) => undefined,
): PreviewRoleSettings | undefined {
  const oidcProvider = config.get("previewRole") ?? "none";
  const optional = ["previewSubject", "previewStateBucket", "previewKmsKeyArn"] as const;
  const [previewSubject, stateBucket, kmsKeyArn] = optional.map((key) => config.get(key));
  if (oidcProvider === "none") {
    for (const key of optional.filter((name) => config.get(name) !== undefined)) {
      refuse(key, config.get(key), "it is of no use without previewRole: set that, or remove this");
    }
    return undefined;
  }
  if (oidcProvider !== "create" && !providerPattern.test(oidcProvider)) {
    return refuse("previewRole", oidcProvider, roleRule);
  }
  if (repository && repository.type !== "GITHUB") {
    return refuse("previewRole", oidcProvider, "it must be none: only github.com issues tokens that the role trusts");
  }
  const fullName = new URL(repository?.cloneUrl ?? "https://github.com/owner/name.git").pathname.slice(1, -4);
  const subject = previewSubject ?? `repo:${fullName}`;
  if (subject.replace(/@\d+(?=\/|$)/g, "") !== `repo:${fullName}` || !/^[^@]+(@\d+\/[^@]+@\d+)?$/.test(subject)) {
    return refuse(
      "previewSubject",
      subject,
      `it must be "repo:${fullName}", or with GitHub's ids of both "repo:${fullName.replace("/", "@<id>/")}@<id>"`,
    );
  }
  if (stateBucket !== undefined && !bucketPattern.test(stateBucket)) {
    return refuse("previewStateBucket", stateBucket, 'it must be "<bucket>" or "<bucket>/<folder>", without s3://');
  }
  if (kmsKeyArn !== undefined && !keyPattern.test(kmsKeyArn)) {
    return refuse(
      "previewKmsKeyArn",
      kmsKeyArn,
      "it must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be granted",
    );
  }
  return {
    oidcProvider,
    subject,
    ...(stateBucket !== undefined && { stateBucket }),
    ...(kmsKeyArn !== undefined && { kmsKeyArn }),
  };
}
