import { array, record, strictObject, string } from "zod";
import { arn } from "../../aws/account.ts";
import { autoName, type Kind, kind } from "../../aws/resourceKind.ts";
import type { CodeBuild } from "../codebuild/codebuild.ts";
import type { Sns } from "../sns/sns.ts";
import { type EventBridge, transformed } from "./eventBridge.ts";

/**
 * Rules, and the targets that they have here: a CodeBuild project and an SNS topic.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/eventrule/
 */
export function eventsResources(eventBridge: EventBridge, codebuild: CodeBuild, sns: Sns): Record<string, Kind> {
  return {
    "aws:cloudwatch/eventRule:EventRule": kind(
      {
        description: string().max(512),
        eventPattern: string().refine((text) => eventPattern.safeParse(JSON.parse(text)).success, "is not known"),
      },
      [],
      (rule, logicalName, existing) => {
        const name = existing ?? autoName(logicalName, 64);
        eventBridge.putRule(name, eventPattern.parse(JSON.parse(rule.eventPattern)));
        return { id: name, name, arn: arn("events", `rule/${name}`) };
      },
      (_, id) => eventBridge.deleteRule(id),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": kind(
      {
        rule: string(),
        arn: string(),
        roleArn: string().optional(),
        input: string().optional(),
        inputTransformer: strictObject({
          inputPaths: record(string().regex(/^(?!AWS)\w+$/), string().regex(/^\$\.detail(\.[\w-]+)+$/)),
          inputTemplate: string(),
        }).optional(),
      },
      ["rule"],
      ({ rule, arn: targetArn, input, inputTransformer }, logicalName, existing) => {
        const id = existing ?? autoName(logicalName, 64);
        const [, projectName] = targetArn.split(":project/");
        if (projectName !== undefined && input !== undefined) {
          const { sourceVersion } = startBuildInput.parse(JSON.parse(input));
          eventBridge.putTarget(id, rule, () => codebuild.startBuild(projectName, sourceVersion, `rule/${rule}`));
        } else if (sns.hasTopic(targetArn) && inputTransformer) {
          const publisher = { service: "events.amazonaws.com" } as const;
          eventBridge.putTarget(id, rule, (event) =>
            sns.publish(publisher, targetArn, transformed(event, inputTransformer)),
          );
        } else {
          const known = "start CodeBuild projects with an input, and publish to SNS topics with an input transformer";
          throw new Error(`${logicalName}: the local cloud's rules ${known} only, not ${targetArn}`);
        }
        return { id };
      },
      (_, id) => eventBridge.deleteTarget(id),
    ),
  };
}

const eventPattern = strictObject({
  source: array(string()),
  "detail-type": array(string()),
  detail: record(string(), array(string())),
});
const startBuildInput = strictObject({ sourceVersion: string() });
