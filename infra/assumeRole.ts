import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/**
 * The trust policy of a role that only the AWS service `principal` (e.g. `lambda.amazonaws.com`) may assume.
 *
 * @param account For services that say for whom they act, and whose documentation asks for it: the account in which the service must do so.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html#cross-service-confused-deputy-prevention
 */
export function assumableBy(principal: string, account?: pulumi.Input<string>): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: principal },
        Action: "sts:AssumeRole",
        ...(account !== undefined && { Condition: { StringEquals: { "aws:SourceAccount": account } } }),
      },
    ],
  };
}
