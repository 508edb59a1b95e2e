import * as pulumi from "@pulumi/pulumi";
import type { JwtSettings } from "./api.ts";
import { isLocalAddress } from "./localAddress.ts";

/** The API's custom domain, with a certificate of the stack's own region, or with a zone in which a new one is validated. */
export type DomainSettings = {
  readonly domainName: string;
} & (
  | { readonly certificateArn: string; readonly hostedZoneId: string | undefined }
  | { readonly certificateArn: undefined; readonly hostedZoneId: string }
);

/** The JWT settings; undefined where none is set. */
export function jwtOf(config: pulumi.Config): JwtSettings | undefined {
  const issuer = config.get("jwtIssuer");
  return issuer === undefined ? undefined : { issuer, audience: audienceOf(config) ?? [] };
}

/** The domain's settings; undefined where there is none. */
export function domainOf(config: pulumi.Config): DomainSettings | undefined {
  const domainName = config.get("domainName");
  const hostedZoneId = config.get("hostedZoneId");
  const certificateArn = config.get("certificateArn");
  if (domainName === undefined) {
    return undefined;
  }
  return certificateArn !== undefined
    ? { domainName, certificateArn, hostedZoneId }
    : hostedZoneId !== undefined
      ? { domainName, certificateArn, hostedZoneId }
      : undefined;
}

const rules = {
  jwtIssuer: "it must be the https URL of an OpenID Connect issuer, such as https://login.example.com/tenant",
  jwtAudience: 'it must be a list of what a token may be for, such as ["my-api"]',
  domainName: "it must be the name of a domain in lower case, such as api.example.com",
  hostedZoneId: "it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
  certificateArn: "it must be the ARN of a certificate: arn:aws:acm:<region>:<account>:certificate/<id>",
} as const;

const patterns: Readonly<Record<Exclude<keyof typeof rules, "jwtAudience">, (value: string) => boolean>> = {
  jwtIssuer: (value) =>
    (/^https:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(value) && URL.canParse(value)) || isLocalAddress(value),
  domainName: (value) =>
    value.length <= 253 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9-]{1,62}[a-z0-9]$/.test(value),
  hostedZoneId: (value) => /^[A-Z0-9]{1,32}$/.test(value),
  certificateArn: (value) => /^arn:[\w-]+:acm:[a-z0-9-]+:\d{12}:certificate\/[0-9a-f-]{36}$/.test(value),
};

/** What each of these settings needs beside it: one of the others. */
const needs: readonly [key: keyof typeof rules | "defaultEndpoint", others: readonly (keyof typeof rules)[]][] = [
  ["jwtIssuer", ["jwtAudience"]],
  ["jwtAudience", ["jwtIssuer"]],
  ["domainName", ["hostedZoneId", "certificateArn"]],
  ["hostedZoneId", ["domainName"]],
  ["certificateArn", ["domainName"]],
  ["defaultEndpoint", ["domainName"]],
];

/** Why the settings of the domain and the tokens are not usable, each with its key, value and what is allowed; empty when they are. */
export function accessProblems(config: pulumi.Config): string[] {
  const problem = (key: string, text: string): string =>
    `${config.name}:${key} is ${JSON.stringify(config.get(key))}: ${text}`;
  const isUnusable = (key: keyof typeof patterns): boolean => !patterns[key](config.get(key) ?? "");
  const domainName = config.get("domainName") ?? "";
  const certificateArn = config.get("certificateArn");
  const region = new pulumi.Config("aws").get("region");
  return [
    ...(Object.keys(patterns) as (keyof typeof patterns)[])
      .filter((key) => config.get(key) !== undefined && isUnusable(key))
      .map((key) => problem(key, rules[key])),
    ...(config.get("jwtAudience") !== undefined && !audienceOf(config)
      ? [problem("jwtAudience", rules.jwtAudience)]
      : []),
    ...needs
      .filter(([key]) => config.get(key) !== undefined && !(key === "defaultEndpoint" && config.get(key) !== "false"))
      .filter(([, others]) => others.every((other) => config.get(other) === undefined))
      .map(([key, others]) => problem(key, `set ${others.join(" or ")} as well`)),
    // @see https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
    ...(certificateArn === undefined && domainName.length > 64
      ? [problem("domainName", "ACM takes a name of up to 64 characters: shorten it, or set certificateArn")]
      : []),
    // @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-custom-domain-names.html
    ...(certificateArn !== undefined && region !== undefined && certificateArn.split(":")[3] !== region
      ? [problem("certificateArn", `API Gateway takes a certificate of the stack's region only, ${region}`)]
      : []),
  ];
}

function audienceOf(config: pulumi.Config): string[] | undefined {
  try {
    const list: unknown = JSON.parse(config.get("jwtAudience") ?? "");
    const isAudience = (item: unknown): item is string => typeof item === "string" && item !== "";
    return Array.isArray(list) && list.length > 0 && list.every(isAudience) ? list : undefined;
  } catch {
    return undefined;
  }
}
