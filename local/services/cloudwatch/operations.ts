import type { DescribeAlarmsInput, GetMetricDataInput, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import * as schemas from "@aws-sdk/client-cloudwatch";
import { arn } from "../../aws/account.ts";
import { type AwsService, operation } from "../../aws/awsEndpoint.ts";
import { alarmMembers, type CloudWatch } from "./cloudwatch.ts";

/**
 * The operations of CloudWatch that the local cloud answers.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
 */
export function cloudwatchOperations(cloudwatch: CloudWatch): AwsService {
  return {
    signingName: "monitoring",
    schemas,
    operations: {
      PutMetricAlarm: operation<PutMetricAlarmInput>(
        alarmMembers,
        ({ AlarmName = "" }) => alarmArns([AlarmName]),
        (input) => {
          cloudwatch.putAlarm(input);
          return {};
        },
      ),
      DeleteAlarms: operation<{ readonly AlarmNames: readonly string[] }>(
        ["AlarmNames"],
        ({ AlarmNames }) => alarmArns(AlarmNames),
        ({ AlarmNames }) => {
          cloudwatch.deleteAlarms(AlarmNames);
          return {};
        },
      ),
      DescribeAlarms: operation<DescribeAlarmsInput>(
        ["AlarmNames", "AlarmNamePrefix"],
        // Which alarms it is that a caller looks for is not known before: all.
        ({ AlarmNames = ["*"] }) => alarmArns(AlarmNames),
        (input) => ({ MetricAlarms: cloudwatch.describeAlarms(input) }),
      ),
      GetMetricData: operation<GetMetricDataInput>(
        ["MetricDataQueries", "StartTime", "EndTime"],
        () => ["*"],
        (input) => ({ MetricDataResults: cloudwatch.getMetricData(input) }),
      ),
    },
  };
}

function alarmArns(names: readonly string[]): string[] {
  return names.map((name) => arn("cloudwatch", `alarm:${name}`));
}
