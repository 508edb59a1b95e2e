import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { listen } from "../aws/httpServer.ts";

/** Issues the tokens that protected routes ask for. */
export interface Issuer {
  /** What the setting `jwtIssuer` is in place of the team's own. */
  readonly url: string;
  /**
   * A token that is valid for the time of a rehearsal.
   * @param claims What it claims beside that, such as a user's id.
   */
  token(audience: string, claims: JWTPayload): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts an issuer on this machine: its discovery, its key, and nothing else.
 *
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html
 */
export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const kid = "rehearsal";
  const keys = [{ ...(await exportJWK(publicKey)), kid, use: "sig", alg: "RS256" }];
  const server = await listen(async (request, response) => {
    const content = request.url === "/keys" ? { keys } : { issuer: server.url, jwks_uri: `${server.url}/keys` };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(content));
  });
  return {
    ...server,
    token: (audience, { nbf: _, ...claims }) =>
      new SignJWT({ sub: "rehearsal", ...claims })
        .setProtectedHeader({ alg: "RS256", kid })
        .setIssuer(server.url)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime("6h")
        .sign(privateKey),
  };
}
