import { number, string } from "zod";
import { arn } from "../../aws/account.ts";
import { type Kind, kind } from "../../aws/resourceKind.ts";
import type { CloudWatchLogs } from "./cloudwatchLogs.ts";

/**
 * Log groups.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/loggroup/
 */
export function logsResources(logs: CloudWatchLogs): Record<string, Kind> {
  return {
    "aws:cloudwatch/logGroup:LogGroup": kind(
      { name: string().max(512), retentionInDays: number() },
      ["name"],
      ({ name }) => {
        logs.createLogGroup(name);
        return { id: name, arn: arn("logs", `log-group:${name}`) };
      },
      ({ name }) => logs.deleteLogGroup(name),
      ({ name }) => ({
        id: name,
        error: `ResourceAlreadyExistsException: The specified log group already exists: ${name}`,
      }),
    ),
  };
}
