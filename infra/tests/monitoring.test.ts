import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { dev, type Evaluation, only, type Registration, type Stack } from "./mocks.ts";
import { loadProgram } from "./sampleProgram.ts";

const hook = "https://hooks.example.com/a-key";
const watched: Stack = {
  ...dev,
  config: { ...dev.config, alerts: "true", alertSubscribers: JSON.stringify(["team@example.com", hook]) },
};
const topicArn = "arn:aws:sns:eu-west-1:123456789012:push-to-live-dev-alerts";

describe("the monitoring", () => {
  describe("of a stack without alerts", () => {
    let registrations: readonly Registration[];

    before(async () => {
      ({ registrations } = await loadProgram(dev));
    });

    it("is the alarm that guards releases, which tells nobody, and nothing else", () => {
      const own = registrations.filter(({ parent }) => parent === "Monitoring monitoring");
      expect(own.map(({ key, inputs }) => [key, inputs])).to.deep.equal([
        [
          "cloudwatch.MetricAlarm monitoring-api-5xx",
          {
            ...alarm("-api-5xx", "5xx", "Sum", 60, 1),
            alarmDescription: "The API answered with a server error; a release under way is taken back",
            namespace: "AWS/ApiGateway",
            dimensions: { ApiId: "http-api-0a1b2c3", Stage: "$default" },
            alarmActions: [],
            okActions: [],
          },
        ],
      ]);
    });
  });

  describe("of a stack with alerts", () => {
    let program: Evaluation<unknown>;
    const inputsOf = (key: string): Registration["inputs"] => only(program.registrations, key).inputs;

    before(async () => {
      program = await loadProgram(watched);
    });

    it("is exactly this", () => {
      const own = program.registrations.filter(({ parent }) => parent === "Monitoring monitoring");
      expect(own.map(({ key }) => key).sort()).to.deep.equal([
        "cloudwatch.Dashboard monitoring-dashboard",
        "cloudwatch.EventRule monitoring-builds",
        "cloudwatch.EventRule monitoring-deployments",
        "cloudwatch.EventTarget monitoring-builds-target",
        "cloudwatch.EventTarget monitoring-deployments-target",
        "cloudwatch.MetricAlarm monitoring-api-4xx",
        "cloudwatch.MetricAlarm monitoring-api-5xx",
        "cloudwatch.MetricAlarm monitoring-failed-builds",
        "cloudwatch.MetricAlarm monitoring-hello-user-duration",
        "cloudwatch.MetricAlarm monitoring-hello-user-errors",
        "cloudwatch.MetricAlarm monitoring-hello-user-throttles",
        "sns.Topic monitoring-alerts",
        "sns.TopicPolicy monitoring-alerts-policy",
        "sns.TopicSubscription monitoring-subscriber-675d2249",
        "sns.TopicSubscription monitoring-subscriber-a96e3689",
      ]);
    });

    const live = { FunctionName: "push-to-live-dev_hello-user", Resource: "push-to-live-dev_hello-user:live" };
    const api = { ApiId: "http-api-0a1b2c3", Stage: "$default" };
    for (const [key, namespace, dimensions, expected] of [
      ["api-5xx", "AWS/ApiGateway", api, alarm("-api-5xx", "5xx", "Sum", 60, 1)],
      ["api-4xx", "AWS/ApiGateway", api, alarm("-api-4xx", "4xx", "Sum", 300, 50)],
      ["hello-user-errors", "AWS/Lambda", live, alarm("_hello-user-errors", "Errors", "Sum", 300, 1)],
      ["hello-user-throttles", "AWS/Lambda", live, alarm("_hello-user-throttles", "Throttles", "Sum", 300, 1)],
      [
        "failed-builds",
        "AWS/CodeBuild",
        { ProjectName: "push-to-live-dev_deploy" },
        alarm("-failed-builds", "FailedBuilds", "Sum", 300, 1),
      ],
    ] as const) {
      it(`rings on ${key}: ${namespace} ${expected.metricName}`, () => {
        const { alarmDescription, unit, alarmActions, okActions, ...others } = inputsOf(
          `cloudwatch.MetricAlarm monitoring-${key}`,
        );
        expect(others).to.deep.equal({ ...expected, namespace, dimensions });
        expect(alarmDescription).to.be.a("string");
        expect(unit).to.be.oneOf([undefined, "Count"]);
        expect([alarmActions, okActions]).to.deep.equal([[topicArn], [topicArn]]);
      });
    }

    it("rings on the 99th percentile of the duration in each of three periods", () => {
      expect(inputsOf("cloudwatch.MetricAlarm monitoring-hello-user-duration")).to.deep.include({
        metricName: "Duration",
        extendedStatistic: "p99",
        dimensions: live,
        period: 300,
        evaluationPeriods: 3,
        threshold: 5000,
        unit: "Milliseconds",
        alarmActions: [topicArn],
      });
    });

    it("lets rules, and alarms of this account, publish to the topic, and nobody else", () => {
      expect(inputsOf("sns.Topic monitoring-alerts")).to.deep.equal({ name: "push-to-live-dev-alerts" });
      expect(inputsOf("sns.TopicPolicy monitoring-alerts-policy")).to.deep.equal({
        arn: topicArn,
        policy: {
          Version: "2012-10-17",
          Statement: [
            // Without a condition: EventBridge drops what it cannot publish, and a topic's policy with a condition does not let it.
            {
              Sid: "PublishEvents",
              Effect: "Allow",
              Action: "sns:Publish",
              Resource: topicArn,
              Principal: { Service: "events.amazonaws.com" },
            },
            {
              Sid: "PublishAlarms",
              Effect: "Allow",
              Action: "sns:Publish",
              Resource: topicArn,
              Principal: { Service: "cloudwatch.amazonaws.com" },
              Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
            },
          ],
        },
      });
    });

    it("tells the subscribers of the settings, and no name shows their addresses", () => {
      const subscriptions = program.registrations.filter(({ type }) => type.endsWith(":TopicSubscription"));
      expect(subscriptions.map(({ inputs }) => inputs)).to.deep.equal([
        { topic: topicArn, protocol: "email", endpoint: "team@example.com" },
        { topic: topicArn, protocol: "https", endpoint: hook },
      ]);
      expect(subscriptions.map(({ key }) => key).join()).to.not.match(/example/);
    });

    it("tells of builds of the deploy project that did not succeed, and of no other project's", () => {
      const { eventPattern } = inputsOf("cloudwatch.EventRule monitoring-builds");
      expect(JSON.parse(String(eventPattern))).to.deep.equal({
        source: ["aws.codebuild"],
        "detail-type": ["CodeBuild Build State Change"],
        detail: {
          "project-name": ["push-to-live-dev_deploy"],
          "build-status": ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
        },
      });
      expect(inputsOf("cloudwatch.EventTarget monitoring-builds-target")).to.deep.equal({
        rule: "monitoring-builds-0a1b2c3",
        arn: topicArn,
        inputTransformer: {
          inputPaths: {
            project: "$.detail.project-name",
            status: "$.detail.build-status",
            log: "$.detail.additional-information.logs.deep-link",
          },
          inputTemplate: '"A build of <project> ended as <status>; what is live stays live. Its log: <log>"',
        },
      });
    });

    it("tells of this stack's deployments that failed, and of none that was stopped, as a newer commit's release does", () => {
      const { eventPattern } = inputsOf("cloudwatch.EventRule monitoring-deployments");
      expect(JSON.parse(String(eventPattern))).to.deep.equal({
        source: ["aws.codedeploy"],
        "detail-type": ["CodeDeploy Deployment State-change Notification"],
        detail: { application: ["push-to-live-dev"], state: ["FAILURE"] },
      });
      expect(inputsOf("cloudwatch.EventTarget monitoring-deployments-target")).to.deep.equal({
        rule: "monitoring-deployments-0a1b2c3",
        arn: topicArn,
        inputTransformer: {
          inputPaths: {
            application: "$.detail.application",
            group: "$.detail.deploymentGroup",
            deployment: "$.detail.deploymentId",
            state: "$.detail.state",
          },
          inputTemplate:
            '"The deployment <deployment> of <group> in <application> ended as <state>; the version before it stays live or is put back."',
        },
      });
    });

    it("publishes to the topic only once its policy is there", () => {
      for (const key of ["monitoring-builds-target", "monitoring-deployments-target"]) {
        expect(only(program.registrations, `cloudwatch.EventTarget ${key}`).dependencies, key).to.include(
          "sns.TopicPolicy monitoring-alerts-policy",
        );
      }
    });
  });

  it("keeps encrypted subscribers secret", async () => {
    const config = { ...dev.config, alerts: "true" };
    const secretConfig = { alertSubscribers: JSON.stringify([hook]) };
    const { registrations } = await loadProgram({ ...dev, config, secretConfig });
    const holders = registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("hooks.example.com"));
    expect(holders.map(({ key }) => key)).to.deep.equal(["sns.TopicSubscription monitoring-subscriber-675d2249"]);
    expect(pulumi.runtime.isRpcSecret(holders[0]?.inputs.endpoint)).to.equal(true);
  });

  it("takes each threshold from the settings", async () => {
    const alarms = {
      apiErrors: 11,
      apiClientErrors: 12,
      functionErrors: 13,
      functionThrottles: 14,
      functionDuration: 15,
      failedBuilds: 16,
    };
    const config = { ...dev.config, alerts: "true", alarms: JSON.stringify(alarms) };
    const { registrations } = await loadProgram({ ...dev, config });
    const thresholds = registrations
      .filter(({ type }) => type.endsWith(":MetricAlarm"))
      .map(({ inputs }) => [inputs.name, inputs.threshold]);
    expect(Object.fromEntries(thresholds)).to.deep.equal({
      "push-to-live-dev-api-5xx": 11,
      "push-to-live-dev-api-4xx": 12,
      "push-to-live-dev_hello-user-errors": 13,
      "push-to-live-dev_hello-user-throttles": 14,
      "push-to-live-dev_hello-user-duration": 15,
      "push-to-live-dev-failed-builds": 16,
    });
  });
});

/** What every alarm has, and what tells this one from others. */
function alarm(key: string, metricName: string, statistic: string, period: number, threshold: number) {
  return {
    name: `push-to-live-dev${key}`,
    metricName,
    statistic,
    period,
    threshold,
    comparisonOperator: "GreaterThanOrEqualToThreshold",
    evaluationPeriods: 1,
    treatMissingData: "notBreaching",
    actionsEnabled: true,
  };
}
