/** The account and region that everything local pretends to be in. Twelve zeros are no AWS account's number. */
export const account = { id: "000000000000", region: "us-east-1", partition: "aws" } as const;

/** The ARN of a resource of the local account. */
export function arn(service: string, resource: string): string {
  return `arn:${account.partition}:${service}:${account.region}:${account.id}:${resource}`;
}
