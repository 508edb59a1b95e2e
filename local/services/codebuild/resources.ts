import { array, boolean, literal, number, enum as oneOf, strictObject, string } from "zod";
import { arn } from "../../aws/account.ts";
import { computed, type Kind, kind, shorterThan } from "../../aws/resourceKind.ts";
import type { CodeBuild } from "./codebuild.ts";

/**
 * Projects and their webhooks.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/codebuild/
 */
export function codeBuildResources(codebuild: CodeBuild): Record<string, Kind> {
  return {
    "aws:codebuild/project:Project": kind(
      {
        name: string().max(150),
        description: string().max(255),
        serviceRole: string(),
        source: strictObject({
          type: literal("GITHUB"),
          location: string(),
          gitCloneDepth: literal(0),
          buildspec: string(),
          auth: strictObject({ type: oneOf(["CODECONNECTIONS", "SECRETS_MANAGER"]), resource: string() }),
          reportBuildStatus: boolean().optional(),
          buildStatusConfig: strictObject({ context: string() }).optional(),
        }),
        sourceVersion: string(),
        environment: strictObject({
          type: oneOf(["LINUX_CONTAINER", "ARM_CONTAINER", "LINUX_LAMBDA_CONTAINER", "ARM_LAMBDA_CONTAINER"]),
          computeType: string(),
          image: string(),
          environmentVariables: array(
            strictObject({ name: string().regex(/^(?!CODEBUILD_)/, "is CodeBuild's own"), value: string() }),
          ).refine(shorterThan(5500), "CodeBuild takes 5500 characters of environment variables"),
        }),
        artifacts: strictObject({ type: literal("NO_ARTIFACTS") }),
        logsConfig: strictObject({
          cloudwatchLogs: strictObject({ status: literal("ENABLED"), groupName: string() }),
        }),
        buildTimeout: number().optional(),
      },
      ["name"],
      (project) => {
        codebuild.putProject(project);
        const projectArn = arn("codebuild", `project/${project.name}`);
        return { id: projectArn, arn: projectArn };
      },
      ({ name }) => codebuild.deleteProject(name),
    ),
    "aws:codebuild/webhook:Webhook": kind(
      {
        projectName: string(),
        buildType: literal("BUILD"),
        filterGroups: array(
          strictObject({
            filters: array(strictObject({ type: oneOf(["EVENT", "HEAD_REF", "BASE_REF"]), pattern: string() })),
          }),
        ),
        pullRequestBuildPolicy: computed(
          strictObject({
            requiresCommentApproval: literal("FORK_PULL_REQUESTS"),
            approverRoles: array(oneOf(["GITHUB_ADMIN", "GITHUB_MAINTAIN", "GITHUB_WRITE"])),
          }),
        ),
      },
      ["projectName"],
      ({ projectName, filterGroups, pullRequestBuildPolicy }) => ({
        id: projectName,
        payloadUrl: codebuild.putWebhook(projectName, filterGroups, pullRequestBuildPolicy),
      }),
      ({ projectName }) => codebuild.deleteWebhook(projectName),
    ),
  };
}
