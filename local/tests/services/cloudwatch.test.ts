import { CloudWatch as Client, type PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import { AwsEndpoint } from "../../aws/awsEndpoint.ts";
import { Clock } from "../../aws/clock.ts";
import { type Listening, listen } from "../../aws/httpServer.ts";
import { type AlarmChange, CloudWatch } from "../../services/cloudwatch/cloudwatch.ts";
import { cloudwatchOperations } from "../../services/cloudwatch/operations.ts";
import { refusal } from "../refusal.ts";

/** A clock that goes on only when it is told to. */
class ManualClock extends Clock {
  #time = Date.UTC(2026, 0, 1);
  #waiting: { readonly at: number; readonly run: () => void }[] = [];

  override now(): number {
    return this.#time;
  }

  override after(ms: number, run: () => void): () => void {
    const wait = { at: this.#time + ms, run };
    this.#waiting.push(wait);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== wait);
    };
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  advance(seconds: number): void {
    const end = this.#time + seconds * 1000;
    for (;;) {
      const [next] = this.#waiting.toSorted((a, b) => a.at - b.at);
      if (!next || next.at > end) {
        break;
      }
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.#time = next.at;
      next.run();
    }
    this.#time = end;
  }
}

const dimensions = { FunctionName: "fn", Resource: "fn:live" };
const metric = {
  Namespace: "AWS/Lambda",
  MetricName: "Errors",
  Dimensions: [
    { Name: "Resource", Value: "fn:live" },
    { Name: "FunctionName", Value: "fn" },
  ],
};
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

describe("local CloudWatch, called by the AWS SDK", () => {
  let clock: ManualClock;
  let cloudwatch: CloudWatch;
  let server: Listening;
  let client: Client;
  let changes: AlarmChange[];

  beforeEach(async () => {
    clock = new ManualClock();
    cloudwatch = new CloudWatch(clock);
    const endpoint = new AwsEndpoint([cloudwatchOperations(cloudwatch)]);
    server = await listen((request, response) => endpoint.handle(request, response));
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    client = new Client({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
    changes = [];
    cloudwatch.on("alarm", (change) => changes.push(change));
  });

  afterEach(async () => {
    client.destroy();
    await server.close();
  });

  function errors(...values: number[]): void {
    for (const value of values) {
      cloudwatch.putMetric("AWS/Lambda", "Errors", dimensions, value);
    }
  }

  const states = (): string[] => changes.map(({ from, to }) => `${from} → ${to}`);

  async function stateOf(name: string): Promise<string | undefined> {
    return (await client.describeAlarms({ AlarmNames: [name] })).MetricAlarms?.[0]?.StateValue;
  }

  describe("an alarm", () => {
    it("has insufficient data until it is evaluated, and is OK without data", async () => {
      await client.putMetricAlarm(alarm);
      expect(await stateOf("errors")).to.equal("INSUFFICIENT_DATA");
      clock.advance(60);
      expect(await stateOf("errors")).to.equal("OK");
    });

    it("goes off at its threshold, in the period that is under way, and is OK again when that is past", async () => {
      await client.putMetricAlarm({ ...alarm, AlarmActions: ["arn:aws:sns:us-east-1:000000000000:alerts"] });
      clock.advance(60);
      errors(1);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("OK");
      errors(1);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("ALARM");
      clock.advance(180);
      expect(states()).to.deep.equal(["INSUFFICIENT_DATA → OK", "OK → ALARM", "ALARM → OK"]);
      const [, rung, recovered] = changes;
      expect(rung).to.deep.include({
        arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors",
        reason: "Threshold Crossed: 1 datapoints [2] of Errors breach the threshold (2)",
        at: Date.UTC(2026, 0, 1, 0, 1, 20),
      });
      expect(rung?.alarm.AlarmActions).to.deep.equal(["arn:aws:sns:us-east-1:000000000000:alerts"]);
      expect(recovered?.reason).to.equal("Threshold Crossed: fewer datapoints than needed breach the threshold (2)");
    });

    it("still sees the last whole period, when the next has begun without data", async () => {
      await client.putMetricAlarm(alarm);
      clock.advance(55);
      errors(2);
      clock.advance(10);
      expect(states()).to.deep.equal(["INSUFFICIENT_DATA → OK", "OK → ALARM"]);
    });

    it("of another comparison goes off above its threshold only", async () => {
      await client.putMetricAlarm({ ...alarm, ComparisonOperator: "GreaterThanThreshold" });
      errors(2);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("OK");
      errors(0.5);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("ALARM");
    });

    for (const [what, minutes, DatapointsToAlarm, state] of [
      ["two periods goes off when both breach", [2, 2, 0], undefined, "ALARM"],
      ["two periods does not go off when they are not the last two", [2, 0, 2], undefined, "OK"],
      ["one of two periods goes off when one breaches", [2, 0], 1, "ALARM"],
      ["one of two periods is OK when the one is longer ago", [2, 0, 0, 0], 1, "OK"],
    ] as const) {
      it(`on ${what}`, async () => {
        await client.putMetricAlarm({
          ...alarm,
          EvaluationPeriods: 2,
          ...(DatapointsToAlarm && { DatapointsToAlarm }),
        });
        for (const [index, value] of minutes.entries()) {
          clock.advance(index === 0 ? 1 : 60);
          errors(value);
        }
        clock.advance(10);
        expect(await stateOf("errors")).to.equal(state);
      });
    }

    it("of a percentile looks at that of the values", async () => {
      const { Statistic: _, ...others } = alarm;
      await client.putMetricAlarm({ ...others, ExtendedStatistic: "p90", Threshold: 9 });
      errors(...Array.from({ length: 10 }, (_, index) => index));
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("OK");
      errors(9);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("ALARM");
    });

    it("looks at its own metric only: namespace, name and every dimension", async () => {
      await client.putMetricAlarm(alarm);
      cloudwatch.putMetric("AWS/Lambda", "Errors", { FunctionName: "fn" }, 5);
      cloudwatch.putMetric("AWS/Lambda", "Errors", { ...dimensions, ExecutedVersion: "1" }, 5);
      cloudwatch.putMetric("AWS/Lambda", "Errors", { ...dimensions, FunctionName: "other" }, 5);
      cloudwatch.putMetric("AWS/Lambda", "Throttles", dimensions, 5);
      cloudwatch.putMetric("AWS/ApiGateway", "Errors", dimensions, 5);
      clock.advance(10);
      expect(await stateOf("errors")).to.equal("OK");
    });

    it("that is put again keeps its state, and has the new threshold", async () => {
      await client.putMetricAlarm(alarm);
      errors(2);
      clock.advance(10);
      await client.putMetricAlarm({ ...alarm, Threshold: 3 });
      expect(await stateOf("errors")).to.equal("ALARM");
      clock.advance(10);
      expect(states()).to.deep.equal(["INSUFFICIENT_DATA → ALARM", "ALARM → OK"]);
    });

    it("that is deleted is gone, and no name is no error; made again it knows nothing of before", async () => {
      await client.putMetricAlarm(alarm);
      errors(2);
      clock.advance(10);
      await client.deleteAlarms({ AlarmNames: ["errors", "none"] });
      expect((await client.describeAlarms({})).MetricAlarms).to.deep.equal([]);
      expect(cloudwatch.stateOf("errors")).to.equal(undefined);
      clock.advance(60);
      // Nothing is evaluated any more.
      expect(clock.isIdle).to.equal(true);
      await client.putMetricAlarm(alarm);
      expect(await stateOf("errors")).to.equal("INSUFFICIENT_DATA");
      clock.advance(10);
      expect(states()).to.deep.equal(["INSUFFICIENT_DATA → ALARM", "INSUFFICIENT_DATA → ALARM"]);
    });

    it("is described by its names or by the prefix of its name, as it was put", async () => {
      await client.putMetricAlarm({ ...alarm, AlarmDescription: "d" });
      await client.putMetricAlarm({ ...alarm, AlarmName: "errors-2" });
      await client.putMetricAlarm({ ...alarm, AlarmName: "other" });
      const names = async (input: object) =>
        (await client.describeAlarms(input)).MetricAlarms?.map(({ AlarmName }) => AlarmName);
      expect(await names({ AlarmNamePrefix: "errors" })).to.deep.equal(["errors", "errors-2"]);
      expect(await names({ AlarmNames: ["other", "none"] })).to.deep.equal(["other"]);
      const [described] = (await client.describeAlarms({ AlarmNames: ["errors"] })).MetricAlarms ?? [];
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
          client.putMetricAlarm({ ...alarm, ...changed } as object as PutMetricAlarmInput),
        );
        expect(name).to.equal("InvalidParameterValueException");
        expect(said).to.match(message);
        expect((await client.describeAlarms({})).MetricAlarms).to.deep.equal([]);
      });
    }

    it("is refused with a member that the local cloud does not know, by name", async () => {
      const { status, message } = await refusal(client.putMetricAlarm({ ...alarm, ActionsEnabled: false }));
      expect(status).to.equal(501);
      expect(message).to.match(
        /^the local cloud does not implement ActionsEnabled of monitoring:PutMetricAlarm; it knows/,
      );
    });
  });

  describe("GetMetricData", () => {
    const query = (Stat: string, Period = 60) => ({ Id: "q", MetricStat: { Metric: metric, Period, Stat } });
    const start = new Date(Date.UTC(2026, 0, 1));

    async function dataOf(Stat: string, Period?: number): Promise<[seconds: number, value: number | undefined][]> {
      const { MetricDataResults: [result] = [] } = await client.getMetricData({
        StartTime: start,
        EndTime: new Date(clock.now() + 1000),
        MetricDataQueries: [query(Stat, Period)],
      });
      expect([result?.Id, result?.StatusCode]).to.deep.equal(["q", "Complete"]);
      return (result?.Timestamps ?? []).map((at, index) => [
        (at.getTime() - start.getTime()) / 1000,
        result?.Values?.[index],
      ]);
    }

    beforeEach(() => {
      errors(1, 0, 1);
      clock.advance(60);
      errors(5);
      clock.advance(120);
      errors(0, 4, 2, 2);
    });

    it("sums by the minute, the newest first, and leaves out minutes without data", async () => {
      expect(await dataOf("Sum")).to.deep.equal([
        [180, 8],
        [60, 5],
        [0, 2],
      ]);
    });

    it("sums by longer periods", async () => {
      expect(await dataOf("Sum", 120)).to.deep.equal([
        [120, 8],
        [0, 7],
      ]);
      expect(await dataOf("Sum", 3600)).to.deep.equal([[0, 15]]);
    });

    for (const [stat, value] of [
      ["SampleCount", 4],
      ["Average", 2],
      ["Minimum", 0],
      ["Maximum", 4],
      ["p50", 2],
      ["p99", 4],
      ["p99.9", 4],
    ] as const) {
      it(`knows the statistic ${stat}`, async () => {
        expect((await dataOf(stat))[0]).to.deep.equal([180, value]);
      });
    }

    it("tells of the time that it is asked about, the end excluded", async () => {
      const minute = (count: number) => new Date(start.getTime() + count * 60_000);
      const valuesOf = async (from: number, to: number) => {
        const range = { StartTime: minute(from), EndTime: minute(to) };
        const { MetricDataResults } = await client.getMetricData({ ...range, MetricDataQueries: [query("Sum")] });
        return MetricDataResults?.[0]?.Values;
      };
      expect(await valuesOf(0, 1)).to.deep.equal([2]);
      expect(await valuesOf(1, 3)).to.deep.equal([5]);
      expect(await valuesOf(2, 3)).to.deep.equal([]);
    });

    it("knows nothing of a metric without data", async () => {
      const Metric = { ...metric, MetricName: "Throttles" };
      const { MetricDataResults } = await client.getMetricData({
        StartTime: start,
        EndTime: new Date(clock.now()),
        MetricDataQueries: [{ Id: "q", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
      });
      expect(MetricDataResults?.[0]?.Values).to.deep.equal([]);
    });

    it("forgets what is older than three hours", async () => {
      clock.advance(3 * 3600);
      errors(1);
      expect(await dataOf("Sum", 3600)).to.deep.equal([
        [10_800, 1],
        [0, 8],
      ]);
    });

    for (const [what, wrong, message] of [
      ["an unknown statistic", query("Median"), /query q: .*→ at MetricStat\.Stat/s],
      ["an expression", { Id: "q", Expression: "SUM(METRICS())" }, /"Expression"/],
      ["a unit", { ...query("Sum"), MetricStat: { ...query("Sum").MetricStat, Unit: "Count" as const } }, /"Unit"/],
    ] as const) {
      it(`refuses ${what}, by name`, async () => {
        const range = { StartTime: start, EndTime: start };
        const { name, message: said } = await refusal(client.getMetricData({ ...range, MetricDataQueries: [wrong] }));
        expect(name).to.equal("InvalidParameterValueException");
        expect(said).to.match(message);
      });
    }
  });
});

describe("the local clock", () => {
  it("runs as many times as fast as real time as it is told to", async () => {
    const clock = new Clock(100_000);
    const started = clock.now();
    await new Promise<void>((resolve) => clock.after(3_600_000, resolve));
    expect(clock.now() - started).to.be.at.least(3_600_000 - 200_000);
  });

  it("does not run what was cancelled", async () => {
    const clock = new Clock(1000);
    let ran = 0;
    clock.after(1000, () => {
      ran += 1;
    })();
    await new Promise<void>((resolve) => clock.after(5000, resolve));
    expect(ran).to.equal(0);
  });
});
