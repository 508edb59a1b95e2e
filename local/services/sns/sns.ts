import { randomBytes, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { array, literal, strictObject, string, union, type z } from "zod";
import { arn } from "../../aws/account.ts";
import { isForThisMachine } from "../../aws/httpServer.ts";

/** A message that was published to a topic, as one subscriber got it. */
export interface Notification {
  readonly endpoint: string;
  readonly subject: string | undefined;
  readonly message: string;
  /** Whether the endpoint took it. What is not on this machine is not sent anything. */
  readonly outcome: "delivered" | "not sent" | "failed";
}

/** A service that publishes, and the account for which it says it does: EventBridge says none. */
export interface Publisher {
  readonly service: "cloudwatch.amazonaws.com" | "events.amazonaws.com";
  readonly sourceAccount?: string;
}

/** What a topic's policy may hold: services that may publish, each for one account at most. */
export const topicPolicy = strictObject({
  Version: literal("2012-10-17"),
  Statement: array(
    strictObject({
      Sid: string().optional(),
      Effect: literal("Allow"),
      Principal: strictObject({ Service: union([string(), array(string())]) }),
      Action: literal("sns:Publish"),
      Resource: string(),
      Condition: strictObject({ StringEquals: strictObject({ "aws:SourceAccount": string() }) }).optional(),
    }),
  ),
});

interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly endpoint: string;
  /** What the endpoint confirms the subscription with; undefined once it has. */
  token: string | undefined;
}

/** How long an endpoint may take, in ms, as SNS has it. */
const deliveryMs = 15_000;

/**
 * SNS: topics and their subscriptions. An endpoint of this machine, `http://127.0.0.1…`, gets SNS's requests: first a confirmation, then,
 * once it has visited that one's `SubscribeURL`, notifications, unsigned and without a second try. An e-mail address, and any other URL,
 * is subscribed at once and sent nothing. Emits `notification` for each message and subscriber, and
 * `refused` for a message that the topic's policy does not let a service publish.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
export class Sns extends EventEmitter<{ notification: [Notification]; refused: [topicArn: string, service: string] }> {
  readonly #url: () => string;
  /** The policies of the topics, by their ARNs. */
  readonly #topics = new Map<string, z.infer<typeof topicPolicy>>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #deliveries = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  /** @param url The address of the local cloud's AWS endpoint, known once it listens. */
  constructor(url: () => string) {
    super();
    this.#url = url;
  }

  /** Creates a topic, or finds it, and returns its ARN. */
  putTopic(name: string): string {
    const topicArn = arn("sns", name);
    this.#topics.set(topicArn, this.#topics.get(topicArn) ?? { Version: "2012-10-17", Statement: [] });
    return topicArn;
  }

  /**
   * Says which services may publish to a topic.
   * @throws {Error} when there is no such topic.
   */
  putPolicy(topicArn: string, policy: z.infer<typeof topicPolicy>): void {
    this.#checkTopic(topicArn);
    this.#topics.set(topicArn, policy);
  }

  deleteTopic(topicArn: string): void {
    this.#topics.delete(topicArn);
  }

  hasTopic(topicArn: string): boolean {
    return this.#topics.has(topicArn);
  }

  /**
   * Subscribes an endpoint, and asks it to confirm where it is on this machine; returns the subscription's ARN.
   * @throws {Error} when there is no such topic.
   */
  subscribe(topicArn: string, endpoint: string): string {
    this.#checkTopic(topicArn);
    const token = isOnThisMachine(endpoint) ? randomBytes(16).toString("hex") : undefined;
    const subscription: Subscription = { arn: `${topicArn}:${randomUUID()}`, topicArn, endpoint, token };
    this.#subscriptions.set(subscription.arn, subscription);
    if (token !== undefined) {
      const SubscribeURL = `${this.#url()}/sns?${new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: topicArn, Token: token })}`;
      const Message = `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`;
      this.#track(this.#post(subscription, "SubscriptionConfirmation", { Token: token, Message, SubscribeURL }));
    }
    return subscription.arn;
  }

  unsubscribe(subscriptionArn: string): void {
    this.#subscriptions.delete(subscriptionArn);
  }

  /**
   * Sends a message to a topic's confirmed subscribers, where its policy lets the service publish; nothing else tells that one it does not.
   * @throws {Error} when there is no such topic.
   */
  publish(publisher: Publisher, topicArn: string, message: string, subject?: string): void {
    this.#checkTopic(topicArn);
    if (!this.#mayPublish(publisher, topicArn)) {
      this.emit("refused", topicArn, publisher.service);
      return;
    }
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.topicArn === topicArn && subscription.token === undefined) {
        this.#track(this.#notify(subscription, message, subject));
      }
    }
  }

  /** Answers a visit to a `SubscribeURL`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    const subscription = [...this.#subscriptions.values()].find(
      ({ token, topicArn }) =>
        token !== undefined && token === searchParams.get("Token") && topicArn === searchParams.get("TopicArn"),
    );
    if (!subscription || searchParams.get("Action") !== "ConfirmSubscription" || !isForThisMachine(request)) {
      response.writeHead(400).end("there is no such subscription to confirm\n");
      return;
    }
    subscription.token = undefined;
    response.end(`${subscription.arn} is confirmed\n`);
  }

  /** Gives up the deliveries that are under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#deliveries);
  }

  #mayPublish({ service, sourceAccount }: Publisher, topicArn: string): boolean {
    const statements = this.#topics.get(topicArn)?.Statement ?? [];
    return statements.some(
      ({ Principal, Resource, Condition }) =>
        [Principal.Service].flat().includes(service) &&
        Resource === topicArn &&
        (!Condition || Condition.StringEquals["aws:SourceAccount"] === sourceAccount),
    );
  }

  #checkTopic(topicArn: string): void {
    if (!this.#topics.has(topicArn)) {
      throw new Error(`SNS has no topic ${topicArn}`);
    }
  }

  #track(delivery: Promise<unknown>): void {
    const tracked = delivery.then(() => void this.#deliveries.delete(tracked));
    this.#deliveries.add(tracked);
  }

  async #notify(subscription: Subscription, message: string, subject: string | undefined): Promise<void> {
    const { endpoint } = subscription;
    const members = { ...(subject !== undefined && { Subject: subject }), Message: message };
    const outcome = !isOnThisMachine(endpoint)
      ? "not sent"
      : (await this.#post(subscription, "Notification", members))
        ? "delivered"
        : "failed";
    this.emit("notification", { endpoint, subject, message, outcome });
  }

  /** @returns Whether the endpoint answered with success. */
  async #post(
    { arn: subscriptionArn, topicArn, endpoint }: Subscription,
    type: string,
    members: object,
  ): Promise<boolean> {
    const MessageId = randomUUID();
    const isNotification = type === "Notification";
    try {
      const { ok } = await fetch(endpoint, {
        method: "POST",
        headers: {
          "content-type": "text/plain; charset=UTF-8",
          "user-agent": "Amazon Simple Notification Service Agent",
          "x-amz-sns-message-id": MessageId,
          "x-amz-sns-message-type": type,
          "x-amz-sns-topic-arn": topicArn,
          ...(isNotification && { "x-amz-sns-subscription-arn": subscriptionArn }),
        },
        body: JSON.stringify({
          Type: type,
          MessageId,
          TopicArn: topicArn,
          ...members,
          Timestamp: new Date().toISOString(),
        }),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(deliveryMs)]),
      });
      return ok;
    } catch {
      return false;
    }
  }
}

function isOnThisMachine(endpoint: string): boolean {
  return /^http:\/\/127\.0\.0\.1[:/]/.test(endpoint);
}
