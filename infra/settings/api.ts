import { isLocalAddress } from "./localAddress.ts";
import { jsonOf, parsedBy } from "./values.ts";

/** What a stack sets of its API. */
export interface ApiSettings {
  /** `<project>-<stack>`, the API's name, and the last part of its access log's. */
  readonly prefix: string;
  /** How long the access log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** The origins whose pages may call the API, `*` for every origin; none when it is empty. */
  readonly corsOrigins: readonly string[];
  /** How many requests each route takes; the rest gets status 429. */
  readonly throttling: Throttling;
  /** Whose tokens requests must carry; undefined where they need none. */
  readonly jwt: JwtSettings | undefined;
  /** Whether the API answers at its own address, beside that of a custom domain. */
  readonly defaultEndpoint: boolean;
  /** Whether Pulumi refuses to delete or replace the API, whose address goes with it. */
  readonly protect: boolean;
}

/** How many requests each route takes. */
export interface Throttling {
  /** Requests per second, in the long run. */
  readonly rateLimit: number;
  /** Requests at once. */
  readonly burstLimit: number;
}

/** Whose tokens the API takes. */
export interface JwtSettings {
  /** Where OpenID Connect's discovery finds the keys that tokens are signed with, and their `iss`. */
  readonly issuer: string;
  /** One of these must be a token's `aud`, or its `client_id` where it has no `aud`. */
  readonly audience: readonly string[];
}

/** Origins, as API Gateway takes them. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html */
export const corsOrigins = parsedBy((text) => {
  const origins = jsonOf(text);
  return isListOf(origins, isOrigin) || isListOf(origins, (origin) => origin === "*", 1) ? origins : undefined;
}, 'it must be a list of origins, such as ["https://www.example.com"] or ["https://*"], or ["*"]');

export const jwtIssuer = parsedBy(
  (text) =>
    (/^https:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(text) && URL.canParse(text)) || isLocalAddress(text) ? text : undefined,
  "it must be the https URL of an OpenID Connect issuer, such as https://login.example.com/tenant",
);

export const jwtAudience = parsedBy((text) => {
  const audience = jsonOf(text);
  return isListOf(audience, (item) => item !== "") && audience.length > 0 ? audience : undefined;
}, 'it must be a list of what a token may be for, such as ["my-api"]');

/** Whose tokens the API takes; undefined where requests need none. */
export function jwtOf(values: {
  readonly jwtIssuer?: string | undefined;
  readonly jwtAudience?: readonly string[] | undefined;
}): JwtSettings | undefined {
  const { jwtIssuer: issuer, jwtAudience: audience } = values;
  return issuer !== undefined && audience !== undefined ? { issuer, audience } : undefined;
}

function isOrigin(text: string): boolean {
  return /^https?:\/\/\*$/.test(text) || (/^https?:\/\/[^*]+$/.test(text) && URL.parse(text)?.origin === text);
}

function isListOf(
  value: unknown,
  isItem: (text: string) => boolean,
  most = Number.POSITIVE_INFINITY,
): value is string[] {
  return (
    Array.isArray(value) && value.length <= most && value.every((item) => typeof item === "string" && isItem(item))
  );
}
