import type * as aws from "@pulumi/aws";
import * as cloudwatch from "@pulumi/awsx/classic/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { BuildProject } from "./buildProject.ts";
import type { HttpApi } from "./httpApi.ts";
import type { LiveFunction } from "./liveFunction.ts";
import { apiMetric, buildMetric, liveMetric } from "./metrics.ts";

/** What a dashboard shows. */
export interface DashboardContent {
  readonly api: HttpApi;
  readonly functions: readonly LiveFunction[];
  readonly project: BuildProject;
  readonly alarms: readonly aws.cloudwatch.MetricAlarm[];
  /** The rule that matches each failed deployment. */
  readonly deploymentRule: aws.cloudwatch.EventRule;
}

const period = 300;
const maxAlarms = 100;
const third = { width: 8, height: 6, period };

/**
 * The rows of a dashboard that shows the loop: what is wrong, requests, functions, builds, releases.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function dashboardRows(content: DashboardContent): cloudwatch.RowWidget[] {
  const { api, functions, project, alarms, deploymentRule } = content;
  const ofEach = (name: "errors" | "throttles" | "duration", change: cloudwatch.MetricChange): cloudwatch.Metric[] =>
    functions.map((fn) => liveMetric(fn, name, { ...change, period, label: `${fn.folder} ${name}` }));
  const percentile = (extendedStatistic: number): cloudwatch.Metric =>
    apiMetric(api, "Latency", { extendedStatistic, period, label: `p${extendedStatistic}` });
  return [
    ...alarmRows(alarms.map(({ arn }) => arn)),
    new cloudwatch.RowWidget(
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        title: "Requests",
        metrics: [apiMetric(api, "Count", { statistic: "Sum", period, label: "requests" })],
      }),
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        title: "Responses that are errors",
        metrics: [
          apiMetric(api, "5xx", { statistic: "Sum", period, label: "5xx" }),
          apiMetric(api, "4xx", { statistic: "Sum", period, label: "4xx" }),
        ],
      }),
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        title: "Latency in ms",
        metrics: [50, 90, 99].map(percentile),
      }),
    ),
    new cloudwatch.RowWidget(
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        title: "Errors and throttles of live",
        metrics: [...ofEach("errors", { statistic: "Sum" }), ...ofEach("throttles", { statistic: "Sum" })],
      }),
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        title: "Duration of live in ms, p99",
        metrics: ofEach("duration", { extendedStatistic: 99 }),
      }),
      new cloudwatch.StackedAreaGraphMetricWidget({
        ...third,
        title: "Invocations of live by version",
        metrics: functions.map(({ functionName }) => new cloudwatch.ExpressionWidgetMetric(byVersion(functionName))),
      }),
    ),
    new cloudwatch.RowWidget(
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        width: 12,
        title: "Deploy builds",
        metrics: [
          buildMetric(project, "succeededBuilds", { period, label: "succeeded" }),
          buildMetric(project, "failedBuilds", { period, label: "failed" }),
        ],
      }),
      new cloudwatch.LineGraphMetricWidget({
        ...third,
        width: 12,
        title: "Deployments that failed",
        metrics: [
          // CodeDeploy has no metrics: what is counted is how often the rule saw one.
          new cloudwatch.Metric({
            namespace: "AWS/Events",
            name: "TriggeredRules",
            dimensions: { RuleName: deploymentRule.name },
            statistic: "Sum",
            period,
            label: "failed",
          }),
        ],
      }),
    ),
  ];
}

/** A widget takes a hundred alarms. */
function alarmRows(alarms: readonly pulumi.Output<string>[]): cloudwatch.RowWidget[] {
  return Array.from({ length: Math.ceil(alarms.length / maxAlarms) }, (_, index) => {
    const own = alarms.slice(index * maxAlarms, (index + 1) * maxAlarms);
    return new cloudwatch.RowWidget(new cloudwatch.AlarmWidget({ title: "Alarms", width: 24, height: 3, alarms: own }));
  });
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html */
function byVersion(functionName: pulumi.Output<string>): pulumi.Output<string> {
  const search = pulumi.interpolate`{AWS/Lambda,FunctionName,Resource,ExecutedVersion} MetricName="Invocations" FunctionName="${functionName}" Resource="${functionName}:live"`;
  return pulumi.interpolate`SEARCH('${search}', 'Sum', ${period})`;
}
