import type { CreateDeploymentInput } from "@aws-sdk/client-codedeploy";
import * as schemas from "@aws-sdk/client-codedeploy";
import { arn } from "../../aws/account.ts";
import { type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { CodeDeploy, GroupName } from "./codedeploy.ts";

type Group = { readonly applicationName: string; readonly deploymentGroupName: string };
type DeploymentId = { readonly deploymentId: string };

/**
 * The operations of CodeDeploy that the local cloud answers.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_Operations.html
 */
export function codeDeployOperations(codedeploy: CodeDeploy): AwsService {
  return {
    signingName: "codedeploy",
    schemas,
    operations: {
      CreateDeployment: operation<CreateDeploymentInput>(
        [
          "applicationName",
          "autoRollbackConfiguration",
          "deploymentConfigName",
          "deploymentGroupName",
          "description",
          "overrideAlarmConfiguration",
          "revision",
        ],
        groupArn,
        (input) => ({ deploymentId: codedeploy.createDeployment(input).id }),
      ),
      GetDeployment: operation<DeploymentId>(
        ["deploymentId"],
        ({ deploymentId }) => groupArn(codedeploy.deployment(deploymentId).info),
        ({ deploymentId }) => ({ deploymentInfo: codedeploy.deployment(deploymentId).info }),
      ),
      GetDeploymentConfig: operation<{ readonly deploymentConfigName: string }>(
        ["deploymentConfigName"],
        ({ deploymentConfigName }) => [arn("codedeploy", `deploymentconfig:${deploymentConfigName}`)],
        ({ deploymentConfigName }) => ({
          deploymentConfigInfo: {
            deploymentConfigName,
            computePlatform: "Lambda",
            trafficRoutingConfig: codedeploy.routingOf(deploymentConfigName),
          },
        }),
      ),
      GetDeploymentGroup: operation<Group>(["applicationName", "deploymentGroupName"], groupArn, (input) => ({
        deploymentGroupInfo: { ...input, ...codedeploy.deploymentGroup(input), computePlatform: "Lambda" },
      })),
      ListDeployments: operation<Group & { readonly includeOnlyStatuses?: readonly string[] }>(
        ["applicationName", "deploymentGroupName", "includeOnlyStatuses"],
        groupArn,
        (input) => ({
          deployments: codedeploy
            .deploymentsOf(input)
            .filter(({ info: { status = "" } }) => input.includeOnlyStatuses?.includes(status) ?? true)
            .map(({ id }) => id),
        }),
      ),
      StopDeployment: operation<DeploymentId & { readonly autoRollbackEnabled?: boolean }>(
        ["deploymentId", "autoRollbackEnabled"],
        () => ["*"],
        ({ deploymentId, autoRollbackEnabled }) => {
          codedeploy.deployment(deploymentId).stop(autoRollbackEnabled);
          return { status: "Succeeded" };
        },
      ),
    },
  };
}

function groupArn({ applicationName, deploymentGroupName }: Partial<GroupName>): [arn: string] {
  return [arn("codedeploy", `deploymentgroup:${applicationName}/${deploymentGroupName}`)];
}
