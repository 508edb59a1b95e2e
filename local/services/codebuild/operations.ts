import * as schemas from "@aws-sdk/client-codebuild";
import { arn } from "../../aws/account.ts";
import { AwsError, type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { CodeBuild } from "./codebuild.ts";

/**
 * The operations of CodeBuild that the local cloud answers.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Operations.html
 */
export function codeBuildOperations(codebuild: CodeBuild): AwsService {
  return {
    signingName: "codebuild",
    schemas,
    operations: {
      StartBuild: operation<{ readonly projectName: string; readonly sourceVersion?: string }>(
        ["projectName", "sourceVersion"],
        ({ projectName }) => [arn("codebuild", `project/${projectName}`)],
        ({ projectName, sourceVersion }) => {
          const project = codebuild.project(projectName);
          if (!project) {
            throw new AwsError("ResourceNotFoundException", `Project cannot be found: ${projectName}`);
          }
          const { id, number, startTime, status } = codebuild.startBuild(
            projectName,
            sourceVersion ?? project.sourceVersion,
            "local",
          );
          return { build: { id, projectName, buildNumber: number, startTime, buildStatus: status } };
        },
      ),
    },
  };
}
