import * as aws from "@pulumi/aws";
import * as cloudwatch from "@pulumi/awsx/classic/cloudwatch/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { BuildProject } from "./buildProject.ts";
import type { CodeDeployApplication } from "./codeDeployApplication.ts";
import { dashboardRows } from "./dashboard.ts";
import type { HttpApi } from "./httpApi.ts";
import type { LiveFunction } from "./liveFunction.ts";
import { apiMetric, buildMetric, liveMetric } from "./metrics.ts";
import type { MonitoringSettings } from "./settings/monitoring.ts";

/** What a `Monitoring` is made from. */
export interface MonitoringArgs {
  readonly settings: MonitoringSettings;
  readonly api: HttpApi;
  readonly functions: readonly LiveFunction[];
  /** The project whose failed builds are told. */
  readonly project: BuildProject;
  /** The application whose failed deployments are told. */
  readonly application: CodeDeployApplication;
}

/** What an alarm watches, from where on it rings, and in how many periods in a row. */
interface Alarm {
  readonly name: pulumi.Input<string>;
  readonly metric: cloudwatch.Metric;
  readonly threshold: number;
  readonly periods?: number;
  readonly description: string;
}

/**
 * Alarms, a topic that tells of what they see and of builds and deployments that failed, and a dashboard. The alarm on the API's 5xx,
 * `<prefix>-api-5xx`, is there in every stack, because releases are guarded by it.
 */
export class Monitoring extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:Monitoring", name, {}, opts);
    const { settings, api, functions, project, application } = args;
    const topic = settings.alerts ? this.createTopic(name, settings) : undefined;
    const alarms = Object.entries(alarmsOf(args)).map(([key, alarm]) => this.createAlarm(name, key, alarm, topic));
    if (topic) {
      if (settings.alertSubscribers.length === 0) {
        const hint = "set alertSubscribers, or subscribe to the topic";
        void pulumi.log.warn(`alerts are on, and nobody is told: ${hint} ${settings.prefix}-alerts yourself`, this);
      }
      this.createRule(name, "builds", topic, {
        description: "Builds that did not succeed",
        pattern: {
          source: ["aws.codebuild"],
          "detail-type": ["CodeBuild Build State Change"],
          detail: {
            "project-name": [project.projectName],
            "build-status": ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
          },
        },
        paths: {
          project: "$.detail.project-name",
          status: "$.detail.build-status",
          log: "$.detail.additional-information.logs.deep-link",
        },
        template: "A build of <project> ended as <status>; what is live stays live. Its log: <log>",
      });
      const deploymentRule = this.createRule(name, "deployments", topic, {
        // One that was stopped is superseded by a newer release, or its build fails, which is told.
        description: "Deployments that failed",
        pattern: {
          source: ["aws.codedeploy"],
          "detail-type": ["CodeDeploy Deployment State-change Notification"],
          detail: { application: [application.applicationName], state: ["FAILURE"] },
        },
        paths: {
          application: "$.detail.application",
          group: "$.detail.deploymentGroup",
          deployment: "$.detail.deploymentId",
          state: "$.detail.state",
        },
        template:
          "The deployment <deployment> of <group> in <application> ended as <state>; the version before it stays live or is put back.",
      });
      new cloudwatch.Dashboard(
        `${name}-dashboard`,
        {
          name: settings.prefix,
          // The region's type is a list of names that AWS has outgrown.
          region: aws.getRegionOutput({}, { parent: this }).region as pulumi.Output<aws.Region>,
          widgets: dashboardRows({ api, functions, project, alarms, deploymentRule }),
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }

  private createTopic(name: string, { prefix, alertSubscribers }: MonitoringSettings): Topic {
    const parent = { parent: this };
    const topic = new aws.sns.Topic(`${name}-alerts`, { name: `${prefix}-alerts` }, parent);
    const account = aws.getCallerIdentityOutput({}, parent).accountId;
    const policy = new aws.sns.TopicPolicy(
      `${name}-alerts-policy`,
      { arn: topic.arn, policy: publishingPolicy(topic.arn, account) },
      parent,
    );
    for (const { id, protocol, endpoint } of alertSubscribers) {
      new aws.sns.TopicSubscription(`${name}-subscriber-${id}`, { topic: topic.arn, protocol, endpoint }, parent);
    }
    return { arn: topic.arn, policy };
  }

  private createAlarm(
    name: string,
    key: string,
    { name: alarmName, metric, threshold, periods = 1, description }: Alarm,
    topic: Topic | undefined,
  ): aws.cloudwatch.MetricAlarm {
    const actions = topic ? [topic.arn] : [];
    return metric.createAlarm(
      `${name}-${key}`,
      {
        name: alarmName,
        alarmDescription: description,
        threshold,
        evaluationPeriods: periods,
        // Without requests there are no data, and nothing is wrong.
        treatMissingData: "notBreaching",
        alarmActions: actions,
        okActions: actions,
      },
      { parent: this },
    );
  }

  private createRule(name: string, key: string, topic: Topic, rule: Rule): aws.cloudwatch.EventRule {
    const eventRule = new aws.cloudwatch.EventRule(
      `${name}-${key}`,
      { description: rule.description, eventPattern: pulumi.jsonStringify(rule.pattern) },
      { parent: this },
    );
    new aws.cloudwatch.EventTarget(
      `${name}-${key}-target`,
      {
        rule: eventRule.name,
        arn: topic.arn,
        inputTransformer: { inputPaths: rule.paths, inputTemplate: JSON.stringify(rule.template) },
      },
      { parent: this, dependsOn: [topic.policy] },
    );
    return eventRule;
  }
}

interface Topic {
  readonly arn: pulumi.Output<string>;
  /** What lets alarms and rules publish. */
  readonly policy: aws.sns.TopicPolicy;
}

/** Which events are told, and how: `template` has the values at `paths` in place of their names. */
interface Rule {
  readonly description: string;
  readonly pattern: object;
  readonly paths: Readonly<Record<string, string>>;
  readonly template: string;
}

/** The alarms, by what their logical names end in. */
function alarmsOf({ settings, api, functions, project }: MonitoringArgs): Record<string, Alarm> {
  const { prefix, alarms, alerts } = settings;
  const guard: Record<string, Alarm> = {
    "api-5xx": {
      name: `${prefix}-api-5xx`,
      metric: apiMetric(api, "5xx", { statistic: "Sum", period: 60 }),
      threshold: alarms.apiErrors,
      description: "The API answered with a server error; a release under way is taken back",
    },
  };
  if (!alerts) {
    return guard;
  }
  const ofFunctions = functions.flatMap((fn): [string, Alarm][] => [
    [
      `${fn.folder}-errors`,
      {
        name: pulumi.interpolate`${fn.functionName}-errors`,
        metric: liveMetric(fn, "errors", { statistic: "Sum", period: 300 }),
        threshold: alarms.functionErrors,
        description: `Invocations of ${fn.folder} failed: they threw, timed out or ran out of memory`,
      },
    ],
    [
      `${fn.folder}-throttles`,
      {
        name: pulumi.interpolate`${fn.functionName}-throttles`,
        metric: liveMetric(fn, "throttles", { statistic: "Sum", period: 300 }),
        threshold: alarms.functionThrottles,
        description: `Invocations of ${fn.folder} were refused: too many at once`,
      },
    ],
    [
      `${fn.folder}-duration`,
      {
        name: pulumi.interpolate`${fn.functionName}-duration`,
        metric: liveMetric(fn, "duration", { extendedStatistic: 99, period: 300 }),
        threshold: alarms.functionDuration,
        periods: 3,
        description: `${fn.folder} is slow: the 99th percentile of its duration in ms`,
      },
    ],
  ]);
  return {
    ...guard,
    "api-4xx": {
      name: `${prefix}-api-4xx`,
      metric: apiMetric(api, "4xx", { statistic: "Sum", period: 300 }),
      threshold: alarms.apiClientErrors,
      description: "The API refused many requests",
    },
    ...Object.fromEntries(ofFunctions),
    "failed-builds": {
      name: `${prefix}-failed-builds`,
      metric: buildMetric(project, "failedBuilds", { period: 300 }),
      threshold: alarms.failedBuilds,
      description: "A deploy build failed; what is live stays live",
    },
  };
}

/**
 * EventBridge takes no condition in a topic's policy: with one it could not publish.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
 */
function publishingPolicy(topicArn: pulumi.Input<string>, account: pulumi.Input<string>): aws.iam.PolicyDocument {
  const publish = { Effect: "Allow" as const, Action: "sns:Publish", Resource: topicArn };
  return {
    Version: "2012-10-17",
    Statement: [
      { Sid: "PublishEvents", ...publish, Principal: { Service: "events.amazonaws.com" } },
      {
        Sid: "PublishAlarms",
        ...publish,
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Condition: { StringEquals: { "aws:SourceAccount": account } },
      },
    ],
  };
}
