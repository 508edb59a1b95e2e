import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import { type Credential, readSource } from "./credential.ts";
import { type Arn, type Releases, releaseStatements } from "./releaseRights.ts";
import { isLambdaCompute } from "./settings/buildComputes.ts";
import type { BuildSettings } from "./settings/builds.ts";
import { buildsPullRequests, type WebhookFilterGroup } from "./webhookFilters.ts";

/** What a `BuildProject` is made from. */
export interface BuildProjectArgs {
  readonly settings: BuildSettings;
  readonly credential: Credential;
  readonly description: string;
  /** The build's instructions, a path in the project. */
  readonly buildspec: string;
  /** Which events start a build. A pull request from a fork waits for an approval in any case. */
  readonly filterGroups: WebhookFilterGroup[];
  /** What the build may release; left out, the project can deploy nothing. */
  readonly releases?: Releases;
  /**
   * What is created before the project, so that IAM has a head start: CreateProject checks with the role whether it may read the source, and
   * the provider does not try again where IAM has not heard of the right yet.
   */
  readonly after: readonly pulumi.Resource[];
}

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
  readonly webhookSecret: pulumi.Input<string>;
  /** The branch that it builds. */
  readonly branch: string;

  constructor(name: string, args: BuildProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:BuildProject", name, {}, opts);
    const { projectName, repository, branch, logRetentionDays } = args.settings;

    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      { name: `/aws/codebuild/${projectName}`, retentionInDays: logRetentionDays },
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
      { parent: this, replacementTrigger: repository.cloneUrl, deleteBeforeReplace: true },
    );

    this.projectName = project.name;
    this.projectArn = project.arn;
    this.webhookUrl = webhook.payloadUrl;
    this.webhookSecret =
      repository.type === "GITHUB_ENTERPRISE" ? pulumi.secret(webhook.secret) : "set at GitHub by CodeBuild";
    this.branch = branch;
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
              Resource: arn("codebuild", `report-group/${args.settings.projectName}-*`),
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
    const { projectName, repository, branch, directory, compute, timeoutMinutes, statusContext } = args.settings;
    return new aws.codebuild.Project(
      name,
      {
        name: projectName,
        description: args.description,
        serviceRole: role.arn,
        source: {
          type: repository.type,
          location: repository.cloneUrl,
          // The whole history: a release asks which of two commits is the older.
          gitCloneDepth: 0,
          buildspec: directory === undefined ? args.buildspec : `${directory}/${args.buildspec}`,
          auth: { type: args.credential.type, resource: args.credential.arn },
          reportBuildStatus: true,
          ...(statusContext !== undefined && { buildStatusConfig: { context: statusContext } }),
        },
        sourceVersion: branch,
        environment: {
          ...compute,
          environmentVariables: [
            ...(directory === undefined ? [] : [{ name: "PROJECT_DIRECTORY", value: directory }]),
            ...(args.releases
              ? [{ name: "CODEDEPLOY_APPLICATION", value: args.releases.application.applicationName }]
              : []),
          ],
        },
        artifacts: { type: "NO_ARTIFACTS" },
        logsConfig: { cloudwatchLogs: { status: "ENABLED", groupName: log.name } },
        ...(!isLambdaCompute(compute) && { buildTimeout: timeoutMinutes }),
      },
      { parent: this, dependsOn: [...policies, ...args.after] },
    );
  }
}
