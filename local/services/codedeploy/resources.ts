import { array, literal, number, enum as oneOf, strictObject, string } from "zod";
import { arn } from "../../aws/account.ts";
import { autoName, type Kind, kind } from "../../aws/resourceKind.ts";
import type { CodeDeploy } from "./codedeploy.ts";

/**
 * Applications, which are no more than a name here, their groups, and deployment configurations.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/codedeploy/
 */
export function codeDeployResources(codedeploy: CodeDeploy): Record<string, Kind> {
  return {
    "aws:codedeploy/application:Application": kind(
      { name: string().max(100), computePlatform: literal("Lambda") },
      ["computePlatform", "name"],
      ({ name }) => ({ id: name, arn: arn("codedeploy", `application:${name}`) }),
      undefined,
      ({ name }) => ({ id: name, error: `ApplicationAlreadyExistsException: Application already exists: ${name}` }),
    ),
    "aws:codedeploy/deploymentConfig:DeploymentConfig": kind(
      {
        computePlatform: literal("Lambda"),
        trafficRoutingConfig: strictObject({
          type: oneOf(["TimeBasedCanary", "TimeBasedLinear"]),
          timeBasedCanary: strictObject({ percentage: number(), interval: number() }).optional(),
          timeBasedLinear: strictObject({ percentage: number(), interval: number() }).optional(),
        }),
      },
      ["computePlatform", "trafficRoutingConfig"],
      ({ trafficRoutingConfig: { type, timeBasedCanary: canary, timeBasedLinear: linear } }, logicalName) => {
        const name = autoName(logicalName, 100);
        codedeploy.createDeploymentConfig(name, {
          type,
          ...(canary && {
            timeBasedCanary: { canaryPercentage: canary.percentage, canaryInterval: canary.interval },
          }),
          ...(linear && {
            timeBasedLinear: { linearPercentage: linear.percentage, linearInterval: linear.interval },
          }),
        });
        return { id: name, deploymentConfigName: name, arn: arn("codedeploy", `deploymentconfig:${name}`) };
      },
      (_, id) => codedeploy.deleteDeploymentConfig(id),
    ),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": kind(
      {
        appName: string(),
        deploymentGroupName: string().max(100),
        deploymentConfigName: string(),
        serviceRoleArn: string(),
        deploymentStyle: strictObject({
          deploymentType: literal("BLUE_GREEN"),
          deploymentOption: literal("WITH_TRAFFIC_CONTROL"),
        }),
        autoRollbackConfiguration: strictObject({
          enabled: literal(true),
          events: array(oneOf(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"])),
        }),
      },
      ["appName"],
      ({ appName, deploymentGroupName: group, deploymentConfigName, autoRollbackConfiguration }) => {
        codedeploy.putDeploymentGroup(appName, group, { deploymentConfigName, autoRollbackConfiguration });
        return { id: `${appName}:${group}`, arn: arn("codedeploy", `deploymentgroup:${appName}/${group}`) };
      },
      ({ appName, deploymentGroupName }) => codedeploy.deleteDeploymentGroup(appName, deploymentGroupName),
      ({ appName, deploymentGroupName: group }) => ({
        id: `${appName}:${group}`,
        error: `DeploymentGroupAlreadyExistsException: Deployment group name already exists: ${group}`,
      }),
    ),
  };
}
