import { liveAlias } from "../live.ts";
import type { Stack } from "../stack.ts";

/**
 * The metric of a version's errors among the requests to `live`.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
 */
export function errorsOf(functionName: string, version: string) {
  return {
    Namespace: "AWS/Lambda",
    MetricName: "Errors",
    Dimensions: [
      { Name: "FunctionName", Value: functionName },
      { Name: "Resource", Value: `${functionName}:${liveAlias}` },
      { Name: "ExecutedVersion", Value: version },
    ],
  };
}

/**
 * How many requests a version has failed since a time, as far as CloudWatch has counted by now; undefined when that cannot be read.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 */
export async function countErrors(
  { cloudwatch }: Stack,
  functionName: string,
  version: string,
  since: Date,
): Promise<number | undefined> {
  try {
    const Metric = errorsOf(functionName, version);
    const { MetricDataResults: [result] = [] } = await cloudwatch.getMetricData({
      MetricDataQueries: [{ Id: "errors", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
      // The service's own clock tells both ends: this machine's may differ.
      StartTime: new Date(Math.floor(since.getTime() / 60_000) * 60_000),
      EndTime: new Date(since.getTime() + 48 * 3600_000),
    });
    return (result?.Values ?? []).reduce((sum, value) => sum + value, 0);
  } catch {
    return undefined;
  }
}
