import { readFile } from "node:fs/promises";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { LocalCloud } from "../../local/cloud.ts";
import { inferResponse } from "../../local/httpApi.ts";
import { functionSettings } from "../localFunction.ts";
import { temporaryDirectories } from "../temporary.ts";

const settings = functionSettings("fn");

describe("local HTTP API", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
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
    const api = await cloud.apiGateway.createApi();
    if (permission) {
      cloud.lambda.addPermission("fn", "api", "live", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*`);
    }
    api.putStage("$default", "/access", '{"status":"$context.status","error":"$context.integrationErrorMessage"}');
    const integration = api.putIntegration("fn", "live");
    api.putRoute("GET /path", integration);
    api.putRoute("POST /path", integration);
    url = `${api.url}/path`;
  }

  const answering = (result: string): string => `export const handler = async (event) => (${result});`;

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
      const line = JSON.parse((await readFile(cloud.logs.fileOf("/access", "$default"), "utf8")).trim());
      expect(line.status).to.equal("500");
      expect(line.error).to.have.length.greaterThan(10);
    });
  }

  it("answers 500 when the function's policy does not let it call the alias", async () => {
    await deploy(answering("1"), false);
    expect((await fetch(url)).status).to.equal(500);
  });

  it("goes on answering from the live version while another version is published", async () => {
    await deploy(answering('"one"'));
    expect(await (await fetch(url)).text()).to.equal("one");
    cloud.lambda.updateFunction({ ...settings, Timeout: 5 });
    const { service } = cloud.lambda;
    const zip = zipSync({ "handler.mjs": strToU8(answering('"two"')) });
    await service.operations.UpdateFunctionCode?.run({ FunctionName: "fn", ZipFile: zip });
    expect(await (await fetch(url)).text()).to.equal("one");
    cloud.lambda.putAlias("fn", "live", "2");
    expect(await (await fetch(url)).text()).to.equal("one");
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
