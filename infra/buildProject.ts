import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import type { DeploymentConfigs } from "./deploymentConfigs.ts";
import type { LiveFunction } from "./liveFunction.ts";
import { type BuildCompute, isLambdaCompute } from "./settings/buildComputes.ts";
import type { Repository } from "./settings/settings.ts";
import { buildsPullRequests, type WebhookFilterGroup } from "./webhookFilters.ts";

/** What a `BuildProject` is made from. */
export interface BuildProjectArgs {
  /** The project's name, unique in the account and region. */
  readonly projectName: string;
  readonly description: string;
  readonly repository: Repository;
  readonly credential: Credential;
  /** The branch that a build started by hand takes. */
  readonly branch: string;
  /** Which events start a build. A pull request from a fork waits for an approval in any case. */
  readonly filterGroups: WebhookFilterGroup[];
  /**
   * The name of the commit status with which every build that the webhook starts reports to GitHub.
   * @default CodeBuild's: `AWS CodeBuild <region> (<project's name>)`
   */
  readonly statusContext?: string;
  /** The build's instructions, a path in the repository. */
  readonly buildspec: string;
  readonly compute: BuildCompute;
  /** After how many minutes a build is stopped: 5 to 2160. Lambda compute has its own limit, and takes none. */
  readonly timeoutMinutes: number;
  /** How long the build log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** What the build may release; left out, the project can deploy nothing. */
  readonly releases?: Releases;
  /**
   * What is created before the project, so that IAM has a head start: CreateProject checks with the role whether it may read the source, and
   * the provider does not try again where IAM has not heard of the right yet.
   */
  readonly after: readonly pulumi.Resource[];
}

/** What lets CodeBuild read the repository: one of the project's own `source.auth` forms, never the account-wide credential. */
export interface Credential {
  readonly type: "CODECONNECTIONS" | "SECRETS_MANAGER";
  readonly arn: pulumi.Input<string>;
  /** The customer's own KMS key with which the secret is encrypted, where it is one. */
  readonly kmsKeyArn?: string;
}

/** The functions that a build may release, and the CodeDeploy application that does it. */
export interface Releases {
  readonly application: aws.codedeploy.Application;
  readonly functions: readonly LiveFunction[];
  /** `<project>-<stack>`, what every function's name begins with. */
  readonly prefix: string;
  readonly deploymentConfigs: DeploymentConfigs;
}

/** How many functions a policy names one by one; with the longest names, each takes some 900 of the 10,240 characters of an inline policy. */
const maxNamedFunctions = 8;

/**
 * What a pull request from a fork is built by: a comment `/codebuild_run(<its latest commit>)` of somebody who may push to the repository.
 * Without such a policy anybody's code would run with the project's role and its access to the repository.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/pull-request-build-policy.html
 */
const pullRequestBuildPolicy = {
  requiresCommentApproval: "FORK_PULL_REQUESTS",
  approverRoles: ["GITHUB_ADMIN", "GITHUB_MAINTAIN", "GITHUB_WRITE"],
};

/**
 * A CodeBuild project that a GitHub webhook starts, with its log and a role that may do what the build does and no more.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/github-webhook.html
 */
export class BuildProject extends pulumi.ComponentResource {
  readonly projectName: pulumi.Output<string>;
  readonly projectArn: pulumi.Output<string>;
  /** Where GitHub posts its events. */
  readonly webhookUrl: pulumi.Output<string>;
  /** What a GitHub Enterprise Server signs its events with; CodeBuild does not tell what it has given to github.com. */
  readonly webhookSecret: pulumi.Output<string>;

  constructor(name: string, args: BuildProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:BuildProject", name, {}, opts);

    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      { name: `/aws/codebuild/${args.projectName}`, retentionInDays: args.logRetentionDays },
      { parent: this },
    );
    const { role, policies } = this.createRole(name, args, log);
    const project = this.createProject(name, args, log, role, policies);
    const webhook = new aws.codebuild.Webhook(
      `${name}-webhook`,
      {
        projectName: project.name,
        buildType: "BUILD",
        filterGroups: args.filterGroups,
        ...(args.filterGroups.some(buildsPullRequests) && { pullRequestBuildPolicy }),
      },
      // A project with another repository keeps the webhook of the former one: https://github.com/hashicorp/terraform-provider-aws/issues/47546
      { parent: this, replacementTrigger: args.repository.cloneUrl, deleteBeforeReplace: true },
    );

    this.projectName = project.name;
    this.projectArn = project.arn;
    this.webhookUrl = webhook.payloadUrl;
    this.webhookSecret = pulumi.secret(webhook.secret);
    this.registerOutputs({ projectName: this.projectName, webhookUrl: this.webhookUrl });
  }

  private createRole(
    name: string,
    args: BuildProjectArgs,
    log: aws.cloudwatch.LogGroup,
  ): { role: aws.iam.Role; policies: aws.iam.RolePolicy[] } {
    const parent = { parent: this };
    const { partition, dnsSuffix } = aws.getPartitionOutput({}, parent);
    const region = aws.getRegionOutput({}, parent).region;
    const account = aws.getCallerIdentityOutput({}, parent).accountId;
    const role = new aws.iam.Role(
      `${name}-role`,
      { description: args.description, assumeRolePolicy: assumableBy("codebuild.amazonaws.com", account) },
      parent,
    );
    // Of its own, so that it waits for nothing but the role.
    const source = new aws.iam.RolePolicy(
      `${name}-source-policy`,
      {
        role: role.id,
        policy: {
          Version: "2012-10-17",
          Statement: readSource(args.credential, pulumi.interpolate`secretsmanager.${region}.${dnsSuffix}`),
        },
      },
      parent,
    );
    const arn: Arn = (service, resource) =>
      pulumi.interpolate`arn:${partition}:${service}:${region}:${account}:${resource}`;

    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      {
        role: role.id,
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "WriteLog",
              Effect: "Allow",
              Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: pulumi.interpolate`${log.arn}:*`,
            },
            {
              Sid: "WriteTestReports",
              Effect: "Allow",
              Action: [
                "codebuild:CreateReportGroup",
                "codebuild:CreateReport",
                "codebuild:UpdateReport",
                "codebuild:BatchPutTestCases",
              ],
              Resource: arn("codebuild", `report-group/${args.projectName}-*`),
            },
            ...(args.releases ? releaseStatements(args.releases, arn) : []),
          ],
        },
      },
      parent,
    );
    return { role, policies: [source, policy] };
  }

  private createProject(
    name: string,
    args: BuildProjectArgs,
    log: aws.cloudwatch.LogGroup,
    role: aws.iam.Role,
    policies: readonly aws.iam.RolePolicy[],
  ): aws.codebuild.Project {
    return new aws.codebuild.Project(
      name,
      {
        name: args.projectName,
        description: args.description,
        serviceRole: role.arn,
        source: {
          type: args.repository.type,
          location: args.repository.cloneUrl,
          // The whole history: a release asks which of two commits is the older.
          gitCloneDepth: 0,
          buildspec: args.buildspec,
          auth: { type: args.credential.type, resource: args.credential.arn },
          reportBuildStatus: true,
          ...(args.statusContext && { buildStatusConfig: { context: args.statusContext } }),
        },
        sourceVersion: args.branch,
        environment: {
          ...args.compute,
          environmentVariables: args.releases
            ? [{ name: "CODEDEPLOY_APPLICATION", value: args.releases.application.name }]
            : [],
        },
        artifacts: { type: "NO_ARTIFACTS" },
        logsConfig: { cloudwatchLogs: { status: "ENABLED", groupName: log.name } },
        ...(!isLambdaCompute(args.compute) && { buildTimeout: args.timeoutMinutes }),
      },
      { parent: this, dependsOn: [...policies, ...args.after] },
    );
  }
}

type Arn = (service: string, resource: pulumi.Input<string>) => pulumi.Output<string>;

function readSource(
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

function releaseStatements(releases: Releases, arn: Arn): aws.iam.PolicyStatement[] {
  const areNamed = releases.functions.length <= maxNamedFunctions;
  const each = (
    named: (fn: LiveFunction) => pulumi.Input<string>,
    all: pulumi.Input<string>,
  ): pulumi.Input<string>[] => (areNamed ? releases.functions.map(named) : [all]);
  const ofAll = `${releases.prefix}_*`;
  const functions = each((fn) => fn.functionArn, arn("lambda", `function:${ofAll}`));
  const qualified = functions.map((functionArn) => pulumi.interpolate`${functionArn}:*`);
  return [
    {
      Sid: "PublishVersion",
      Effect: "Allow",
      Action: [
        "lambda:GetAlias",
        "lambda:GetFunction",
        "lambda:ListAliases",
        "lambda:ListVersionsByFunction",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
        "lambda:UpdateFunctionCode",
      ],
      Resource: [...functions, ...qualified],
    },
    // Of versions only: one that is not in traffic yet is tried out, one of long ago is deleted. Where IAM asks for the function's own ARN to
    // delete a version, as its authorization data says, all are kept: with that ARN the build could delete the function.
    {
      Sid: "TryAndPruneVersions",
      Effect: "Allow",
      Action: ["lambda:DeleteFunction", "lambda:InvokeFunction"],
      Resource: qualified,
    },
    {
      Sid: "Deploy",
      Effect: "Allow",
      Action: [
        "codedeploy:CreateDeployment",
        "codedeploy:GetDeployment",
        "codedeploy:GetDeploymentGroup",
        "codedeploy:ListDeployments",
        // CreateDeployment with alarms of its own asks for it.
        "codedeploy:UpdateDeploymentGroup",
      ],
      Resource: each(
        (fn) => fn.deploymentGroupArn,
        pulumi.interpolate`${arn("codedeploy", "deploymentgroup:")}${releases.application.name}/*`,
      ),
    },
    // It takes no resource: IAM lets whoever may stop a deployment stop any.
    { Sid: "StopDeployment", Effect: "Allow", Action: ["codedeploy:StopDeployment"], Resource: "*" },
    {
      Sid: "RegisterRevision",
      Effect: "Allow",
      Action: ["codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"],
      Resource: releases.application.arn,
    },
    {
      Sid: "ReadDeploymentConfig",
      Effect: "Allow",
      Action: ["codedeploy:GetDeploymentConfig"],
      Resource: releases.deploymentConfigs.names.map((name) =>
        arn("codedeploy", pulumi.concat("deploymentconfig:", name)),
      ),
    },
    {
      Sid: "GuardRelease",
      Effect: "Allow",
      Action: ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"],
      Resource: each(
        (fn) => arn("cloudwatch", pulumi.concat("alarm:", fn.functionName, "/version-*")),
        arn("cloudwatch", `alarm:${ofAll}`),
      ),
    },
    // GetMetricData takes no resource; of which alarms DescribeAlarms asks when it looks for many, AWS does not say.
    {
      Sid: "ReadAlarms",
      Effect: "Allow",
      Action: ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
      Resource: "*",
    },
    {
      Sid: "ReadLog",
      Effect: "Allow",
      Action: ["logs:FilterLogEvents"],
      Resource: each(
        (fn) => arn("logs", pulumi.concat("log-group:/aws/lambda/", fn.functionName, ":*")),
        arn("logs", `log-group:/aws/lambda/${ofAll}:*`),
      ),
    },
  ];
}
