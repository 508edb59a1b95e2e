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
