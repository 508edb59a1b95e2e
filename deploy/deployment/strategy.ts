import type { TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import { ReleaseError } from "../failures.ts";
import type { Stack } from "../stack.ts";

/** A CodeDeploy configuration. */
export interface Strategy {
  readonly deploymentConfigName: string;
  readonly routing: TrafficRoutingConfig;
}

/** The strategy of a rollback. */
export const allAtOnce: Strategy = {
  deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
  routing: { type: "AllAtOnce" },
};

/**
 * How a function's releases move traffic, as its CodeDeploy group has it.
 *
 * @throws {ReleaseError} when the group has no configuration.
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
 */
export async function strategyOf({ application, codedeploy }: Stack, name: string): Promise<Strategy> {
  const { deploymentGroupInfo: { deploymentConfigName } = {} } = await codedeploy.getDeploymentGroup({
    applicationName: application,
    deploymentGroupName: name,
  });
  if (!deploymentConfigName) {
    throw new ReleaseError(`the CodeDeploy group ${name} of ${application} has no deployment configuration`);
  }
  const { deploymentConfigInfo } = await codedeploy.getDeploymentConfig({ deploymentConfigName });
  return { deploymentConfigName, routing: deploymentConfigInfo?.trafficRoutingConfig ?? { type: "AllAtOnce" } };
}

/** Whether a strategy moves traffic bit by bit. */
export function isGradual({ routing }: Strategy): boolean {
  return routing.type !== "AllAtOnce";
}

/** How many minutes a deployment takes from the moment at which the new version got a weight, from 0 to 1. */
export function minutesLeft({ routing }: Strategy, weight: number): number {
  const { timeBasedCanary: canary, timeBasedLinear: linear } = routing;
  const { linearPercentage = 100, linearInterval = 0 } = linear ?? {};
  return canary?.canaryInterval ?? Math.ceil((100 - weight * 100) / linearPercentage) * linearInterval;
}
