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
          type: oneOf(["GITHUB", "GITHUB_ENTERPRISE"]),
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
        return { id: projectArn(project.name), arn: projectArn(project.name) };
      },
      ({ name }) => codebuild.deleteProject(name),
      ({ name }) => ({
        id: projectArn(name),
        error: `ResourceAlreadyExistsException: Project already exists: ${projectArn(name)}`,
      }),
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
      ({ projectName, filterGroups, pullRequestBuildPolicy }) => {
        const payloadUrl = codebuild.putWebhook(projectName, filterGroups, pullRequestBuildPolicy);
        return { id: projectName, payloadUrl, secret: codebuild.secretOf(projectName) };
      },
      ({ projectName }) => codebuild.deleteWebhook(projectName),
      ({ projectName }) => ({
        id: projectName,
        error: `ResourceAlreadyExistsException: the project ${projectName} has a webhook`,
      }),
    ),
  };
}

function projectArn(name: string): string {
  return arn("codebuild", `project/${name}`);
}
