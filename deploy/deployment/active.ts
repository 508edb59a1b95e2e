import type { DeploymentInfo, DeploymentStatus } from "@aws-sdk/client-codedeploy";
import type { Stack } from "../stack.ts";

/** A deployment that is under way. */
export interface Active {
  readonly id: string;
  /** The commit that it releases; undefined for a rollback, and for what somebody else has started. */
  readonly commit: string | undefined;
}

const activeStatuses: readonly DeploymentStatus[] = ["Created", "Queued", "InProgress", "Baking", "Ready"];

/** Whether a deployment is under way. */
export function isActive({ status }: DeploymentInfo): boolean {
  return status !== undefined && activeStatuses.includes(status);
}

/** The deployment of a function that is under way; undefined when none is. */
export async function findActive(stack: Stack, name: string): Promise<Active | undefined> {
  const info = await findActiveInfo(stack, name);
  const [, commit] = /^([0-9a-f]{40,64}), version /.exec(info?.description ?? "") ?? [];
  return info?.deploymentId ? { id: info.deploymentId, commit } : undefined;
}

/**
 * What CodeDeploy tells of the deployment of a function that is under way; undefined when none is.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html
 */
export async function findActiveInfo(
  { application, codedeploy }: Stack,
  name: string,
): Promise<DeploymentInfo | undefined> {
  const { deployments: [deploymentId] = [] } = await codedeploy.listDeployments({
    applicationName: application,
    deploymentGroupName: name,
    includeOnlyStatuses: [...activeStatuses],
  });
  return deploymentId ? (await codedeploy.getDeployment({ deploymentId })).deploymentInfo : undefined;
}
