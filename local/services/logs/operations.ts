import type { FilterLogEventsRequest } from "@aws-sdk/client-cloudwatch-logs";
import * as schemas from "@aws-sdk/client-cloudwatch-logs";
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
        (input) => ({ events: logs.filterEvents(input) }),
      ),
    },
  };
}
