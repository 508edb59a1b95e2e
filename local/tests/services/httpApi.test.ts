import { readFile } from "node:fs/promises";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { dev, only } from "../../../infra/tests/mocks.ts";
import { loadProgram } from "../../../infra/tests/sampleProgram.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import type { Cors } from "../../services/apigatewayv2/cors.ts";
import type { HttpApi } from "../../services/apigatewayv2/httpApi.ts";
import { inferResponse } from "../../services/apigatewayv2/httpReply.ts";
import { type Throttling, tokenBuckets } from "../../services/apigatewayv2/throttling.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";

const settings = functionSettings("fn");
// Not JSON: API Gateway puts an error's message in as it is.
const accessLogFormat = ["routeKey", "status", "integration.status", "integrationErrorMessage"]
  .map((name) => `$context.${name}`)
  .join("|");

describe("local HTTP API", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let api: HttpApi;
  let url: string;

  beforeEach(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    cloud.logs.createLogGroup("/access");
  });

  afterEach(() => cloud.close());

  /** An API whose route `ANY /path` of several methods calls the function with this code. */
  async function deploy(code: string, permission = true): Promise<void> {
    const version = cloud.lambda.createFunction(settings, zipSync({ "handler.mjs": strToU8(code) }));
    cloud.lambda.putAlias("fn", "live", version);
    api = await cloud.apiGateway.createApi();
    if (permission) {
      cloud.lambda.addPermission("fn", "api", "live", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*`);
    }
    api.putStage("$default", "/access", accessLogFormat);
    const integration = api.putIntegration("fn", "live");
    for (const method of ["GET", "POST", "OPTIONS"]) {
      api.putRoute(`${method} /path`, integration);
    }
    url = `${api.url}/path`;
  }

  /** The access log's last line. */
  async function logged(): Promise<Record<string, string>> {
    const lines = (await readFile(cloud.logs.fileOf("/access", "$default"), "utf8")).trim().split("\n");
    const [routeKey = "", status = "", integrationStatus = "", ...error] = lines.at(-1)?.split("|") ?? [];
    return { routeKey, status, integrationStatus, error: error.join("|") };
  }

  const answering = (result: string): string => `export const handler = async (event) => (${result});`;

  it("counts requests, those that failed by whose fault it is, and how long they took", async () => {
    await deploy(answering("{ statusCode: Number(event.queryStringParameters.status) }"));
    for (const status of [200, 404, 429, 500]) {
      await fetch(`${url}?status=${status}`);
    }
    await fetch(`${api.url}/nowhere`);
    const end = new Date(Date.now() + 60_000);
    const cloudwatch = new CloudWatch(clientOptions(cloud));
    const { MetricDataResults } = await cloudwatch.getMetricData({
      StartTime: new Date(0),
      EndTime: end,
      MetricDataQueries: ["Count", "4xx", "5xx", "Latency"].map((MetricName, index) => ({
        Id: `q${index}`,
        MetricStat: {
          Metric: {
            Namespace: "AWS/ApiGateway",
            MetricName,
            Dimensions: [
              { Name: "ApiId", Value: api.id },
              { Name: "Stage", Value: "$default" },
            ],
          },
          Period: 60,
          Stat: MetricName === "Latency" ? "SampleCount" : "Sum",
        },
      })),
    });
    cloudwatch.destroy();
    const sums = MetricDataResults?.map(({ Values = [] }) => Values.reduce((sum, value) => sum + value, 0));
    expect(sums).to.deep.equal([5, 3, 1, 5]);
  });

  it("sends the event of payload format 2.0", async () => {
    await deploy(answering("event"));
    const event: APIGatewayProxyEventV2 = JSON.parse(
      await (
        await fetch(`${url}?a=1&b=x%20y&a=2`, {
          headers: { Cookie: "k=v; l=w", "X-Custom": "Yes", "user-agent": "test" },
        })
      ).text(),
    );
    expect(event).to.have.all.keys(
      ...["version", "routeKey", "rawPath", "rawQueryString", "cookies", "headers", "queryStringParameters"],
      ...["requestContext", "isBase64Encoded"],
    );
    expect(event).to.deep.include({
      version: "2.0",
      routeKey: "GET /path",
      rawPath: "/path",
      rawQueryString: "a=1&b=x%20y&a=2",
      cookies: ["k=v", "l=w"],
      queryStringParameters: { a: "1,2", b: "x y" },
      isBase64Encoded: false,
    });
    expect(event.headers).to.include({ "x-custom": "Yes", "user-agent": "test" }).and.not.have.property("cookie");
    expect(event.requestContext).to.deep.include({
      accountId: "000000000000",
      stage: "$default",
      routeKey: "GET /path",
    });
    expect(event.requestContext.http).to.deep.include({ method: "GET", path: "/path", sourceIp: "127.0.0.1" });
    expect(event.requestContext.time).to.match(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(Math.abs(event.requestContext.timeEpoch - Date.now())).to.be.lessThan(10_000);
  });

  it("sends a text body as it is and a binary one in base64", async () => {
    await deploy(answering("({ body: event.body, isBase64Encoded: event.isBase64Encoded })"));
    const post = async (type: string, body: string | Uint8Array<ArrayBuffer>) =>
      (await fetch(url, { method: "POST", headers: { "content-type": type }, body })).json();
    expect(await post("application/json", '{"é":1}')).to.deep.equal({ body: '{"é":1}', isBase64Encoded: false });
    expect(await post("image/png", new Uint8Array([0, 255]))).to.deep.equal({ body: "AP8=", isBase64Encoded: true });
  });

  it("answers 413 to more than 10 MB", async () => {
    await deploy(answering("1"));
    const response = await fetch(url, { method: "POST", body: "x".repeat(10 * 1024 * 1024 + 1) });
    expect(response.status).to.equal(413);
  });

  for (const [what, code] of [
    ["a function that throws", "export const handler = async () => { throw new Error('secret detail'); };"],
    ["a status code that is none", answering('({ statusCode: "many" })')],
    ["a header value that is none", answering('({ statusCode: 200, headers: { a: "b\\nc" } })')],
  ] as const) {
    it(`answers 500 without details to ${what}, and logs them`, async () => {
      await deploy(code);
      const response = await fetch(url);
      expect([response.status, await response.json()]).to.deep.equal([500, { message: "Internal Server Error" }]);
      const { status, error } = await logged();
      expect(status).to.equal("500");
      expect(error).to.have.length.greaterThan(10);
    });
  }

  it("puts an error's message into the access log as it is, and the program's own format is JSON all the same", async () => {
    const message = 'He said "no"\\';
    await deploy(`export const handler = async () => { throw new Error(${JSON.stringify(message)}); };`);
    await fetch(url);
    expect((await logged()).error).to.contain(JSON.stringify(message));
    const { registrations } = await loadProgram(dev);
    const { accessLogSettings } = only(registrations, "apigatewayv2.Stage http-stage").inputs;
    api.putStage("$default", "/access", (accessLogSettings as { format: string }).format);
    const files = [url, `${api.url}/nowhere`];
    for (const file of files) {
      await fetch(file);
    }
    const lines = (await readFile(cloud.logs.fileOf("/access", "$default"), "utf8")).trim().split("\n");
    expect(lines.slice(-2).map((line) => JSON.parse(line).status)).to.deep.equal(["500", "404"]);
  });

  it("answers 500 when the function's policy does not let it call the alias", async () => {
    await deploy(answering("1"), false);
    expect((await fetch(url)).status).to.equal(500);
  });

  it("goes on answering from the live version while another version is published", async () => {
    await deploy(answering('"one"'));
    expect(await (await fetch(url)).text()).to.equal("one");
    cloud.lambda.updateFunction({ ...settings, Timeout: 5 });
    cloud.lambda.updateFunctionCode("fn", zipSync({ "handler.mjs": strToU8(answering('"two"')) }));
    expect(await (await fetch(url)).text()).to.equal("one");
    cloud.lambda.putAlias("fn", "live", "2");
    expect(await (await fetch(url)).text()).to.equal("one");
  });

  describe("with CORS", () => {
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

    beforeEach(() => deploy(permissive));

    /** The answer's status and its headers that have to do with CORS. */
    async function ask(address: string, method: string, headers: Record<string, string>) {
      const response = await fetch(address, { method, headers });
      const isOfCors = ([name]: [string, string]) => name.startsWith("access-control-") || name === "vary";
      return { status: response.status, headers: Object.fromEntries([...response.headers].filter(isOfCors)) };
    }
    const get = (origin?: string) => ask(url, "GET", origin === undefined ? {} : { origin });
    const preflight = (origin: string, address = url) =>
      ask(address, "OPTIONS", { origin, "access-control-request-method": "POST" });

    it("answers a preflight without calling the function of the route OPTIONS", async () => {
      api.putCors(cors);
      expect(await preflight(site)).to.deep.equal({
        status: 204,
        headers: { "access-control-allow-origin": site, vary: "origin", ...preflightHeaders },
      });
      expect(await logged()).to.include({ status: "204", integrationStatus: "-" });
    });

    it("answers a preflight where there is no route", async () => {
      api.putCors(cors);
      const { status, headers } = await preflight(site, `${api.url}/elsewhere`);
      expect(status).to.equal(204);
      expect(headers).to.include({ "access-control-allow-origin": site });
    });

    it("answers a preflight of an origin that is not allowed without CORS headers", async () => {
      api.putCors(cors);
      expect(await preflight("https://evil.example.com")).to.deep.equal({ status: 204, headers: {} });
    });

    for (const [what, headers] of [
      ["Origin", { "access-control-request-method": "POST" }],
      ["Access-Control-Request-Method", { origin: site }],
    ] as const) {
      it(`takes OPTIONS without ${what} to its route, and answers it without CORS headers`, async () => {
        api.putCors(cors);
        expect(await ask(url, "OPTIONS", headers)).to.deep.equal({ status: 200, headers: { vary: "accept" } });
      });
    }

    it("replaces a function's CORS headers by its own, and keeps the others", async () => {
      api.putCors(cors);
      expect(await get(site)).to.deep.equal({
        status: 200,
        headers: { "access-control-allow-origin": site, vary: "accept, origin" },
      });
      expect((await fetch(url, { headers: { origin: site } })).headers.get("x-a")).to.equal("b");
    });

    it("drops a function's CORS headers for an origin that is not allowed, and without one", async () => {
      api.putCors(cors);
      for (const origin of ["https://evil.example.com", `${site}.evil.com`, "https://www.example", undefined]) {
        expect(await get(origin), origin).to.deep.equal({ status: 200, headers: { vary: "accept" } });
      }
    });

    it("lets a page read an error that the API answers itself", async () => {
      api.putCors(cors);
      const headers = { "access-control-allow-origin": site, vary: "origin" };
      expect(await ask(`${url}?fail`, "GET", { origin: site })).to.deep.equal({ status: 500, headers });
      expect(await ask(api.url, "GET", { origin: site })).to.deep.equal({ status: 404, headers });
    });

    it("allows every origin with *, and gives a request without one no CORS headers", async () => {
      api.putCors({ ...cors, allowOrigins: ["*"] });
      const headers = { "access-control-allow-origin": "*" };
      expect(await preflight(site)).to.deep.equal({ status: 204, headers: { ...headers, ...preflightHeaders } });
      expect(await get("null")).to.deep.equal({ status: 200, headers: { ...headers, vary: "accept" } });
      expect(await get()).to.deep.equal({ status: 200, headers: { vary: "accept" } });
    });

    it("allows every origin of a scheme with https://*, and takes no other * for more than itself", async () => {
      const allowed = async (...allowOrigins: string[]) => {
        api.putCors({ ...cors, allowOrigins });
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
        expect(await preflight(site, `${api.url}/elsewhere`)).to.deep.equal({ status: 404, headers: {} });
      };
      await expectAlone();
      api.putCors(cors);
      api.putCors(undefined);
      await expectAlone();
    });
  });

  describe("with throttling", () => {
    let seconds = 0;
    const throttle = (throttling?: Throttling) =>
      api.putStage("$default", "/access", accessLogFormat, throttling, () => seconds);
    /** The statuses of this many requests, one after the other. */
    async function statuses(count: number, method = "GET"): Promise<number[]> {
      const answers: number[] = [];
      for (let index = 0; index < count; index++) {
        answers.push((await fetch(url, { method })).status);
      }
      return answers;
    }

    beforeEach(() => deploy(answering("1")));

    it("answers 429 to what exceeds a burst without calling the function, and logs it", async () => {
      throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 2 });
      expect(await statuses(2)).to.deep.equal([200, 200]);
      const response = await fetch(url);
      expect([response.status, await response.json()]).to.deep.equal([429, { message: "Too Many Requests" }]);
      expect(response.headers.get("content-type")).to.equal("application/json");
      expect(await logged()).to.include({ status: "429", routeKey: "GET /path", integrationStatus: "-" });
    });

    it("takes requests again at the rate, as time passes", async () => {
      throttle({ throttlingRateLimit: 2, throttlingBurstLimit: 3 });
      expect(await statuses(4)).to.deep.equal([200, 200, 200, 429]);
      seconds += 1;
      expect(await statuses(3)).to.deep.equal([200, 200, 429]);
    });

    it("has a clock of its own", async () => {
      api.putStage("$default", "/access", accessLogFormat, { throttlingRateLimit: 1e9, throttlingBurstLimit: 1 });
      expect(await statuses(3)).to.deep.equal([200, 200, 200]);
    });

    it("counts each route for itself", async () => {
      throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 1 });
      expect(await statuses(2)).to.deep.equal([200, 429]);
      expect(await statuses(2, "POST")).to.deep.equal([200, 429]);
    });

    it("does not count preflights, and lets a page read the 429", async () => {
      throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 1 });
      api.putCors({ allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], maxAge: 0 });
      const headers = { origin: "https://www.example.com", "access-control-request-method": "GET" };
      expect((await fetch(url, { method: "OPTIONS", headers })).status).to.equal(204);
      expect((await fetch(url, { method: "OPTIONS", headers })).status).to.equal(204);
      expect(await statuses(1)).to.deep.equal([200]);
      const throttled = await fetch(url, { headers });
      expect([throttled.status, throttled.headers.get("access-control-allow-origin")]).to.deep.equal([429, "*"]);
    });

    it("takes what comes once it is no longer configured", async () => {
      throttle({ throttlingRateLimit: 0, throttlingBurstLimit: 0 });
      expect(await statuses(1)).to.deep.equal([429]);
      throttle();
      expect(await statuses(3)).to.deep.equal([200, 200, 200]);
    });
  });

  it("listens on 127.0.0.1 and on no other address of this machine", async () => {
    await deploy(answering("1"));
    for (const address of [url, cloud.awsUrl]) {
      const other = await fetch(address.replace("127.0.0.1", "127.0.0.2")).then(
        () => "answered",
        () => "refused",
      );
      expect(other).to.equal("refused");
    }
  });

  it("gives a second API a port of its own, and the port of a deleted one to the next", async () => {
    const [first, second] = [await cloud.apiGateway.createApi(), await cloud.apiGateway.createApi()];
    expect(first.url).to.not.equal(second.url);
    cloud.apiGateway.deleteApi(first.id);
    expect((await fetch(first.url)).status).to.equal(404);
    expect((await cloud.apiGateway.createApi()).url).to.equal(first.url);
  });
});

describe("the token buckets of an HTTP API", () => {
  it("take a request if no span up to it holds more than the burst and what the rate adds in its time", () => {
    // Eighths of a second are exact in floating point.
    const wait = fc.oneof(fc.constant(0), fc.nat({ max: 40 })).map((eighths) => eighths / 8);
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.nat({ max: 9 }), fc.array(wait), (rate, burst, waits) => {
        let now = 0;
        const take = tokenBuckets({ throttlingRateLimit: rate, throttlingBurstLimit: burst }, () => now);
        const taken: number[] = [];
        for (const seconds of waits) {
          now += seconds;
          const spans = [...taken, now].map((from, index, all) => ({ requests: all.length - index, time: now - from }));
          const fits = spans.every(({ requests, time }) => requests <= burst + rate * time);
          expect(take("GET /path")).to.equal(fits);
          if (fits) {
            taken.push(now);
          }
        }
      }),
    );
  });
});

describe("the response that an HTTP API makes of a function's result", () => {
  const json = { "content-type": "application/json" };

  it("is 200 with the value as JSON when there is no statusCode", () => {
    expect(inferResponse({ a: 1 })).to.deep.equal({ status: 200, headers: json, body: '{"a":1}' });
    expect(inferResponse("text")).to.deep.equal({ status: 200, headers: json, body: "text" });
    expect(inferResponse(null)).to.deep.equal({ status: 200, headers: json, body: "null" });
  });

  it("is the status, headers, cookies and body that are given", () => {
    const given = { statusCode: 201, headers: { "X-A": 1 }, cookies: ["a=b", "c=d"], body: "text" };
    expect(inferResponse(given)).to.deep.equal({
      status: 201,
      headers: { "x-a": "1", "set-cookie": ["a=b", "c=d"] },
      body: "text",
    });
    expect(inferResponse({ statusCode: "204" })).to.deep.equal({ status: 204, headers: {}, body: "" });
    expect(inferResponse({ statusCode: 200, body: null }).body).to.equal("");
  });

  it("decodes a body in base64", () => {
    expect(inferResponse({ statusCode: 200, body: "AP8=", isBase64Encoded: true }).body).to.deep.equal(
      Buffer.from([0, 255]),
    );
  });

  it("does not pass on a length that may not be the body's", () => {
    expect(
      inferResponse({ statusCode: 200, headers: { "Content-Length": "3" }, body: "longer" }).headers,
    ).to.deep.equal({});
  });
});
