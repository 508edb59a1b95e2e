import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { isLocalAddress } from "./localAddress.ts";
import { isSecret } from "./secrets.ts";

/** Who is told of alerts, as SNS takes it. */
export interface Subscriber {
  /** What tells it from others and does not show the endpoint, which may be a secret. */
  readonly id: string;
  readonly protocol: "email" | "http" | "https";
  /** An e-mail address, or a URL. */
  readonly endpoint: pulumi.Input<string>;
}

const rule = 'it must be a list of e-mail addresses and https URLs, such as ["team@example.com"], each once';

/**
 * The subscribers that a stack's settings name. They may be secrets: a URL that takes messages often has its key in it.
 *
 * @param refuse Is told why they are not usable.
 */
export function readSubscribers(
  config: pulumi.Config,
  refuse: (key: string, value: unknown, allowed: string) => undefined,
): Subscriber[] | undefined {
  const text = config.get("alertSubscribers") ?? "[]";
  const areSecret = isSecret(config, "alertSubscribers");
  const subscribers = parse(text);
  if (!subscribers) {
    return refuse("alertSubscribers", areSecret ? "***" : text, rule);
  }
  if (subscribers.length > 0 && config.get("alerts") !== "true") {
    return refuse(
      "alertSubscribers",
      "***",
      "alerts is not true, so that nobody would be told: set it, or remove this",
    );
  }
  return areSecret
    ? subscribers.map((subscriber) => ({ ...subscriber, endpoint: pulumi.secret(subscriber.endpoint) }))
    : subscribers;
}

function parse(text: string): Subscriber[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    const subscribers = Array.isArray(list) ? list.map((item) => subscriberAt(String(item))) : [undefined];
    const isUsable = (subscriber: Subscriber | undefined): subscriber is Subscriber => subscriber !== undefined;
    const areDistinct = new Set(subscribers.map((subscriber) => subscriber?.id)).size === subscribers.length;
    return subscribers.every(isUsable) && areDistinct ? subscribers : undefined;
  } catch {
    return undefined;
  }
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
