import type { DeploymentStatus } from "@aws-sdk/client-codedeploy";
import { account, arn } from "../../aws/account.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Build } from "../codebuild/build.ts";
import type { CodeBuild } from "../codebuild/codebuild.ts";
import type { CodeDeploy } from "../codedeploy/codedeploy.ts";
import type { EventBridge } from "./eventBridge.ts";

/**
 * Has every build that begins or ends told to EventBridge, and counted by CloudWatch.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/monitoring-metrics.html
 */
export function tellBuilds(codebuild: CodeBuild, eventBridge: EventBridge, cloudwatch: CloudWatch): void {
  const told = new WeakMap<Build, Build["status"]>();
  codebuild.on("build", (build) => {
    if (told.get(build) === build.status) {
      return;
    }
    const hasBegun = !told.has(build);
    told.set(build, build.status);
    const count = (name: string, value: number): void =>
      cloudwatch.putMetric("AWS/CodeBuild", name, { ProjectName: build.project }, value);
    if (hasBegun) {
      count("Builds", 1);
    }
    if (build.status !== "IN_PROGRESS") {
      count("SucceededBuilds", build.status === "SUCCEEDED" ? 1 : 0);
      count("FailedBuilds", build.status === "FAILED" || build.status === "TIMED_OUT" ? 1 : 0);
    }
    eventBridge.put({
      source: "aws.codebuild",
      "detail-type": "CodeBuild Build State Change",
      detail: {
        "build-status": build.status,
        "project-name": build.project,
        "build-id": arn("codebuild", `build/${build.id}`),
        // The log is a file here.
        "additional-information": { logs: { "deep-link": build.logFile } },
      },
    });
  });
}

const states: Readonly<Partial<Record<DeploymentStatus, string>>> = {
  InProgress: "START",
  Succeeded: "SUCCESS",
  Failed: "FAILURE",
  Stopped: "STOP",
};

/**
 * Has every change of a deployment's state told to EventBridge.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
 */
export function tellDeployments(codedeploy: CodeDeploy, eventBridge: EventBridge): void {
  codedeploy.on("deployment", ({ applicationName, deploymentGroupName, deploymentId, status }) => {
    const state = status && states[status];
    if (state !== undefined) {
      eventBridge.put({
        source: "aws.codedeploy",
        "detail-type": "CodeDeploy Deployment State-change Notification",
        detail: {
          region: account.region,
          application: applicationName,
          deploymentGroup: deploymentGroupName,
          deploymentId,
          state,
        },
      });
    }
  });
}
