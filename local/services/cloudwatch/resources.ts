import { array, literal, looseObject, number, enum as oneOf, record, strictObject, string, unknown } from "zod";
import { account, arn } from "../../aws/account.ts";
import { type Kind, kind } from "../../aws/resourceKind.ts";
import type { CloudWatch } from "./cloudwatch.ts";

/**
 * Alarms; dashboards are taken, and shown nowhere.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/
 */
export function cloudwatchResources(cloudwatch: CloudWatch): Record<string, Kind> {
  return {
    "aws:cloudwatch/metricAlarm:MetricAlarm": kind(
      {
        name: string().max(255),
        alarmDescription: string().max(1024),
        namespace: string(),
        metricName: string(),
        dimensions: record(string(), string()),
        statistic: oneOf(["Sum"]).optional(),
        extendedStatistic: string().optional(),
        // Services give each metric one unit.
        unit: oneOf(["Count", "Milliseconds"]).optional(),
        period: number(),
        evaluationPeriods: number(),
        threshold: number(),
        comparisonOperator: literal("GreaterThanOrEqualToThreshold"),
        treatMissingData: literal("notBreaching"),
        actionsEnabled: literal(true),
        alarmActions: array(string()),
        okActions: array(string()),
      },
      ["name"],
      (alarm) => {
        cloudwatch.putAlarm({
          AlarmName: alarm.name,
          AlarmDescription: alarm.alarmDescription,
          Namespace: alarm.namespace,
          MetricName: alarm.metricName,
          Dimensions: Object.entries(alarm.dimensions).map(([Name, Value]) => ({ Name, Value })),
          ...(alarm.statistic && { Statistic: alarm.statistic }),
          ...(alarm.extendedStatistic && { ExtendedStatistic: alarm.extendedStatistic }),
          Period: alarm.period,
          EvaluationPeriods: alarm.evaluationPeriods,
          Threshold: alarm.threshold,
          ComparisonOperator: alarm.comparisonOperator,
          TreatMissingData: alarm.treatMissingData,
          AlarmActions: alarm.alarmActions,
          OKActions: alarm.okActions,
        });
        return { id: alarm.name, arn: arn("cloudwatch", `alarm:${alarm.name}`) };
      },
      ({ name }) => cloudwatch.deleteAlarms([name]),
    ),
    "aws:cloudwatch/dashboard:Dashboard": kind(
      {
        dashboardName: string().regex(/^[\w-]{1,255}$/),
        dashboardBody: string().refine((text) => bodySchema.safeParse(JSON.parse(text)).success, "is no dashboard"),
      },
      ["dashboardName"],
      ({ dashboardName }) => ({
        id: dashboardName,
        dashboardArn: `arn:aws:cloudwatch::${account.id}:dashboard/${dashboardName}`,
      }),
    ),
  };
}

const bodySchema = strictObject({
  widgets: array(
    strictObject({
      type: oneOf(["alarm", "metric"]),
      x: number(),
      y: number(),
      width: number(),
      height: number(),
      // As many as CloudWatch takes in a widget.
      properties: looseObject({
        title: string(),
        alarms: array(string()).max(100).optional(),
        metrics: array(unknown()).max(500).optional(),
      }),
    }),
  ),
});
