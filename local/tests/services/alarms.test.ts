import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import { refusal } from "../refusal.ts";
import { CloudWatchScene, dimensions, metric } from "./cloudwatchScene.ts";

const alarm: PutMetricAlarmInput = {
  AlarmName: "errors",
  ...metric,
  Statistic: "Sum",
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 2,
  ComparisonOperator: "GreaterThanOrEqualToThreshold",
  TreatMissingData: "notBreaching",
};

describe("an alarm of the local CloudWatch", () => {
  const scene = new CloudWatchScene();

  const states = (): string[] => scene.changes.map(({ from, to }) => `${from} → ${to}`);

  async function stateOf(name: string): Promise<string | undefined> {
    return (await scene.client.describeAlarms({ AlarmNames: [name] })).MetricAlarms?.[0]?.StateValue;
  }

  it("has insufficient data until it is evaluated, and is OK without data", async () => {
    await scene.client.putMetricAlarm(alarm);
    expect(await stateOf("errors")).to.equal("INSUFFICIENT_DATA");
    scene.clock.advance(60);
    expect(await stateOf("errors")).to.equal("OK");
  });

  it("goes off at its threshold, in the period that is under way, and is OK again when that is past", async () => {
    await scene.client.putMetricAlarm({ ...alarm, AlarmActions: ["arn:aws:sns:us-east-1:000000000000:alerts"] });
    scene.clock.advance(60);
    scene.errors(1);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("OK");
    scene.errors(1);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("ALARM");
    scene.clock.advance(180);
    expect(states()).to.deep.equal(["INSUFFICIENT_DATA → OK", "OK → ALARM", "ALARM → OK"]);
    const [, rung, recovered] = scene.changes;
    expect(rung).to.deep.include({
      arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors",
      reason: "Threshold Crossed: 1 datapoints [2] of Errors breach the threshold (2)",
      at: Date.UTC(2026, 0, 1, 0, 1, 20),
    });
    expect(rung?.alarm.AlarmActions).to.deep.equal(["arn:aws:sns:us-east-1:000000000000:alerts"]);
    expect(recovered?.reason).to.equal("Threshold Crossed: fewer datapoints than needed breach the threshold (2)");
  });

  it("still sees the last whole period, when the next has begun without data", async () => {
    await scene.client.putMetricAlarm(alarm);
    scene.clock.advance(55);
    scene.errors(2);
    scene.clock.advance(10);
    expect(states()).to.deep.equal(["INSUFFICIENT_DATA → OK", "OK → ALARM"]);
  });

  it("of another comparison goes off above its threshold only", async () => {
    await scene.client.putMetricAlarm({ ...alarm, ComparisonOperator: "GreaterThanThreshold" });
    scene.errors(2);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("OK");
    scene.errors(0.5);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("ALARM");
  });

  for (const [what, minutes, DatapointsToAlarm, state] of [
    ["two periods goes off when both breach", [2, 2, 0], undefined, "ALARM"],
    ["two periods does not go off when they are not the last two", [2, 0, 2], undefined, "OK"],
    ["one of two periods goes off when one breaches", [2, 0], 1, "ALARM"],
    ["one of two periods is OK when the one is longer ago", [2, 0, 0, 0], 1, "OK"],
  ] as const) {
    it(`on ${what}`, async () => {
      await scene.client.putMetricAlarm({
        ...alarm,
        EvaluationPeriods: 2,
        ...(DatapointsToAlarm && { DatapointsToAlarm }),
      });
      for (const [index, value] of minutes.entries()) {
        scene.clock.advance(index === 0 ? 1 : 60);
        scene.errors(value);
      }
      scene.clock.advance(10);
      expect(await stateOf("errors")).to.equal(state);
    });
  }

  it("of a percentile looks at that of the values", async () => {
    const { Statistic: _, ...others } = alarm;
    await scene.client.putMetricAlarm({ ...others, ExtendedStatistic: "p90", Threshold: 9 });
    scene.errors(...Array.from({ length: 10 }, (_, index) => index));
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("OK");
    scene.errors(9);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("ALARM");
  });

  it("looks at its own metric only: namespace, name and every dimension", async () => {
    await scene.client.putMetricAlarm(alarm);
    scene.cloudwatch.putMetric("AWS/Lambda", "Errors", { FunctionName: "fn" }, 5);
    scene.cloudwatch.putMetric("AWS/Lambda", "Errors", { ...dimensions, ExecutedVersion: "1" }, 5);
    scene.cloudwatch.putMetric("AWS/Lambda", "Errors", { ...dimensions, FunctionName: "other" }, 5);
    scene.cloudwatch.putMetric("AWS/Lambda", "Throttles", dimensions, 5);
    scene.cloudwatch.putMetric("AWS/ApiGateway", "Errors", dimensions, 5);
    scene.clock.advance(10);
    expect(await stateOf("errors")).to.equal("OK");
  });

  it("that is put again keeps its state, and has the new threshold", async () => {
    await scene.client.putMetricAlarm(alarm);
    scene.errors(2);
    scene.clock.advance(10);
    await scene.client.putMetricAlarm({ ...alarm, Threshold: 3 });
    expect(await stateOf("errors")).to.equal("ALARM");
    scene.clock.advance(10);
    expect(states()).to.deep.equal(["INSUFFICIENT_DATA → ALARM", "ALARM → OK"]);
  });

  it("that is deleted is gone, and no name is no error; made again it knows nothing of before", async () => {
    await scene.client.putMetricAlarm(alarm);
    scene.errors(2);
    scene.clock.advance(10);
    await scene.client.deleteAlarms({ AlarmNames: ["errors", "none"] });
    expect((await scene.client.describeAlarms({})).MetricAlarms).to.deep.equal([]);
    expect(scene.cloudwatch.stateOf("errors")).to.equal(undefined);
    scene.clock.advance(60);
    // Nothing is evaluated any more.
    expect(scene.clock.isIdle).to.equal(true);
    await scene.client.putMetricAlarm(alarm);
    expect(await stateOf("errors")).to.equal("INSUFFICIENT_DATA");
    scene.clock.advance(10);
    expect(states()).to.deep.equal(["INSUFFICIENT_DATA → ALARM", "INSUFFICIENT_DATA → ALARM"]);
  });

  it("is described by its names or by the prefix of its name, as it was put", async () => {
    await scene.client.putMetricAlarm({ ...alarm, AlarmDescription: "d" });
    await scene.client.putMetricAlarm({ ...alarm, AlarmName: "errors-2" });
    await scene.client.putMetricAlarm({ ...alarm, AlarmName: "other" });
    const names = async (input: object) =>
      (await scene.client.describeAlarms(input)).MetricAlarms?.map(({ AlarmName }) => AlarmName);
    expect(await names({ AlarmNamePrefix: "errors" })).to.deep.equal(["errors", "errors-2"]);
    expect(await names({ AlarmNames: ["other", "none"] })).to.deep.equal(["other"]);
    const [described] = (await scene.client.describeAlarms({ AlarmNames: ["errors"] })).MetricAlarms ?? [];
    expect(described).to.deep.equal({
      ...alarm,
      AlarmDescription: "d",
      AlarmArn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors",
      StateValue: "INSUFFICIENT_DATA",
      StateReason: "Unchecked: Initial alarm creation",
      StateUpdatedTimestamp: new Date(Date.UTC(2026, 0, 1)),
    });
  });

  for (const [what, changed, message] of [
    ["a statistic that there is not", { Statistic: "Median" }, /alarm errors: .*→ at Statistic/s],
    ["two statistics", { ExtendedStatistic: "p99" }, /exactly one of Statistic and ExtendedStatistic/],
    ["no statistic", { Statistic: undefined }, /exactly one of Statistic and ExtendedStatistic/],
    ["a percentile of another form", { Statistic: undefined, ExtendedStatistic: "tm99" }, /→ at ExtendedStatistic/],
    ["another comparison", { ComparisonOperator: "LessThanThreshold" }, /→ at ComparisonOperator/],
    ["missing data treated otherwise", { TreatMissingData: "missing" }, /→ at TreatMissingData/],
    ["a period of half a minute", { Period: 30 }, /→ at Period/],
    ["more points to alarm than periods", { DatapointsToAlarm: 2 }, /DatapointsToAlarm must not be more/],
    ["periods that reach back too far", { EvaluationPeriods: 180 }, /less than the 180 minutes/],
    ["more than five actions", { AlarmActions: Array(6).fill("arn") }, /→ at AlarmActions/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      const { name, message: said } = await refusal(
        scene.client.putMetricAlarm({ ...alarm, ...changed } as object as PutMetricAlarmInput),
      );
      expect(name).to.equal("InvalidParameterValueException");
      expect(said).to.match(message);
      expect((await scene.client.describeAlarms({})).MetricAlarms).to.deep.equal([]);
    });
  }

  it("is refused with a member that the local cloud does not know, by name", async () => {
    const { status, message } = await refusal(scene.client.putMetricAlarm({ ...alarm, ActionsEnabled: false }));
    expect(status).to.equal(501);
    expect(message).to.match(
      /^the local cloud does not implement ActionsEnabled of monitoring:PutMetricAlarm; it knows/,
    );
  });
});
