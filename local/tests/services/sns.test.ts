import { once } from "node:events";
import { expect } from "chai";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen, readBody } from "../../aws/httpServer.ts";
import { LocalCloud } from "../../cloud.ts";
import type { Notification, Publisher } from "../../services/sns/sns.ts";

type Body = Readonly<Record<string, string>>;

const events: Publisher = { service: "events.amazonaws.com" };

describe("local SNS", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let endpoint: Listening;
  let topic: string;
  let status: number;
  let arrived: { headers: NodeJS.Dict<string | string[]>; body: Body }[];
  let arrive: () => void;

  beforeEach(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    topic = cloud.sns.putTopic("alerts");
    cloud.sns.putPolicy(topic, allow(["events.amazonaws.com", "cloudwatch.amazonaws.com"]));
    status = 200;
    arrived = [];
    endpoint = await listen(async (request, response) => {
      arrived.push({ headers: request.headers, body: JSON.parse((await readBody(request, 10_000)).toString()) });
      response.writeHead(status).end();
      arrive();
    });
  });

  afterEach(async () => {
    await cloud.close();
    await endpoint.close();
  });

  /** A policy that lets services publish to the topic, for one account where it is given. */
  function allow(services: string[], account?: string): Parameters<typeof cloud.sns.putPolicy>[1] {
    return {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: services },
          Action: "sns:Publish",
          Resource: topic,
          ...(account && { Condition: { StringEquals: { "aws:SourceAccount": account } } }),
        },
      ],
    };
  }

  /** Subscribes the endpoint, and returns the confirmation that it is asked for. */
  async function subscribe(): Promise<Body> {
    const asked = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    cloud.sns.subscribe(topic, `${endpoint.url}/alerts`);
    await asked;
    arrive = () => {};
    return arrived[0]?.body ?? {};
  }

  /** Publishes to the topic's only subscriber, and returns what became of it. */
  async function publish(message: string, subject?: string): Promise<Notification> {
    const told = once(cloud.sns, "notification");
    cloud.sns.publish(events, topic, message, subject);
    return (await told)[0];
  }

  it("asks an endpoint to confirm, tells it nothing before, and then sends notifications as SNS does", async () => {
    const { SubscribeURL = "", Token } = await subscribe();
    expect(Token).to.match(/^[0-9a-f]{32}$/);
    cloud.sns.publish(events, topic, "too early");
    expect((await fetch(SubscribeURL)).status).to.equal(200);
    expect(await publish("hello", "A subject")).to.deep.equal({
      endpoint: `${endpoint.url}/alerts`,
      subject: "A subject",
      message: "hello",
      outcome: "delivered",
    });
    expect(arrived).to.have.lengthOf(2);
    const { headers, body } = arrived[1] ?? { headers: {}, body: {} };
    expect(body).to.include({ Type: "Notification", TopicArn: topic, Subject: "A subject", Message: "hello" });
    expect(body).to.have.all.keys("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp");
    expect(headers).to.include({
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": body.MessageId,
      "x-amz-sns-topic-arn": topic,
    });
  });

  it("confirms by the token that it sent, once, and by no other", async () => {
    const { SubscribeURL = "" } = await subscribe();
    for (const url of [SubscribeURL.replace(/Token=.*/, "Token=x"), SubscribeURL.replace(/&Token=.*/, "")]) {
      expect((await fetch(url)).status, url).to.equal(400);
    }
    expect((await fetch(SubscribeURL)).status).to.equal(200);
    expect((await fetch(SubscribeURL)).status).to.equal(400);
  });

  it("says when the endpoint did not take a notification", async () => {
    const { SubscribeURL = "" } = await subscribe();
    await fetch(SubscribeURL);
    status = 500;
    expect(await publish("hello")).to.include({ outcome: "failed" });
    await endpoint.close();
    expect(await publish("hello")).to.include({ outcome: "failed" });
  });

  for (const address of ["team@example.com", "https://hooks.example.com/key", "http://127.0.0.1.example.com/"]) {
    it(`sends nothing to ${address}, which is not on this machine, and keeps what it would have sent`, async () => {
      cloud.sns.subscribe(topic, address);
      expect(await publish("hello", "A subject")).to.deep.equal({
        endpoint: address,
        subject: "A subject",
        message: "hello",
        outcome: "not sent",
      });
    });
  }

  it("publishes for no service that the topic's policy does not name", async () => {
    cloud.sns.putPolicy(topic, allow(["cloudwatch.amazonaws.com"]));
    const refused = once(cloud.sns, "refused");
    cloud.sns.publish(events, topic, "hello");
    expect(await refused).to.deep.equal([topic, "events.amazonaws.com"]);
  });

  it("publishes for no service that says no account where the policy's condition names one", async () => {
    cloud.sns.putPolicy(topic, allow(["events.amazonaws.com", "cloudwatch.amazonaws.com"], "123456789012"));
    cloud.sns.subscribe(topic, "team@example.com");
    const refused = once(cloud.sns, "refused");
    cloud.sns.publish(events, topic, "hello");
    expect(await refused).to.deep.equal([topic, "events.amazonaws.com"]);
    const told = once(cloud.sns, "notification");
    cloud.sns.publish({ service: "cloudwatch.amazonaws.com", sourceAccount: "123456789012" }, topic, "hello");
    expect((await told)[0]).to.include({ message: "hello" });
  });

  it("tells no more after the subscription or the topic is deleted", async () => {
    const subscription = cloud.sns.subscribe(topic, "team@example.com");
    const told: Notification[] = [];
    cloud.sns.on("notification", (notification) => told.push(notification));
    cloud.sns.unsubscribe(subscription);
    cloud.sns.publish(events, topic, "hello");
    expect(told).to.deep.equal([]);
    cloud.sns.deleteTopic(topic);
    expect(() => cloud.sns.publish(events, topic, "hello")).to.throw(`SNS has no topic ${topic}`);
  });
});
