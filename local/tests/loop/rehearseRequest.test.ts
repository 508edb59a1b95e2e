import { expect } from "chai";
import { routeRequest } from "../../rehearsal/routeRequest.ts";
import { strategyOf, timeScaleFor } from "../../rehearsal/strategy.ts";

describe("what the rehearsal asks for", () => {
  const parts = (routeKey: string, event: unknown): unknown => {
    const request = routeRequest(routeKey, event);
    return typeof request === "string" ? request : `${request.method} ${request.path}`;
  };

  for (const [routeKey, event, expected] of [
    ["GET /orders", {}, "GET /orders"],
    ["GET /orders", { Records: [{ body: "a queue's" }] }, "GET /orders"],
    ["GET /orders", null, "GET /orders"],
    ["GET /orders", { rawQueryString: "a=b%20c", queryStringParameters: { a: "b c" } }, "GET /orders?a=b%20c"],
    ["GET /orders", { rawQueryString: "", queryStringParameters: { a: "b c", d: "e" } }, "GET /orders?a=b+c&d=e"],
    ["GET /orders/{id}", { pathParameters: { id: "a/b" }, rawPath: "/other" }, "GET /orders/a%2Fb"],
    ["GET /orders/{id}", { rawPath: "/orders/7", pathParameters: null }, "GET /orders/7"],
    ["GET /orders/{id}", {}, "GET /orders/{id} has parameters that its smoke test's event has not"],
    ["ANY /files/{path+}", { pathParameters: { path: "a/b.txt" } }, "GET /files/a/b.txt"],
    ["ANY /files", { requestContext: { http: { method: "PUT" } } }, "PUT /files"],
    ["$default", { rawPath: "/any", requestContext: { http: { method: "DELETE" } } }, "DELETE /any"],
    ["$default", {}, "GET /"],
  ] as const) {
    it(`is ${expected} for ${routeKey} and ${JSON.stringify(event)}`, () => {
      expect(parts(routeKey, event)).to.equal(expected);
    });
  }

  it("has the event's headers but those of a connection, its cookies, its body and its claims", () => {
    const event = {
      headers: { "Content-Type": "application/json", Host: "api.example.com", "content-length": "7" },
      cookies: ["a=b", "c=d"],
      body: Buffer.from("{}").toString("base64"),
      isBase64Encoded: true,
      requestContext: { authorizer: { jwt: { claims: { sub: "me" } } } },
    };
    expect(routeRequest("POST /orders", event)).to.deep.equal({
      method: "POST",
      path: "/orders",
      headers: { "Content-Type": "application/json", cookie: "a=b; c=d" },
      body: Buffer.from("{}"),
      claims: { sub: "me" },
    });
    expect(routeRequest("GET /orders", event)).to.include({ body: undefined });
  });
});

describe("how fast the rehearsal shifts traffic", () => {
  const canary = (canaryPercentage: number, canaryInterval: number) =>
    strategyOf({ type: "TimeBasedCanary", timeBasedCanary: { canaryPercentage, canaryInterval } });
  const linear = (linearPercentage: number, linearInterval: number) =>
    strategyOf({ type: "TimeBasedLinear", timeBasedLinear: { linearPercentage, linearInterval } });

  for (const [strategy, name, requestsPerSecond, expected] of [
    [strategyOf({ type: "AllAtOnce" }), "allAtOnce", 30, 300],
    [canary(10, 5), "canary10Percent5Minutes", 30, 300],
    [canary(10, 60), "canary10Percent60Minutes", 30, 1200],
    [canary(1, 5), "canary1Percent5Minutes", 30, 30],
    [canary(10, 5), "canary10Percent5Minutes", 1, 10],
    [linear(10, 1), "linear10PercentEvery1Minute", 30, 300],
    [linear(10, 10), "linear10PercentEvery10Minutes", 30, 1800],
    [linear(1, 21), "linear1PercentEvery21Minutes", 30, 3600],
  ] as const) {
    it(`is ${expected} times as fast as on AWS for ${name}, asked ${requestsPerSecond} times a second`, () => {
      expect(strategy.name).to.equal(name);
      expect(timeScaleFor(strategy, requestsPerSecond)).to.equal(expected);
    });
  }
});
