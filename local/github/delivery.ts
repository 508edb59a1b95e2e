import { randomUUID } from "node:crypto";
import { sign } from "@octokit/webhooks-methods";

/** Where a repository's events go. */
export interface Webhook {
  readonly url: string;
  /** What they are signed with. */
  readonly secret: string;
}

const deliveryTimeoutMs = 10_000;

/** Posts an event to every webhook of a repository, and says how each answered. */
export async function deliverAll(webhooks: readonly Webhook[], event: string, payload: object): Promise<string[]> {
  const lines: string[] = [];
  for (const webhook of webhooks) {
    lines.push(await deliver(webhook, event, JSON.stringify(payload)));
  }
  return lines;
}

/**
 * Posts a signed event, as GitHub does, and says how it was answered.
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
async function deliver(webhook: Webhook, event: string, payload: string): Promise<string> {
  try {
    const answer = await fetch(webhook.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/local",
        "x-github-delivery": randomUUID(),
        "x-github-event": event,
        "x-hub-signature-256": await sign(webhook.secret, payload),
      },
      body: payload,
      signal: AbortSignal.timeout(deliveryTimeoutMs),
    });
    return `webhook delivered, ${answer.status}: ${await answer.text()}`;
  } catch (error) {
    return `webhook not delivered: ${error}`;
  }
}
