import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import { handler } from "../../functions/hello-user/handler.ts";

describe("GET /hello_user", () => {
  it("greets nobody in particular without a user", async () => {
    expect(await get()).to.deep.equal({ statusCode: 200, body: { message: "hello user" } });
  });

  it("greets the user whom the query string names", async () => {
    expect(await get({ user: "CI CD Developer" })).to.deep.equal({
      statusCode: 200,
      body: { message: "Hello CI CD Developer!" },
    });
  });

  for (const user of ["", " ", "\t\n"]) {
    it(`counts the user ${JSON.stringify(user)} as none`, async () => {
      expect(await get({ user })).to.deep.equal({ statusCode: 200, body: { message: "hello user" } });
    });
  }

  it("takes 100 characters, however many bytes each has", async () => {
    const user = "🦊".repeat(100);
    expect(await get({ user })).to.deep.equal({ statusCode: 200, body: { message: `Hello ${user}!` } });
  });

  it("refuses 101 characters and says what is allowed", async () => {
    expect(await get({ user: "a".repeat(101) })).to.deep.equal({
      statusCode: 400,
      body: { message: "user has 101 characters; at most 100 are allowed" },
    });
  });

  it("ignores other parameters", async () => {
    expect(await get({ name: "CI CD Developer" })).to.deep.equal({ statusCode: 200, body: { message: "hello user" } });
  });

  it("answers in JSON", async () => {
    const { headers } = await handler(event());
    expect(headers).to.deep.equal({ "content-type": "application/json" });
  });
});

async function get(queryStringParameters?: Record<string, string>) {
  const { statusCode, body } = await handler(event(queryStringParameters));
  return { statusCode, body: JSON.parse(body ?? "") };
}

/** An event as an HTTP API sends it: without a query string there is no `queryStringParameters`. */
function event(queryStringParameters?: Record<string, string>): APIGatewayProxyEventV2 {
  return {
    version: "2.0",
    routeKey: "GET /hello_user",
    rawPath: "/hello_user",
    rawQueryString: new URLSearchParams(queryStringParameters).toString(),
    headers: {},
    ...(queryStringParameters && { queryStringParameters }),
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName: "api.execute-api.eu-west-1.amazonaws.com",
      domainPrefix: "api",
      http: { method: "GET", path: "/hello_user", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "mocha" },
      requestId: "request",
      routeKey: "GET /hello_user",
      stage: "$default",
      time: "23/Nov/2026:00:00:00 +0000",
      timeEpoch: 1795392000000,
    },
    isBase64Encoded: false,
  };
}
