import { readFile } from "node:fs/promises";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { dev, only } from "../../../infra/tests/mocks.ts";
import { loadProgram } from "../../../infra/tests/sampleProgram.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
import { answering, HttpApiScene } from "./httpApiScene.ts";

describe("local HTTP API", () => {
  const scene = new HttpApiScene();

  it("counts requests, those that failed by whose fault it is, and how long they took", async () => {
    await scene.deploy(answering("{ statusCode: Number(event.queryStringParameters.status) }"));
    for (const status of [200, 404, 429, 500]) {
      await fetch(`${scene.url}?status=${status}`);
    }
    await fetch(`${scene.api.url}/nowhere`);
    const end = new Date(Date.now() + 60_000);
    const cloudwatch = new CloudWatch(clientOptions(scene.cloud));
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
              { Name: "ApiId", Value: scene.api.id },
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
    await scene.deploy(answering("event"));
    const event: APIGatewayProxyEventV2 = JSON.parse(
      await (
        await fetch(`${scene.url}?a=1&b=x%20y&a=2`, {
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
    await scene.deploy(answering("({ body: event.body, isBase64Encoded: event.isBase64Encoded })"));
    const post = async (type: string, body: string | Uint8Array<ArrayBuffer>) =>
      (await fetch(scene.url, { method: "POST", headers: { "content-type": type }, body })).json();
    expect(await post("application/json", '{"é":1}')).to.deep.equal({ body: '{"é":1}', isBase64Encoded: false });
    expect(await post("image/png", new Uint8Array([0, 255]))).to.deep.equal({ body: "AP8=", isBase64Encoded: true });
  });

  it("answers 413 to more than 10 MB", async () => {
    await scene.deploy(answering("1"));
    const response = await fetch(scene.url, { method: "POST", body: "x".repeat(10 * 1024 * 1024 + 1) });
    expect(response.status).to.equal(413);
  });

  for (const [what, code] of [
    ["a function that throws", "export const handler = async () => { throw new Error('secret detail'); };"],
    ["a status code that is none", answering('({ statusCode: "many" })')],
    ["a header value that is none", answering('({ statusCode: 200, headers: { a: "b\\nc" } })')],
  ] as const) {
    it(`answers 500 without details to ${what}, and logs them`, async () => {
      await scene.deploy(code);
      const response = await fetch(scene.url);
      expect([response.status, await response.json()]).to.deep.equal([500, { message: "Internal Server Error" }]);
      const { status, error } = await scene.logged();
      expect(status).to.equal("500");
      expect(error).to.have.length.greaterThan(10);
    });
  }

  it("puts an error's message into the access log as it is, and the program's own format is JSON all the same", async () => {
    const message = 'He said "no"\\';
    await scene.deploy(`export const handler = async () => { throw new Error(${JSON.stringify(message)}); };`);
    await fetch(scene.url);
    expect((await scene.logged()).error).to.contain(JSON.stringify(message));
    const { registrations } = await loadProgram(dev);
    const { accessLogSettings } = only(registrations, "apigatewayv2.Stage http-stage").inputs;
    scene.api.putStage("$default", "/access", (accessLogSettings as { format: string }).format);
    const files = [scene.url, `${scene.api.url}/nowhere`];
    for (const file of files) {
      await fetch(file);
    }
    const lines = (await readFile(scene.cloud.logs.fileOf("/access", "$default"), "utf8")).trim().split("\n");
    expect(lines.slice(-2).map((line) => JSON.parse(line).status)).to.deep.equal(["500", "404"]);
  });

  it("answers 500 when the function's policy does not let it call the alias", async () => {
    await scene.deploy(answering("1"), false);
    expect((await fetch(scene.url)).status).to.equal(500);
  });

  it("goes on answering from the live version while another version is published", async () => {
    await scene.deploy(answering('"one"'));
    expect(await (await fetch(scene.url)).text()).to.equal("one");
    scene.cloud.lambda.updateFunction({ ...functionSettings("fn"), Timeout: 5 });
    scene.cloud.lambda.updateFunctionCode("fn", zipSync({ "handler.mjs": strToU8(answering('"two"')) }));
    expect(await (await fetch(scene.url)).text()).to.equal("one");
    scene.cloud.lambda.putAlias("fn", "live", "2");
    expect(await (await fetch(scene.url)).text()).to.equal("one");
  });

  it("listens on 127.0.0.1 and on no other address of this machine", async () => {
    await scene.deploy(answering("1"));
    for (const address of [scene.url, scene.cloud.awsUrl]) {
      const other = await fetch(address.replace("127.0.0.1", "127.0.0.2")).then(
        () => "answered",
        () => "refused",
      );
      expect(other).to.equal("refused");
    }
  });

  it("gives a second API a port of its own, and the port of a deleted one to the next", async () => {
    const [first, second] = [await scene.cloud.apiGateway.createApi(), await scene.cloud.apiGateway.createApi()];
    expect(first.url).to.not.equal(second.url);
    scene.cloud.apiGateway.deleteApi(first.id);
    expect((await fetch(first.url)).status).to.equal(404);
    expect((await scene.cloud.apiGateway.createApi()).url).to.equal(first.url);
  });
});
