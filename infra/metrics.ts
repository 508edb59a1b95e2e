import * as cloudwatch from "@pulumi/awsx/classic/cloudwatch/index.js";
import * as codebuild from "@pulumi/awsx/classic/codebuild/metrics.js";
import * as lambda from "@pulumi/awsx/classic/lambda/metrics.js";
import * as pulumi from "@pulumi/pulumi";
import type { BuildProject } from "./buildProject.ts";
import type { HttpApi } from "./httpApi.ts";
import type { LiveFunction } from "./liveFunction.ts";

/**
 * A metric of the API's stage; `awsx` has those of REST APIs only.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 */
export function apiMetric(
  { apiId, stageName }: HttpApi,
  name: "Count" | "4xx" | "5xx" | "Latency",
  change: cloudwatch.MetricChange,
): cloudwatch.Metric {
  const dimensions = { ApiId: apiId, Stage: stageName };
  return new cloudwatch.Metric({ namespace: "AWS/ApiGateway", name, dimensions, ...change });
}

/**
 * A metric of a function's alias `live`.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 */
export function liveMetric(
  { functionName }: LiveFunction,
  name: "errors" | "throttles" | "duration",
  change: cloudwatch.MetricChange,
): cloudwatch.Metric {
  const dimensions = { FunctionName: functionName, Resource: pulumi.interpolate`${functionName}:live` };
  return lambda.metrics[name]({ dimensions, ...change });
}

/**
 * A metric of a project's builds.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/monitoring-metrics.html
 */
export function buildMetric(
  { projectName }: BuildProject,
  name: "succeededBuilds" | "failedBuilds",
  change: cloudwatch.MetricChange,
): cloudwatch.Metric {
  return codebuild.metrics[name]({ dimensions: { ProjectName: projectName }, ...change });
}
