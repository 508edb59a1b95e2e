import { expect } from "chai";
import { refusal } from "../refusal.ts";
import { CloudWatchScene, metric } from "./cloudwatchScene.ts";

describe("GetMetricData of the local CloudWatch", () => {
  const scene = new CloudWatchScene();
  const query = (Stat: string, Period = 60) => ({ Id: "q", MetricStat: { Metric: metric, Period, Stat } });
  const start = new Date(Date.UTC(2026, 0, 1));

  async function dataOf(Stat: string, Period?: number): Promise<[seconds: number, value: number | undefined][]> {
    const { MetricDataResults: [result] = [] } = await scene.client.getMetricData({
      StartTime: start,
      EndTime: new Date(scene.clock.now() + 1000),
      MetricDataQueries: [query(Stat, Period)],
    });
    expect([result?.Id, result?.StatusCode]).to.deep.equal(["q", "Complete"]);
    return (result?.Timestamps ?? []).map((at, index) => [
      (at.getTime() - start.getTime()) / 1000,
      result?.Values?.[index],
    ]);
  }

  beforeEach(() => {
    scene.errors(1, 0, 1);
    scene.clock.advance(60);
    scene.errors(5);
    scene.clock.advance(120);
    scene.errors(0, 4, 2, 2);
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
      const { MetricDataResults } = await scene.client.getMetricData({ ...range, MetricDataQueries: [query("Sum")] });
      return MetricDataResults?.[0]?.Values;
    };
    expect(await valuesOf(0, 1)).to.deep.equal([2]);
    expect(await valuesOf(1, 3)).to.deep.equal([5]);
    expect(await valuesOf(2, 3)).to.deep.equal([]);
  });

  it("knows nothing of a metric without data", async () => {
    const Metric = { ...metric, MetricName: "Throttles" };
    const { MetricDataResults } = await scene.client.getMetricData({
      StartTime: start,
      EndTime: new Date(scene.clock.now()),
      MetricDataQueries: [{ Id: "q", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
    });
    expect(MetricDataResults?.[0]?.Values).to.deep.equal([]);
  });

  it("forgets what is older than three hours", async () => {
    scene.clock.advance(3 * 3600);
    scene.errors(1);
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
      const { name, message: said } = await refusal(
        scene.client.getMetricData({ ...range, MetricDataQueries: [wrong] }),
      );
      expect(name).to.equal("InvalidParameterValueException");
      expect(said).to.match(message);
    });
  }
});
