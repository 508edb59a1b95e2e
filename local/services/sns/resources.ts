import { enum as oneOf, string } from "zod";
import { type Kind, kind } from "../../aws/resourceKind.ts";
import { type Sns, topicPolicy } from "./sns.ts";

/**
 * Topics, who may publish to them, and their subscriptions.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/sns/
 */
export function snsResources(sns: Sns): Record<string, Kind> {
  return {
    "aws:sns/topic:Topic": kind(
      { name: string().regex(/^[\w-]{1,256}$/) },
      ["name"],
      ({ name }) => {
        const topicArn = sns.putTopic(name);
        return { id: topicArn, arn: topicArn };
      },
      (_, id) => sns.deleteTopic(id),
    ),
    "aws:sns/topicPolicy:TopicPolicy": kind(
      { arn: string(), policy: topicPolicy },
      ["arn"],
      ({ arn: topicArn, policy }) => {
        sns.putPolicy(topicArn, policy);
        return { id: topicArn };
      },
    ),
    "aws:sns/topicSubscription:TopicSubscription": kind(
      { topic: string(), protocol: oneOf(["email", "http", "https"]), endpoint: string() },
      ["topic", "protocol", "endpoint"],
      ({ topic, endpoint }) => ({ id: sns.subscribe(topic, endpoint) }),
      (_, id) => sns.unsubscribe(id),
    ),
  };
}
