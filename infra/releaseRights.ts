import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { CodeDeployApplication } from "./codeDeployApplication.ts";
import type { LiveFunction } from "./liveFunction.ts";

/** The functions that a build may release, and the CodeDeploy application that does it. */
export interface Releases {
  /** Of the name with which every function's begins. */
  readonly application: CodeDeployApplication;
  readonly functions: readonly LiveFunction[];
}

/** The ARN of something of the stack's own partition, region and account. */
export type Arn = (service: string, resource: pulumi.Input<string>) => pulumi.Output<string>;

/** How many functions a policy names one by one; with the longest names, each takes some 900 of the 10,240 characters of an inline policy. */
const maxNamedFunctions = 8;

/** What a build's role needs to release functions, by the calls that `deploy/` makes. */
export function releaseStatements(releases: Releases, arn: Arn): aws.iam.PolicyStatement[] {
  // A statement names a resource at least.
  if (releases.functions.length === 0) {
    return [];
  }
  const areNamed = releases.functions.length <= maxNamedFunctions;
  const each = (
    named: (fn: LiveFunction) => pulumi.Input<string>,
    all: pulumi.Input<string>,
  ): pulumi.Input<string>[] => (areNamed ? releases.functions.map(named) : [all]);
  const ofAll = pulumi.interpolate`${releases.application.applicationName}_*`;
  const functions = each((fn) => fn.functionArn, arn("lambda", pulumi.interpolate`function:${ofAll}`));
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
        pulumi.interpolate`${arn("codedeploy", "deploymentgroup:")}${releases.application.applicationName}/*`,
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
      Resource: releases.application.deploymentConfigNames.map((name) =>
        arn("codedeploy", pulumi.concat("deploymentconfig:", name)),
      ),
    },
    {
      Sid: "GuardRelease",
      Effect: "Allow",
      Action: ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"],
      Resource: each(
        (fn) => arn("cloudwatch", pulumi.concat("alarm:", fn.functionName, "/version-*")),
        arn("cloudwatch", pulumi.interpolate`alarm:${ofAll}`),
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
        arn("logs", pulumi.interpolate`log-group:/aws/lambda/${ofAll}:*`),
      ),
    },
  ];
}
