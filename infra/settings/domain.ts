import { matching, parsedBy } from "./values.ts";

/** What a stack sets of its API's custom domain: a certificate of the stack's own region, or a zone in which a new one is validated. */
export type DomainSettings = {
  readonly domainName: string;
} & (
  | { readonly certificateArn: string; readonly hostedZoneId: string | undefined }
  | { readonly certificateArn: undefined; readonly hostedZoneId: string }
);

export const domainName = parsedBy(
  (text) =>
    text.length <= 253 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9-]{1,62}[a-z0-9]$/.test(text)
      ? text
      : undefined,
  "it must be the name of a domain in lower case, such as api.example.com",
);

export const hostedZoneId = matching(
  /^[A-Z0-9]{1,32}$/,
  "it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
);

export const certificateArn = matching(
  /^arn:[\w-]+:acm:[a-z0-9-]+:\d{12}:certificate\/[0-9a-f-]{36}$/,
  "it must be the ARN of a certificate: arn:aws:acm:<region>:<account>:certificate/<id>",
);

/** The domain's settings; undefined where there is none. */
export function domainOf(values: {
  readonly domainName?: string | undefined;
  readonly certificateArn?: string | undefined;
  readonly hostedZoneId?: string | undefined;
}): DomainSettings | undefined {
  const { domainName: name, certificateArn: arn, hostedZoneId: zone } = values;
  if (name === undefined) {
    return undefined;
  }
  return arn !== undefined
    ? { domainName: name, certificateArn: arn, hostedZoneId: zone }
    : zone !== undefined
      ? { domainName: name, certificateArn: arn, hostedZoneId: zone }
      : undefined;
}
