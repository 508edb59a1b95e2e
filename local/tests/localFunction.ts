import type { LocalCloud } from "../cloud.ts";
import type { Alarm } from "../services/cloudwatch/cloudwatch.ts";
import type { DeploymentGroup } from "../services/codedeploy/codedeploy.ts";
import type { FunctionSettings } from "../services/lambda/functionConfiguration.ts";

/** A function's settings for the local Lambda; its log group is `/aws/lambda/<functionName>`. */
export function functionSettings(functionName: string): FunctionSettings {
  return {
    FunctionName: functionName,
    Role: "arn:aws:iam::000000000000:role/test",
    Handler: "handler.handler",
    MemorySize: 128,
    Timeout: 3,
    LoggingConfig: { LogFormat: "JSON", LogGroup: `/aws/lambda/${functionName}` },
  };
}

/** A CodeDeploy group, as the program declares it. */
export function groupSettings(deploymentConfigName = "CodeDeployDefault.LambdaAllAtOnce"): DeploymentGroup {
  const events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"] as const;
  return { deploymentConfigName, autoRollbackConfiguration: { enabled: true, events: [...events] } };
}

/** An alarm on an API's first response 5xx in a minute, as the program declares it. */
export function apiAlarm(AlarmName: string, apiId: string): Alarm {
  return {
    AlarmName,
    Namespace: "AWS/ApiGateway",
    MetricName: "5xx",
    Dimensions: [{ Name: "ApiId", Value: apiId }],
    Statistic: "Sum",
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    TreatMissingData: "notBreaching",
  };
}

/** What an AWS SDK client of the local cloud is made with; it does not try again. */
export function clientOptions(cloud: LocalCloud) {
  return {
    endpoint: cloud.awsUrl,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
}
