import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { isLocalAddress } from "./localAddress.ts";
import { against } from "./problem.ts";
import { jsonOf, objectOf, parsedBy } from "./values.ts";

/** What a stack sets of its monitoring. */
export interface MonitoringSettings {
  /** `<project>-<stack>`, what every name begins with. */
  readonly prefix: string;
  /** From where on each alarm rings. */
  readonly alarms: AlarmSettings;
  /** Whether there is more than the alarm that guards releases: the other alarms, the topic that tells of all that is wrong, the dashboard. */
  readonly alerts: boolean;
  /** Who is told. */
  readonly alertSubscribers: readonly Subscriber[];
}

const atLeastOne = z
  .number({ error: against("it must be a whole number from 1") })
  .refine((number) => Number.isInteger(number) && number >= 1, { error: against("it must be a whole number from 1") });

/** The defaults are for an API that may be called once in a while, or not at all. */
const thresholds = {
  /** Responses 5xx of the API in a minute. A release is stopped by them, too. */
  apiErrors: atLeastOne.default(1),
  /** Responses 4xx of the API in five minutes. */
  apiClientErrors: atLeastOne.default(50),
  /** Failed invocations of a function's live version in five minutes. */
  functionErrors: atLeastOne.default(1),
  /** Throttled invocations of a function's live version in five minutes. */
  functionThrottles: atLeastOne.default(1),
  /** The 99th percentile of a function's duration, in ms, in each of three times five minutes. */
  functionDuration: atLeastOne.default(5000),
  /** Failed deploy builds in five minutes. */
  failedBuilds: atLeastOne.default(1),
};
const alarmNames = Object.keys(thresholds).join(", ");

/** From where on each alarm rings: whole numbers. A value that is reached rings. */
export const alarms = objectOf(
  thresholds,
  against(`it must be an object with ${alarmNames}`),
  `is no alarm: there are ${alarmNames}`,
);

/** The stack's thresholds, and what it does not set at its default. */
export type AlarmSettings = Readonly<z.output<typeof alarms>>;

/** Who is told of alerts, as SNS takes it. */
export interface Subscriber {
  /** What tells it from others and does not show the endpoint, which may be a secret. */
  readonly id: string;
  readonly protocol: "email" | "http" | "https";
  /** An e-mail address, or a URL. */
  readonly endpoint: pulumi.Input<string>;
}

/** The subscribers that a stack names. */
export const subscribers = parsedBy((text) => {
  const list = jsonOf(text);
  const found = Array.isArray(list) ? list.map((item) => subscriberAt(String(item))) : [undefined];
  const isUsable = (subscriber: Subscriber | undefined): subscriber is Subscriber => subscriber !== undefined;
  const areDistinct = new Set(found.map((subscriber) => subscriber?.id)).size === found.length;
  return found.every(isUsable) && areDistinct ? found : undefined;
}, 'it must be a list of e-mail addresses and https URLs, such as ["team@example.com"], each once');

/** A subscriber whose endpoint is a Pulumi secret: a URL that takes messages often has its key in it. */
export function withSecretEndpoint(subscriber: Subscriber): Subscriber {
  return { ...subscriber, endpoint: pulumi.secret(subscriber.endpoint) };
}

/**
 * The subscriber at an e-mail address or a URL; undefined where it is neither.
 *
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
 */
function subscriberAt(endpoint: string): Subscriber | undefined {
  const protocol = protocolOf(endpoint);
  return protocol && { id: createHash("sha256").update(endpoint).digest("hex").slice(0, 8), protocol, endpoint };
}

function protocolOf(endpoint: string): Subscriber["protocol"] | undefined {
  if (/^[^\s@/:]+@[^\s@/:]+\.[^\s@/:.]+$/.test(endpoint)) {
    return "email";
  }
  if (/^https:\/\/[^\s/]/.test(endpoint) && URL.canParse(endpoint)) {
    return "https";
  }
  return isLocalAddress(endpoint) ? "http" : undefined;
}
