import { EventEmitter } from "node:events";
import type {
  DescribeAlarmsInput,
  GetMetricDataInput,
  MetricAlarm,
  MetricDataResult,
  PutMetricAlarmInput,
  StateValue,
} from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import { arn } from "../../aws/account.ts";
import { AwsError } from "../../aws/awsEndpoint.ts";
import type { Clock } from "../../aws/clock.ts";

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

const statistics = ["Average", "Maximum", "Minimum", "SampleCount", "Sum"] as const;
const percentile = z.string().regex(/^p\d{1,2}(\.\d+)?$/);
const period = z.number().multipleOf(60).min(60);
const metric = {
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.strictObject({ Name: z.string(), Value: z.string() })).max(30),
};

const minuteMs = 60_000;
/** How long data points are kept, in minutes. */
const keptMinutes = 180;
/** How often alarms are evaluated, in ms on the local cloud's clock. */
const evaluationMs = 10_000;

const alarmSchema = z
  .strictObject({
    AlarmName: z.string().min(1).max(255),
    AlarmDescription: z.string().max(1024).optional(),
    ...metric,
    Statistic: z.enum(statistics).optional(),
    ExtendedStatistic: percentile.optional(),
    Period: period,
    EvaluationPeriods: z.number().int().min(1),
    DatapointsToAlarm: z.number().int().min(1).optional(),
    Threshold: z.number(),
    ComparisonOperator: z.enum(["GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]),
    TreatMissingData: z.literal("notBreaching"),
    AlarmActions: z.array(z.string()).max(5).optional(),
    OKActions: z.array(z.string()).max(5).optional(),
  })
  .refine((alarm) => (alarm.Statistic === undefined) !== (alarm.ExtendedStatistic === undefined), {
    message: "exactly one of Statistic and ExtendedStatistic is required",
  })
  .refine((alarm) => (alarm.DatapointsToAlarm ?? 1) <= alarm.EvaluationPeriods, {
    message: "DatapointsToAlarm must not be more than EvaluationPeriods",
  })
  .refine((alarm) => alarm.EvaluationPeriods * alarm.Period < keptMinutes * 60, {
    message: `the periods together must be less than the ${keptMinutes} minutes that the local cloud keeps`,
  });

/** The members of PutMetricAlarm's input that the local cloud knows. */
export const alarmMembers = Object.keys(alarmSchema.shape) as (keyof Alarm)[];

const querySchema = z.strictObject({
  Id: z.string(),
  MetricStat: z.strictObject({
    Metric: z.strictObject(metric),
    Period: period,
    Stat: z.union([z.enum(statistics), percentile]),
  }),
});

/** A statistic of a metric, by period in seconds. */
type Stat = z.infer<typeof querySchema>["MetricStat"];

interface AlarmRecord {
  readonly alarm: Alarm;
  state: StateValue;
  reason: string;
  updated: number;
}

/**
 * CloudWatch: metrics, kept by the minute, and alarms on them. An alarm looks at the period that is under way, too, so that it may go
 * off earlier than AWS's. Emits `alarm` whenever one changes its state.
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
    const alarm = parse(alarmSchema, input, `alarm ${input.AlarmName}`);
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

  /** The alarms with these names or with the prefix in their names; without either, all. */
  describeAlarms({ AlarmNames, AlarmNamePrefix = "" }: DescribeAlarmsInput): MetricAlarm[] {
    return [...this.#alarms.values()]
      .filter(({ alarm: { AlarmName: name } }) =>
        AlarmNames ? AlarmNames.includes(name) : name.startsWith(AlarmNamePrefix),
      )
      .map(({ alarm, state, reason, updated }) => ({
        ...alarm,
        AlarmArn: arnOf(alarm),
        StateValue: state,
        StateReason: reason,
        StateUpdatedTimestamp: new Date(updated),
      }));
  }

  /**
   * The values of metrics, the newest first.
   * @throws {AwsError} for a query that the local cloud does not know.
   */
  getMetricData({ MetricDataQueries = [], StartTime, EndTime }: GetMetricDataInput): MetricDataResult[] {
    return MetricDataQueries.map((query) => {
      const { Id, MetricStat } = parse(querySchema, query, `query ${query.Id}`);
      const points = this.#points(MetricStat, Number(StartTime), Number(EndTime)).reverse();
      return {
        Id,
        Timestamps: points.map(([at]) => new Date(at)),
        Values: points.map(([, value]) => value),
        StatusCode: "Complete",
      };
    });
  }

  readonly #evaluate = (): void => {
    for (const record of this.#alarms.values()) {
      const { alarm, state: from } = record;
      const breaching = this.#breaching(alarm);
      const to = breaching.length >= (alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods) ? "ALARM" : "OK";
      if (to !== from) {
        record.state = to;
        record.updated = this.#clock.now();
        record.reason =
          to === "ALARM"
            ? `Threshold Crossed: ${breaching.length} datapoints [${breaching.join(", ")}] of ${alarm.MetricName} breach the threshold (${alarm.Threshold})`
            : `Threshold Crossed: fewer datapoints than needed breach the threshold (${alarm.Threshold})`;
        const { reason, updated: at } = record;
        this.emit("alarm", { alarm, arn: arnOf(alarm), from, to, reason, at });
      }
    }
    this.#cancel = this.#alarms.size > 0 ? this.#clock.after(evaluationMs, this.#evaluate) : undefined;
  };

  /** What breaches an alarm's threshold in as many periods as it evaluates: those that are over, or with the one under way if more do. */
  #breaching(alarm: Alarm): number[] {
    const { Namespace, MetricName, Dimensions, Period, Statistic, ExtendedStatistic = "", Threshold } = alarm;
    const periodMs = Period * 1000;
    const current = Math.floor(this.#clock.now() / periodMs) * periodMs;
    const start = current - alarm.EvaluationPeriods * periodMs;
    const stat = { Metric: { Namespace, MetricName, Dimensions }, Period, Stat: Statistic ?? ExtendedStatistic };
    const breaching = this.#points(stat, start).filter(([, value]) =>
      alarm.ComparisonOperator === "GreaterThanThreshold" ? value > Threshold : value >= Threshold,
    );
    const over = breaching.filter(([at]) => at < current);
    const withCurrent = breaching.filter(([at]) => at > start);
    return (withCurrent.length >= over.length ? withCurrent : over).map(([, value]) => value);
  }

  /** A metric's statistic by period, the oldest first: when each began, and its value; periods without data are left out. */
  #points(
    { Metric, Period, Stat }: Stat,
    start: number,
    end = Number.POSITIVE_INFINITY,
  ): [at: number, value: number][] {
    const dimensions = Metric.Dimensions.map(({ Name, Value }) => [Name, Value] as const);
    const minutes = this.#metrics.get(keyOf(Metric.Namespace, Metric.MetricName, dimensions));
    const periods = new Map<number, number[]>();
    for (const [minute, values] of minutes ?? []) {
      const at = minute * minuteMs;
      if (at + minuteMs > start && at < end) {
        const period = Math.floor(at / (Period * 1000)) * Period * 1000;
        periods.set(period, [...(periods.get(period) ?? []), ...values]);
      }
    }
    return [...periods].map(([at, values]) => [at, statistic(Stat, values)]);
  }
}

/** @throws {AwsError} that names what the local cloud does not take. */
function parse<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const parsed = schema.safeParse(input);
  if (!parsed.success) {
    const problem = `the local cloud does not take the ${what}: ${z.prettifyError(parsed.error)}`;
    throw new AwsError("InvalidParameterValueException", problem);
  }
  return parsed.data;
}

function keyOf(namespace: string, name: string, dimensions: readonly (readonly [string, string])[]): string {
  return JSON.stringify([namespace, name, [...dimensions].sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function arnOf({ AlarmName }: Alarm): string {
  return arn("cloudwatch", `alarm:${AlarmName}`);
}

/** @param name One of `statistics`, or a percentile, such as p99. */
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
    default:
      return sorted[Math.ceil((Number(name.slice(1)) / 100) * sorted.length) - 1] ?? 0;
  }
}
