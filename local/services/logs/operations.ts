import type { FilterLogEventsRequest } from "@aws-sdk/client-cloudwatch-logs";
import * as schemas from "@aws-sdk/client-cloudwatch-logs";
import { arn } from "../../aws/account.ts";
import { type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { CloudWatchLogs } from "./cloudwatchLogs.ts";

/**
 * The operations of CloudWatch Logs that the local cloud answers.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html
 */
export function logsOperations(logs: CloudWatchLogs): AwsService {
  return {
    signingName: "logs",
    schemas,
    operations: {
      FilterLogEvents: operation<FilterLogEventsRequest>(
        ["logGroupName", "logStreamNamePrefix", "filterPattern", "limit"],
        // As CloudWatch Logs names it when it denies a call: a group's ARN with :* covers it, the bare one does not.
        ({ logGroupName }) => [arn("logs", `log-group:${logGroupName}:log-stream:`)],
        (input) => ({ events: logs.filterEvents(input) }),
      ),
    },
  };
}
