import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { isLocalAddress } from "./localAddress.ts";

/** Who is told of alerts, as SNS takes it. */
export interface Subscriber {
  /** What tells it from others and does not show the endpoint, which may be a secret. */
  readonly id: string;
  readonly protocol: "email" | "http" | "https";
  /** An e-mail address, or a URL. */
  readonly endpoint: pulumi.Input<string>;
}

/**
 * The subscriber at an e-mail address or a URL; undefined where it is neither.
 *
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
 */
export function subscriberAt(endpoint: string): Subscriber | undefined {
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
