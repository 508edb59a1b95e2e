import { createRemoteJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";

/** An authorizer's `jwtConfiguration`. */
export interface JwtConfiguration {
  /** A token's `iss`, at which OpenID Connect's discovery finds its keys. */
  readonly issuer: string;
  /** One of these must be a token's `aud`, or its `client_id` where it has no `aud`. */
  readonly audiences: readonly string[];
}

/** A token's claims, as an event has them: each as a string. */
export type Claims = Record<string, string>;

const discoverySchema = z.looseObject({ jwks_uri: z.url() });

/**
 * What verifies the tokens of an HTTP API's requests: signed with RSA by a key of the issuer, for one of the audiences, and valid now.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 */
export class JwtAuthorizer {
  readonly #configuration: JwtConfiguration;
  #keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;

  constructor(configuration: JwtConfiguration) {
    this.#configuration = configuration;
  }

  /**
   * The claims of a valid token; undefined where there is none.
   * @param authorization The header's value: the token, or `Bearer` and the token.
   */
  async claimsOf(authorization: string | undefined): Promise<Claims | undefined> {
    const token = (authorization ?? "").replace(/^Bearer /i, "");
    try {
      const { kid } = decodeProtectedHeader(token);
      const { payload } = await jwtVerify(token, await this.#keySet(), {
        issuer: this.#configuration.issuer,
        algorithms: ["RS256", "RS384", "RS512"],
        requiredClaims: ["exp"],
      });
      const isIssued = payload.iat === undefined || payload.iat <= Date.now() / 1000;
      return kid !== undefined && isIssued && this.#isMeant(payload) ? asStrings(payload) : undefined;
    } catch {
      return undefined;
    }
  }

  #isMeant({ aud, client_id: client }: JWTPayload): boolean {
    return [aud ?? client].flat().some((each) => this.#configuration.audiences.includes(String(each)));
  }

  /** The issuer's keys, which are found once; after a failure they are looked for anew. */
  async #keySet(): Promise<ReturnType<typeof createRemoteJWKSet>> {
    this.#keys ??= discover(this.#configuration.issuer);
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined;
      throw error;
    }
  }
}

/** @see https://openid.net/specs/openid-connect-discovery-1_0.html */
async function discover(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(1500),
  });
  return createRemoteJWKSet(new URL(discoverySchema.parse(await response.json()).jwks_uri), { timeoutDuration: 1500 });
}

function asStrings(payload: JWTPayload): Claims {
  const text = (value: unknown): string =>
    Array.isArray(value) ? `[${value.join(" ")}]` : typeof value === "object" ? JSON.stringify(value) : String(value);
  return Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, text(value)]));
}
