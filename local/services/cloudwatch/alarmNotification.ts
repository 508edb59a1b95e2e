import { account } from "../../aws/account.ts";
import type { AlarmChange } from "./cloudwatch.ts";

/**
 * What CloudWatch publishes of an alarm that changed its state: the members that say what happened.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function alarmNotification({ alarm, arn, from, to, reason, at }: AlarmChange): {
  readonly subject: string;
  readonly message: string;
} {
  return {
    subject: `${to}: "${alarm.AlarmName}" in ${account.region}`,
    message: JSON.stringify({
      AlarmName: alarm.AlarmName,
      AlarmDescription: alarm.AlarmDescription,
      AWSAccountId: account.id,
      NewStateValue: to,
      NewStateReason: reason,
      StateChangeTime: new Date(at).toISOString(),
      Region: account.region,
      AlarmArn: arn,
      OldStateValue: from,
      OKActions: alarm.OKActions,
      AlarmActions: alarm.AlarmActions,
      Trigger: {
        MetricName: alarm.MetricName,
        Namespace: alarm.Namespace,
        Dimensions: alarm.Dimensions.map(({ Name, Value }) => ({ name: Name, value: Value })),
        Period: alarm.Period,
        EvaluationPeriods: alarm.EvaluationPeriods,
        ComparisonOperator: alarm.ComparisonOperator,
        Threshold: alarm.Threshold,
        TreatMissingData: alarm.TreatMissingData,
      },
    }),
  };
}
