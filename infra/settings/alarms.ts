import type * as pulumi from "@pulumi/pulumi";
import { isObject } from "./functions.ts";

/** From where on each alarm rings: whole numbers. A value that is reached rings. */
export type AlarmSettings = Readonly<Record<keyof typeof alarmDefaults, number>>;

/** What holds where a stack sets nothing: for an API that may be called once in a while, or not at all. */
export const alarmDefaults = {
  /** Responses 5xx of the API in a minute. A release is stopped by them, too. */
  apiErrors: 1,
  /** Responses 4xx of the API in five minutes. */
  apiClientErrors: 50,
  /** Failed invocations of a function's live version in five minutes. */
  functionErrors: 1,
  /** Throttled invocations of a function's live version in five minutes. */
  functionThrottles: 1,
  /** The 99th percentile of a function's duration, in ms, in each of three times five minutes. */
  functionDuration: 5000,
  /** Failed deploy builds in five minutes. */
  failedBuilds: 1,
} as const;

/**
 * The stack's thresholds, and what it does not set at its default.
 *
 * @param problems Gets why they are not usable, each with its key, value and what is allowed.
 */
export function readAlarms(config: pulumi.Config, problems: string[]): AlarmSettings {
  const text = config.get("alarms") ?? "{}";
  const set = parsed(text);
  problems.push(...alarmProblems(set).map((problem) => `${config.name}:alarms${problem}`));
  return { ...alarmDefaults, ...(set as Partial<AlarmSettings>) };
}

function alarmProblems(settings: unknown): string[] {
  const names = Object.keys(alarmDefaults).join(", ");
  if (!isObject(settings)) {
    return [` is ${JSON.stringify(settings)}: it must be an object with ${names}`];
  }
  return Object.entries(settings).flatMap(([key, value]) =>
    !Object.hasOwn(alarmDefaults, key)
      ? [`.${key} is no alarm: there are ${names}`]
      : Number.isInteger(value) && Number(value) >= 1
        ? []
        : [`.${key} is ${JSON.stringify(value)}: it must be a whole number from 1`],
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
