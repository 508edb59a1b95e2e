import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import type { CodeDeployApplication } from "./codeDeployApplication.ts";
import type { ReleaseStrategy } from "./settings/releaseStrategies.ts";

/** What a `DeploymentGroup` is made from. */
export interface DeploymentGroupArgs {
  readonly application: CodeDeployApplication;
  /** The group's name in the application: the function's folder. */
  readonly groupName: string;
  /** The function whose alias the deployments move. */
  readonly functionArn: pulumi.Input<string>;
  /** How a release moves traffic: one of the application's strategies. */
  readonly releaseStrategy: ReleaseStrategy;
}

/**
 * A CodeDeploy group for one Lambda function, and the role with which CodeDeploy moves its alias.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups-create-lambda.html
 */
export class DeploymentGroup extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: DeploymentGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:DeploymentGroup", name, {}, opts);
    const parent = { parent: this };

    const role = new aws.iam.Role(
      `${name}-role`,
      {
        description: "CodeDeploy moves the alias of one function",
        assumeRolePolicy: assumableBy("codedeploy.amazonaws.com", aws.getCallerIdentityOutput({}, parent).accountId),
      },
      parent,
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      { role: role.id, policy: moveAliasOf(args.functionArn) },
      parent,
    );
    const group = new aws.codedeploy.DeploymentGroup(
      name,
      {
        appName: args.application.applicationName,
        deploymentGroupName: args.groupName,
        deploymentConfigName: args.application.deploymentConfigOf(args.releaseStrategy),
        serviceRoleArn: role.arn,
        deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
        // A release brings the alarms of its own.
        autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
      },
      // A deployment may start as soon as the group exists, and must find the role's rights there.
      { ...parent, dependsOn: [policy] },
    );

    this.arn = group.arn;
    this.registerOutputs({ arn: this.arn });
  }
}

function moveAliasOf(functionArn: pulumi.Input<string>): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "MoveAlias",
        Effect: "Allow",
        Action: ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
        Resource: [functionArn, pulumi.interpolate`${functionArn}:*`],
      },
      // Of the alarms that a release brings; AWS's own policies for CodeDeploy allow it on every alarm, and name no narrower resource.
      { Sid: "WatchAlarms", Effect: "Allow", Action: ["cloudwatch:DescribeAlarms"], Resource: "*" },
    ],
  };
}
