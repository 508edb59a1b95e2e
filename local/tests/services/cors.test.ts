import { expect } from "chai";
import type { Cors } from "../../services/apigatewayv2/cors.ts";
import { HttpApiScene } from "./httpApiScene.ts";

describe("local HTTP API with CORS", () => {
  const scene = new HttpApiScene();
  const site = "https://www.example.com";
  const cors: Cors = {
    allowOrigins: ["http://localhost:3000", site],
    allowMethods: ["GET", "POST"],
    allowHeaders: ["authorization", "content-type"],
    maxAge: 300,
  };
  const preflightHeaders = {
    "access-control-allow-methods": "GET,POST",
    "access-control-allow-headers": "authorization,content-type",
    "access-control-max-age": "300",
  };
  /** Answers every method with CORS headers of its own, and fails when asked to. */
  const permissive = `export const handler = async ({ rawQueryString }) => {
    if (rawQueryString === "fail") throw new Error("as asked");
    return { statusCode: 200, headers: {
      "Access-Control-Allow-Origin": "*", "access-control-allow-credentials": "true", Vary: "accept", "x-a": "b" } };
  };`;

  beforeEach(() => scene.deploy(permissive));

  /** The answer's status and its headers that have to do with CORS. */
  async function ask(address: string, method: string, headers: Record<string, string>) {
    const response = await fetch(address, { method, headers });
    const isOfCors = ([name]: [string, string]) => name.startsWith("access-control-") || name === "vary";
    return { status: response.status, headers: Object.fromEntries([...response.headers].filter(isOfCors)) };
  }
  const get = (origin?: string) => ask(scene.url, "GET", origin === undefined ? {} : { origin });
  const preflight = (origin: string, address = scene.url) =>
    ask(address, "OPTIONS", { origin, "access-control-request-method": "POST" });

  it("answers a preflight without calling the function of the route OPTIONS", async () => {
    scene.api.putCors(cors);
    expect(await preflight(site)).to.deep.equal({
      status: 204,
      headers: { "access-control-allow-origin": site, vary: "origin", ...preflightHeaders },
    });
    expect(await scene.logged()).to.include({ status: "204", integrationStatus: "-" });
  });

  it("answers a preflight where there is no route", async () => {
    scene.api.putCors(cors);
    const { status, headers } = await preflight(site, `${scene.api.url}/elsewhere`);
    expect(status).to.equal(204);
    expect(headers).to.include({ "access-control-allow-origin": site });
  });

  it("answers a preflight of an origin that is not allowed without CORS headers", async () => {
    scene.api.putCors(cors);
    expect(await preflight("https://evil.example.com")).to.deep.equal({ status: 204, headers: {} });
  });

  for (const [what, headers] of [
    ["Origin", { "access-control-request-method": "POST" }],
    ["Access-Control-Request-Method", { origin: site }],
  ] as const) {
    it(`takes OPTIONS without ${what} to its route, and answers it without CORS headers`, async () => {
      scene.api.putCors(cors);
      expect(await ask(scene.url, "OPTIONS", headers)).to.deep.equal({ status: 200, headers: { vary: "accept" } });
    });
  }

  it("replaces a function's CORS headers by its own, and keeps the others", async () => {
    scene.api.putCors(cors);
    expect(await get(site)).to.deep.equal({
      status: 200,
      headers: { "access-control-allow-origin": site, vary: "accept, origin" },
    });
    expect((await fetch(scene.url, { headers: { origin: site } })).headers.get("x-a")).to.equal("b");
  });

  it("drops a function's CORS headers for an origin that is not allowed, and without one", async () => {
    scene.api.putCors(cors);
    for (const origin of ["https://evil.example.com", `${site}.evil.com`, "https://www.example", undefined]) {
      expect(await get(origin), origin).to.deep.equal({ status: 200, headers: { vary: "accept" } });
    }
  });

  it("lets a page read an error that the API answers itself", async () => {
    scene.api.putCors(cors);
    const headers = { "access-control-allow-origin": site, vary: "origin" };
    expect(await ask(`${scene.url}?fail`, "GET", { origin: site })).to.deep.equal({ status: 500, headers });
    expect(await ask(scene.api.url, "GET", { origin: site })).to.deep.equal({ status: 404, headers });
  });

  it("allows every origin with *, and gives a request without one no CORS headers", async () => {
    scene.api.putCors({ ...cors, allowOrigins: ["*"] });
    const headers = { "access-control-allow-origin": "*" };
    expect(await preflight(site)).to.deep.equal({ status: 204, headers: { ...headers, ...preflightHeaders } });
    expect(await get("null")).to.deep.equal({ status: 200, headers: { ...headers, vary: "accept" } });
    expect(await get()).to.deep.equal({ status: 200, headers: { vary: "accept" } });
  });

  it("allows every origin of a scheme with https://*, and takes no other * for more than itself", async () => {
    const allowed = async (...allowOrigins: string[]) => {
      scene.api.putCors({ ...cors, allowOrigins });
      return (await get(site)).headers["access-control-allow-origin"];
    };
    expect(await allowed("https://*")).to.equal(site);
    expect(await allowed("http://*")).to.equal(undefined);
    expect(await allowed("https://www.*", "https://*.example.com")).to.equal(undefined);
  });

  it("leaves preflights and a function's CORS headers alone unless it is configured", async () => {
    const headers = {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      vary: "accept",
    };
    const expectAlone = async () => {
      expect(await get(site)).to.deep.equal({ status: 200, headers });
      expect(await preflight(site)).to.deep.equal({ status: 200, headers });
      expect(await preflight(site, `${scene.api.url}/elsewhere`)).to.deep.equal({ status: 404, headers: {} });
    };
    await expectAlone();
    scene.api.putCors(cors);
    scene.api.putCors(undefined);
    await expectAlone();
  });
});
