import type * as aws from "@pulumi/aws";

/** The trust policy of a role that only the AWS service `principal` (e.g. `lambda.amazonaws.com`) may assume. */
export function assumableBy(principal: string): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: principal }, Action: "sts:AssumeRole" }],
  };
}
