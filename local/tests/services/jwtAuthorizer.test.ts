import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen } from "../../aws/httpServer.ts";
import { LocalCloud } from "../../cloud.ts";
import { JwtAuthorizer } from "../../services/apigatewayv2/jwtAuthorizer.ts";
import { functionSettings } from "../localFunction.ts";

describe("local JWT authorizer", () => {
  const temporary = temporaryDirectories();
  let issuer: Listening;
  let requests: string[];
  let isDown: boolean;
  let authorizer: JwtAuthorizer;
  let rsa: GenerateKeyPairResult;
  let ec: GenerateKeyPairResult;

  before(async () => {
    rsa = await generateKeyPair("RS256", { extractable: true });
    ec = await generateKeyPair("ES256", { extractable: true });
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: "one", use: "sig" },
      { ...(await exportJWK(ec.publicKey)), kid: "curve", use: "sig" },
    ];
    issuer = await listen(async ({ url = "" }, response) => {
      requests.push(url);
      const body = url.endsWith("/keys") ? { keys } : { jwks_uri: `${issuer.url}/keys` };
      response.writeHead(isDown ? 500 : 200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });

  after(() => issuer.close());

  beforeEach(() => {
    requests = [];
    isDown = false;
    authorizer = new JwtAuthorizer({ issuer: issuer.url, audiences: ["my-api", "other-api"] });
  });

  const seconds = (fromNow: number): number => Math.floor(Date.now() / 1000) + fromNow;

  /** A valid token's claims, but for the changes; undefined leaves a claim out. */
  function claims(changes: JWTPayload = {}): JWTPayload {
    const all = { iss: issuer.url, aud: "my-api", sub: "me", exp: seconds(60), ...changes };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  function signed(payload: JWTPayload, header: { alg?: string; kid?: string } = { kid: "one" }): Promise<string> {
    return new SignJWT(payload).setProtectedHeader({ alg: "RS256", ...header }).sign(rsa.privateKey);
  }

  it("finds the keys by OpenID discovery, once, and takes a valid token, with Bearer before it or without", async () => {
    const token = await signed(claims());
    expect(await authorizer.claimsOf(`Bearer ${token}`)).to.include({ iss: issuer.url, aud: "my-api", sub: "me" });
    expect(await authorizer.claimsOf(token)).to.include({ sub: "me" });
    expect(requests).to.deep.equal(["/.well-known/openid-configuration", "/keys"]);
  });

  it("gives every claim as a string", async () => {
    const exp = seconds(60);
    const token = await signed(claims({ exp, aud: ["my-api", "x"], admin: true, scope: "read write" }));
    expect(await authorizer.claimsOf(token)).to.deep.equal({
      iss: issuer.url,
      aud: "[my-api x]",
      sub: "me",
      exp: String(exp),
      admin: "true",
      scope: "read write",
    });
  });

  for (const [what, changes] of [
    ["for another of the audiences", { aud: "other-api" }],
    ["for several, one of them an audience", { aud: ["x", "my-api"] }],
    ["without aud, whose client_id is an audience", { aud: undefined, client_id: "my-api" }],
    ["issued and valid from before now", { iat: seconds(-1), nbf: seconds(-1) }],
  ] as [string, JWTPayload][]) {
    it(`takes a token ${what}`, async () => {
      expect(await authorizer.claimsOf(await signed(claims(changes)))).to.include({ sub: "me" });
    });
  }

  for (const [what, changes] of [
    ["of another issuer", { iss: "https://login.example.com" }],
    ["for another audience", { aud: "not-my-api" }],
    ["for another audience, though client_id is one", { aud: "not-my-api", client_id: "my-api" }],
    ["without aud and client_id", { aud: undefined }],
    ["that has expired", { exp: seconds(-1) }],
    ["that does not expire", { exp: undefined }],
    ["that is not valid yet", { nbf: seconds(60) }],
    ["issued in the future", { iat: seconds(60) }],
  ] as [string, JWTPayload][]) {
    it(`refuses a token ${what}`, async () => {
      expect(await authorizer.claimsOf(await signed(claims(changes)))).to.equal(undefined);
    });
  }

  it("refuses what is no token, and none", async () => {
    for (const value of [undefined, "", "Bearer", "Bearer x.y.z", "Basic bWU6c2VjcmV0"]) {
      expect(await authorizer.claimsOf(value), String(value)).to.equal(undefined);
    }
  });

  it("refuses a token without kid, with an unknown one, signed by another key, with a curve, or not at all", async () => {
    const { privateKey } = await generateKeyPair("RS256");
    const payload = claims();
    const forged = await new SignJWT(payload).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(privateKey);
    const curve = await new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "curve" }).sign(ec.privateKey);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const unsigned = `${part({ alg: "none", kid: "one" })}.${part(payload)}.`;
    for (const token of [await signed(payload, {}), await signed(payload, { kid: "two" }), forged, curve, unsigned]) {
      expect(await authorizer.claimsOf(token)).to.equal(undefined);
    }
  });

  it("refuses while the issuer is down, and takes the token when it is back", async () => {
    const token = await signed(claims());
    isDown = true;
    expect(await authorizer.claimsOf(token)).to.equal(undefined);
    isDown = false;
    expect(await authorizer.claimsOf(token)).to.include({ sub: "me" });
  });

  describe("of a route of the HTTP API", () => {
    let cloud: LocalCloud;
    let url: string;

    beforeEach(async () => {
      cloud = await LocalCloud.start(await temporary(), 0);
      const code =
        "let calls = 0; export const handler = async (event) => ({ calls: ++calls, ...event.requestContext });";
      const zip = zipSync({ "handler.mjs": strToU8(code) });
      cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(functionSettings("fn"), zip));
      cloud.logs.createLogGroup("/access");
      const api = await cloud.apiGateway.createApi();
      cloud.lambda.addPermission("fn", "api", "live", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*`);
      api.putStage("$default", "/access", "{}");
      api.putCors({
        allowOrigins: ["https://www.example.com"],
        allowMethods: ["*"],
        allowHeaders: ["authorization"],
        maxAge: 1,
      });
      const integration = api.putIntegration("fn", "live");
      api.putRoute("GET /path", integration, api.putAuthorizer({ issuer: issuer.url, audiences: ["my-api"] }));
      api.putRoute("GET /open", integration);
      ({ url } = api);
    });

    afterEach(() => cloud.close());

    it("answers 401 without a valid token, and does not call the function", async () => {
      for (const authorization of [undefined, `Bearer ${await signed(claims({ aud: "not-my-api" }))}`]) {
        const response = await fetch(`${url}/path`, { headers: authorization ? { authorization } : {} });
        expect(response.status).to.equal(401);
        expect(await response.json()).to.deep.equal({ message: "Unauthorized" });
      }
      expect(await (await fetch(`${url}/open`)).json()).to.include({ calls: 1 });
    });

    it("gives the function the claims of a valid token, and no scopes", async () => {
      const headers = { authorization: `Bearer ${await signed(claims({ exp: 4_102_444_800 }))}` };
      const { authorizer: context } = (await (await fetch(`${url}/path`, { headers })).json()) as {
        authorizer: unknown;
      };
      expect(context).to.deep.equal({
        jwt: { claims: { iss: issuer.url, aud: "my-api", sub: "me", exp: "4102444800" }, scopes: null },
      });
    });

    it("leaves other routes open, whose event has no claims", async () => {
      expect(await (await fetch(`${url}/open`)).json()).to.not.have.property("authorizer");
    });

    it("answers a preflight without a token", async () => {
      const response = await fetch(`${url}/path`, {
        method: "OPTIONS",
        headers: { origin: "https://www.example.com", "access-control-request-method": "GET" },
      });
      expect(response.status).to.equal(204);
      expect(response.headers.get("access-control-allow-headers")).to.equal("authorization");
    });
  });
});
