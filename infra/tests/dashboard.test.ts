import { expect } from "chai";
import { array, boolean, discriminatedUnion, literal, number, enum as oneOf, strictObject, string, tuple } from "zod";
import { Monitoring } from "../monitoring.ts";
import { declareStack } from "./components.ts";
import { evaluate, only } from "./mocks.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

/**
 * The dashboard bodies that CloudWatch takes, as far as ours go, as it documents them; npm has no well-kept schema of them.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
const statistic = string().regex(/^(Sum|Average|Minimum|Maximum|SampleCount|p(100|\d{1,2}(\.\d{1,10})?))$/);
const period = number().int().multipleOf(60).positive();
const place = {
  x: number().int().min(0).max(23),
  y: number().int().min(0),
  width: number().int().min(1).max(24),
  height: number().int().min(1).max(1000),
};
const rendering = strictObject({
  stat: statistic,
  label: string(),
  period,
  visible: boolean(),
  yAxis: oneOf(["left", "right"]),
});
const expression = strictObject({
  expression: string()
    .regex(/^SEARCH\('.+', '(Sum|Average)', \d+\)$/)
    .max(1024),
});
const bodySchema = strictObject({
  widgets: array(
    discriminatedUnion("type", [
      strictObject({
        type: literal("metric"),
        ...place,
        properties: strictObject({
          metrics: array(
            tuple([expression])
              .or(tuple([string(), string(), string(), string(), rendering]))
              .or(tuple([string(), string(), string(), string(), string(), string(), rendering])),
          ).min(1),
          title: string(),
          period,
          region: string(),
          view: oneOf(["timeSeries", "singleValue", "bar", "pie", "table", "gauge"]),
          stacked: boolean(),
        }),
      }),
      strictObject({
        type: literal("alarm"),
        ...place,
        properties: strictObject({
          alarms: array(string().regex(/^arn:aws:cloudwatch:/))
            .min(1)
            .max(100),
          title: string(),
        }),
      }),
    ]),
  ).max(500),
});

/**
 * The metrics that AWS publishes for what the stack creates, with their dimensions.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/monitoring-metrics.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
 */
const api = { ApiId: "http-api-0a1b2c3", Stage: "$default" };
const live = { FunctionName: "push-to-live-dev_hello-user", Resource: "push-to-live-dev_hello-user:live" };
const build = { ProjectName: "push-to-live-dev_deploy" };
const published = [
  ["AWS/ApiGateway", "Count", api],
  ["AWS/ApiGateway", "4xx", api],
  ["AWS/ApiGateway", "5xx", api],
  ["AWS/ApiGateway", "Latency", api],
  ["AWS/Lambda", "Errors", live],
  ["AWS/Lambda", "Throttles", live],
  ["AWS/Lambda", "Duration", live],
  ["AWS/CodeBuild", "SucceededBuilds", build],
  ["AWS/CodeBuild", "FailedBuilds", build],
  ["AWS/Events", "TriggeredRules", { RuleName: "monitoring-deployments-0a1b2c3" }],
] as const;

const watched = withSettings({ alerts: "true" });

describe("the dashboard", () => {
  let body: typeof bodySchema._output;

  before(async () => {
    const { registrations } = await loadProgram(watched);
    const { dashboardName, dashboardBody } = only(registrations, "cloudwatch.Dashboard monitoring-dashboard").inputs;
    expect(dashboardName).to.equal("push-to-live-dev");
    body = bodySchema.parse(JSON.parse(String(dashboardBody)));
  });

  /** The metrics of a widget: namespace, name and dimensions, and the statistic; a search as its text. */
  function metricsOf(title: string): unknown[] {
    const widget = body.widgets.find(({ properties }) => properties.title === title);
    if (widget?.type !== "metric") {
      throw new Error(`there is no widget of metrics ${title}`);
    }
    return widget.properties.metrics.map((metric) => {
      const [namespace, name, ...others] = metric.slice(0, -1) as string[];
      const last = metric.at(-1);
      if (typeof last === "object" && "expression" in last) {
        return last.expression;
      }
      const pairs = Array.from({ length: others.length / 2 }, (_, index) => others.slice(2 * index, 2 * index + 2));
      return [namespace, name, Object.fromEntries(pairs), typeof last === "object" && last.stat];
    });
  }

  it("shows nothing beside these widgets, one beside the other, none over another", () => {
    expect(body.widgets.map(({ properties }) => properties.title)).to.deep.equal([
      "Alarms",
      "Requests",
      "Responses that are errors",
      "Latency in ms",
      "Errors and throttles of live",
      "Duration of live in ms, p99",
      "Invocations of live by version",
      "Deploy builds",
      "Deployments that failed",
    ]);
    const cells = body.widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, index) => `${x + (index % width)} ${y + Math.floor(index / width)}`),
    );
    expect(new Set(cells).size).to.equal(cells.length);
    expect(Math.max(...body.widgets.map(({ x, width }) => x + width))).to.equal(24);
  });

  it("shows the state of every alarm of the stack", () => {
    const [widget] = body.widgets;
    expect(widget?.type === "alarm" && widget.properties.alarms).to.deep.equal(
      [
        "-api-5xx",
        "-api-4xx",
        "_hello-user-errors",
        "_hello-user-throttles",
        "_hello-user-duration",
        "-failed-builds",
      ].map((key) => `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:push-to-live-dev${key}`),
    );
  });

  it("shows the alarms of forty functions, a hundred a widget, which is all that CloudWatch takes", async () => {
    const folders = Array.from({ length: 40 }, (_, index) => `f${index}`);
    const { registrations } = await evaluate(watched, () => {
      const { settings, deploy: project, ...others } = declareStack(folders);
      new Monitoring("monitoring", { settings: settings.monitoring, project, ...others });
    });
    const { dashboardBody } = only(registrations, "cloudwatch.Dashboard monitoring-dashboard").inputs;
    const { widgets } = bodySchema.parse(JSON.parse(String(dashboardBody)));
    const shown = widgets.flatMap((widget) => (widget.type === "alarm" ? widget.properties.alarms : []));
    expect(new Set(shown).size).to.equal(registrations.filter(({ type }) => type.endsWith(":MetricAlarm")).length);
    expect(shown).to.have.lengthOf(123);
  });

  for (const [title, expected] of [
    ["Requests", [["AWS/ApiGateway", "Count", api, "Sum"]]],
    [
      "Responses that are errors",
      [
        ["AWS/ApiGateway", "5xx", api, "Sum"],
        ["AWS/ApiGateway", "4xx", api, "Sum"],
      ],
    ],
    [
      "Latency in ms",
      [
        ["AWS/ApiGateway", "Latency", api, "p50"],
        ["AWS/ApiGateway", "Latency", api, "p90"],
        ["AWS/ApiGateway", "Latency", api, "p99"],
      ],
    ],
    [
      "Errors and throttles of live",
      [
        ["AWS/Lambda", "Errors", live, "Sum"],
        ["AWS/Lambda", "Throttles", live, "Sum"],
      ],
    ],
    ["Duration of live in ms, p99", [["AWS/Lambda", "Duration", live, "p99"]]],
    [
      "Deploy builds",
      [
        ["AWS/CodeBuild", "SucceededBuilds", build, "Sum"],
        ["AWS/CodeBuild", "FailedBuilds", build, "Sum"],
      ],
    ],
    [
      "Deployments that failed",
      [["AWS/Events", "TriggeredRules", { RuleName: "monitoring-deployments-0a1b2c3" }, "Sum"]],
    ],
  ] as const) {
    it(`has in "${title}" metrics that AWS publishes for what the stack creates`, () => {
      const metrics = metricsOf(title);
      expect(metrics).to.deep.equal(expected);
      for (const metric of metrics) {
        expect(published).to.deep.include((metric as unknown[]).slice(0, 3));
      }
    });
  }

  it('searches in "Invocations of live by version" for a line per version', () => {
    expect(metricsOf("Invocations of live by version")).to.deep.equal([
      `SEARCH('{AWS/Lambda,FunctionName,Resource,ExecutedVersion} MetricName="Invocations" FunctionName="push-to-live-dev_hello-user" Resource="push-to-live-dev_hello-user:live"', 'Sum', 300)`,
    ]);
  });
});
