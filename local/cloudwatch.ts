import { EventEmitter } from "node:events";
import type {
  DescribeAlarmsInput,
  Dimension,
  GetMetricDataInput,
  MetricStat,
  PutMetricAlarmInput,
  StateValue,
} from "@aws-sdk/client-cloudwatch";
import * as schemas from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import { arn } from "./account.ts";
import { AwsError, type AwsService, operation } from "./awsEndpoint.ts";
import type { Clock } from "./clock.ts";

/** An alarm that changed its state. */
export interface AlarmChange {
  readonly alarm: Alarm;
  readonly arn: string;
  readonly from: StateValue;
  readonly to: StateValue;
  readonly reason: string;
  /** When, in ms since 1970 on the local cloud's clock. */
  readonly at: number;
}

/** What an alarm is made from, in PutMetricAlarm's words; `Period` is in seconds. */
export type Alarm = z.infer<typeof alarmSchema>;

const percentile = z.string().regex(/^p\d{1,2}(\.\d+)?$/);
const alarmSchema = z
  .strictObject({
    AlarmName: z.string().min(1).max(255),
    AlarmDescription: z.string().max(1024).optional(),
    Namespace: z.string(),
    MetricName: z.string(),
    Dimensions: z.array(z.strictObject({ Name: z.string(), Value: z.string() })).max(30),
    Statistic: z.enum(["Average", "Maximum", "Minimum", "SampleCount", "Sum"]).optional(),
    ExtendedStatistic: percentile.optional(),
    Period: z.number().multipleOf(60).min(60),
    EvaluationPeriods: z.number().int().min(1),
    DatapointsToAlarm: z.number().int().min(1).optional(),
    Threshold: z.number(),
    ComparisonOperator: z.enum(["GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]),
    TreatMissingData: z.literal("notBreaching"),
    AlarmActions: z.array(z.string()).max(5).optional(),
    OKActions: z.array(z.string()).max(5).optional(),
  })
  .refine((alarm) => (alarm.Statistic === undefined) !== (alarm.ExtendedStatistic === undefined), {
    message: "either Statistic or ExtendedStatistic is required",
  });

const minuteMs = 60_000;
/** How long data points are kept, in minutes. */
const keptMinutes = 180;
/** How often alarms are evaluated, in ms on the local cloud's clock; CloudWatch does it once a minute. */
const evaluationMs = 10_000;

interface AlarmRecord {
  readonly alarm: Alarm;
  state: StateValue;
  reason: string;
  updated: number;
}

/**
 * CloudWatch: metrics, kept by the minute, and alarms on them. An alarm looks at the period that is under way, too, so that it goes off
 * earlier than AWS's. Emits `alarm` whenever one changes its state.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
 */
export class CloudWatch extends EventEmitter<{ alarm: [AlarmChange] }> {
  readonly #clock: Clock;
  /** The values of each minute since 1970, by metric. */
  readonly #metrics = new Map<string, Map<number, number[]>>();
  readonly #alarms = new Map<string, AlarmRecord>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
    // One for each deployment that watches alarms.
    this.setMaxListeners(0);
  }

  /** Adds a data point. */
  putMetric(namespace: string, name: string, dimensions: Readonly<Record<string, string>>, value: number): void {
    const key = keyOf(namespace, name, Object.entries(dimensions));
    const minutes = this.#metrics.get(key) ?? new Map<number, number[]>();
    this.#metrics.set(key, minutes);
    const minute = Math.floor(this.#clock.now() / minuteMs);
    const values = minutes.get(minute);
    if (values) {
      values.push(value);
      return;
    }
    minutes.set(minute, [value]);
    for (const old of minutes.keys()) {
      if (old < minute - keptMinutes) {
        minutes.delete(old);
      }
    }
  }

  /**
   * Creates an alarm; one that is there is changed, and keeps its state.
   * @throws {AwsError} for what the local cloud does not know.
   */
  putAlarm(input: PutMetricAlarmInput): void {
    const parsed = alarmSchema.safeParse(input);
    if (!parsed.success) {
      const problem = `the local cloud does not take the alarm ${input.AlarmName}: ${z.prettifyError(parsed.error)}`;
      throw new AwsError("InvalidParameterValueException", problem);
    }
    const alarm = parsed.data;
    const known = this.#alarms.get(alarm.AlarmName);
    const created = { state: "INSUFFICIENT_DATA", reason: "Unchecked: Initial alarm creation" } as const;
    this.#alarms.set(alarm.AlarmName, { updated: this.#clock.now(), ...created, ...known, alarm });
    this.#cancel ??= this.#clock.after(evaluationMs, this.#evaluate);
  }

  /** Deletes alarms; a name that there is not is no error. */
  deleteAlarms(names: readonly string[]): void {
    for (const name of names) {
      this.#alarms.delete(name);
    }
  }

  /** An alarm's state; undefined when there is no such alarm. */
  stateOf(name: string): StateValue | undefined {
    return this.#alarms.get(name)?.state;
  }

  close(): void {
    this.#cancel?.();
    this.#alarms.clear();
  }

  /** What the AWS endpoint serves of CloudWatch. */
  get service(): AwsService {
    return {
      signingName: "monitoring",
      schemas,
      operations: {
        PutMetricAlarm: operation<PutMetricAlarmInput>(Object.keys(alarmSchema.shape) as (keyof Alarm)[], (input) => {
          this.putAlarm(input);
          return {};
        }),
        DeleteAlarms: operation<{ AlarmNames: string[] }>(["AlarmNames"], ({ AlarmNames }) => {
          this.deleteAlarms(AlarmNames);
          return {};
        }),
        DescribeAlarms: operation<DescribeAlarmsInput>(["AlarmNames", "AlarmNamePrefix"], (input) => ({
          MetricAlarms: [...this.#alarms.values()]
            .filter(({ alarm: { AlarmName: name } }) =>
              input.AlarmNames ? input.AlarmNames.includes(name) : name.startsWith(input.AlarmNamePrefix ?? ""),
            )
            .map(({ alarm, state, reason, updated }) => ({
              ...alarm,
              AlarmArn: arnOf(alarm),
              StateValue: state,
              StateReason: reason,
              StateUpdatedTimestamp: new Date(updated),
            })),
        })),
        GetMetricData: operation<GetMetricDataInput>(
          ["MetricDataQueries", "StartTime", "EndTime"],
          ({ MetricDataQueries = [], StartTime, EndTime }) => ({
            MetricDataResults: MetricDataQueries.map(({ Id, MetricStat: stat }) => {
              if (!stat) {
                throw new AwsError("InvalidParameterValueException", `the local cloud takes a MetricStat only: ${Id}`);
              }
              const points = this.#points(stat, Number(StartTime), Math.min(Number(EndTime), this.#clock.now()));
              return {
                Id,
                Timestamps: points.map(([at]) => new Date(at)),
                Values: points.map(([, value]) => value),
                StatusCode: "Complete",
              };
            }),
          }),
        ),
      },
    };
  }

  readonly #evaluate = (): void => {
    for (const record of this.#alarms.values()) {
      const { alarm } = record;
      const breaching = this.#lastPeriods(alarm).filter((value) =>
        alarm.ComparisonOperator === "GreaterThanThreshold" ? value > alarm.Threshold : value >= alarm.Threshold,
      );
      const needed = alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods;
      const to = breaching.length >= needed ? "ALARM" : "OK";
      if (to !== record.state) {
        const { state: from } = record;
        record.state = to;
        record.updated = this.#clock.now();
        record.reason =
          to === "ALARM"
            ? `Threshold Crossed: ${breaching.length} datapoints [${breaching.join(", ")}] of ${alarm.MetricName} breach the threshold (${alarm.Threshold})`
            : `Threshold Crossed: no datapoints breach the threshold (${alarm.Threshold})`;
        const { reason, updated: at } = record;
        this.emit("alarm", { alarm, arn: arnOf(alarm), from, to, reason, at });
      }
    }
    this.#cancel = this.#alarms.size > 0 ? this.#clock.after(evaluationMs, this.#evaluate) : undefined;
  };

  /** The statistic of each of an alarm's periods that has data, and of the one under way. */
  #lastPeriods(alarm: Alarm): number[] {
    const { Namespace, MetricName, Dimensions, Period, Statistic, ExtendedStatistic } = alarm;
    const now = this.#clock.now();
    const stat = {
      Metric: { Namespace, MetricName, Dimensions },
      Period,
      Stat: Statistic ?? ExtendedStatistic,
    };
    const periodMs = Period * 1000;
    const start = (Math.floor(now / periodMs) - alarm.EvaluationPeriods) * periodMs;
    return this.#points(stat, start, now).map(([, value]) => value);
  }

  /** A metric's statistic by period: when each began, and its value; periods without data are left out. */
  #points({ Metric, Period = 60, Stat }: MetricStat, start: number, end: number): [at: number, value: number][] {
    const dimensions = (Metric?.Dimensions ?? []).map(({ Name, Value }: Dimension): [string, string] => [
      Name ?? "",
      Value ?? "",
    ]);
    const minutes = this.#metrics.get(keyOf(Metric?.Namespace ?? "", Metric?.MetricName ?? "", dimensions));
    const periods = new Map<number, number[]>();
    for (const [minute, values] of minutes ?? []) {
      const at = minute * minuteMs;
      if (at + minuteMs > start && at < end) {
        const period = Math.floor(at / (Period * 1000)) * Period * 1000;
        periods.set(period, [...(periods.get(period) ?? []), ...values]);
      }
    }
    return [...periods].map(([at, values]) => [at, statistic(Stat ?? "", values)]);
  }
}

function keyOf(namespace: string, name: string, dimensions: readonly (readonly [string, string])[]): string {
  return JSON.stringify([namespace, name, [...dimensions].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function arnOf({ AlarmName }: Alarm): string {
  return arn("cloudwatch", `alarm:${AlarmName}`);
}

function statistic(name: string, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const sum = sorted.reduce((total, value) => total + value, 0);
  switch (name) {
    case "Sum":
      return sum;
    case "SampleCount":
      return sorted.length;
    case "Average":
      return sum / sorted.length;
    case "Minimum":
      return sorted.at(0) ?? 0;
    case "Maximum":
      return sorted.at(-1) ?? 0;
  }
  if (!percentile.safeParse(name).success) {
    throw new AwsError("InvalidParameterValueException", `the local cloud does not know the statistic ${name}`);
  }
  return sorted[Math.ceil((Number(name.slice(1)) / 100) * sorted.length) - 1] ?? 0;
}
