import { expect } from "chai";
import { HttpApi, type RouteOptions } from "../httpApi.ts";
import { declareStack } from "./components.ts";
import { dev, evaluate, only, type Registration, type Stack } from "./mocks.ts";
import { inputsOf, loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

const withTokens = withSettings({ jwtIssuer: "https://login.example.com/tenant", jwtAudience: '["my-api","other"]' });

describe("the API", () => {
  it("is an HTTP API of the stack's name", async () => {
    expect(await inputsOf("apigatewayv2.Api http-api")).to.deep.equal({
      name: "push-to-live-dev",
      protocolType: "HTTP",
      description: "Routes to the live alias of each function",
    });
  });

  it("has one stage, at the root of its address, that deploys itself and writes to the access log", async () => {
    const { accessLogSettings, ...others } = await inputsOf("apigatewayv2.Stage http-stage");
    expect(others).to.deep.equal({
      apiId: "http-api-0a1b2c3",
      name: "$default",
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 200 },
    });
    expect(accessLogSettings)
      .to.be.an("object")
      .with.property(
        "destinationArn",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/push-to-live-dev",
      );
    expect(accessLogSettings).to.have.all.keys("destinationArn", "format");
  });

  it("logs each request as one line of JSON with these fields", async () => {
    const { accessLogSettings } = await inputsOf("apigatewayv2.Stage http-stage");
    expect(accessLogSettings).to.have.property(
      "format",
      JSON.stringify({
        requestId: "$context.requestId",
        requestTime: "$context.requestTime",
        sourceIp: "$context.identity.sourceIp",
        routeKey: "$context.routeKey",
        status: "$context.status",
        responseLatency: "$context.responseLatency",
        integrationStatus: "$context.integration.status",
        integrationLatency: "$context.integrationLatency",
        lambdaStatus: "$context.integration.integrationStatus",
        error: "$context.error.responseType",
      }),
    );
  });

  it("routes GET /hello_user to the function's integration", async () => {
    expect(await inputsOf("apigatewayv2.Route http-GET /hello_user")).to.deep.equal({
      apiId: "http-api-0a1b2c3",
      routeKey: "GET /hello_user",
      target: "integrations/http-hello-user-integration-0a1b2c3",
    });
  });

  it("integrates the alias live as a proxy with payload 2.0", async () => {
    expect(await inputsOf("apigatewayv2.Integration http-hello-user-integration")).to.deep.equal({
      apiId: "http-api-0a1b2c3",
      integrationType: "AWS_PROXY",
      integrationUri:
        "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user:live/invocations",
      payloadFormatVersion: "2.0",
    });
  });

  it("may invoke the alias live from its own routes, and no other API may", async () => {
    expect(await inputsOf("lambda.Permission http-hello-user-permission")).to.deep.equal({
      action: "lambda:InvokeFunction",
      principal: "apigateway.amazonaws.com",
      function: "push-to-live-dev_hello-user",
      qualifier: "live",
      sourceArn: "arn:aws:execute-api:eu-west-1:123456789012:http-api-0a1b2c3/*/*",
    });
  });
  it("lets pages of the origins that the settings name call the API", async () => {
    const { registrations } = await loadProgram(withSettings({ corsOrigins: '["https://www.example.com"]' }));
    expect(only(registrations, "apigatewayv2.Api http-api").inputs.corsConfiguration).to.deep.equal({
      allowOrigins: ["https://www.example.com"],
      allowMethods: ["*"],
      allowHeaders: ["authorization", "content-type"],
      maxAge: 3600,
    });
  });

  it("limits requests as the settings say", async () => {
    const { registrations } = await loadProgram(withSettings({ throttlingRateLimit: "7", throttlingBurstLimit: "9" }));
    expect(only(registrations, "apigatewayv2.Stage http-stage").inputs.defaultRouteSettings).to.deep.equal({
      throttlingRateLimit: 7,
      throttlingBurstLimit: 9,
    });
  });
});

describe("a JWT authorizer", () => {
  it("is none by default, and the route asks for no token", async () => {
    const { registrations } = await loadProgram(dev);
    expect(registrations.filter(({ type }) => type.endsWith(":Authorizer"))).to.deep.equal([]);
    expect(only(registrations, "apigatewayv2.Route http-GET /hello_user").inputs).to.have.all.keys(
      "apiId",
      "routeKey",
      "target",
    );
  });

  it("verifies the tokens of the settings' issuer and audience for the route", async () => {
    const { registrations } = await loadProgram(withTokens);
    expect(only(registrations, "apigatewayv2.Authorizer http-authorizer").inputs).to.deep.equal({
      apiId: "http-api-0a1b2c3",
      name: "jwt",
      authorizerType: "JWT",
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: { issuer: "https://login.example.com/tenant", audiences: ["my-api", "other"] },
    });
    expect(only(registrations, "apigatewayv2.Route http-GET /hello_user").inputs).to.include({
      authorizationType: "JWT",
      authorizerId: "http-authorizer-0a1b2c3",
    });
  });
});

describe("the routes of an API", () => {
  it("share the permission and the integration of their function", async () => {
    const registrations = await declaredFor(dev, [
      ["GET /users", "users"],
      ["POST /users", "users"],
      ["GET /orders", "orders"],
    ]);
    const names = registrations.map(({ key }) => key).filter((key) => /Route|Integration|Permission/.test(key));
    expect(names).to.have.members([
      "lambda.Permission other-users-permission",
      "apigatewayv2.Integration other-users-integration",
      "apigatewayv2.Route other-GET /users",
      "apigatewayv2.Route other-POST /users",
      "lambda.Permission other-orders-permission",
      "apigatewayv2.Integration other-orders-integration",
      "apigatewayv2.Route other-GET /orders",
    ]);
    for (const [routeKey, folder] of [
      ["GET /users", "users"],
      ["POST /users", "users"],
      ["GET /orders", "orders"],
    ]) {
      const route = only(registrations, `apigatewayv2.Route other-${routeKey}`);
      expect(route.inputs).to.deep.equal({
        apiId: "other-api-0a1b2c3",
        routeKey,
        target: `integrations/other-${folder}-integration-0a1b2c3`,
      });
      expect(route.dependencies).to.include(`lambda.Permission other-${folder}-permission`);
    }
  });

  it("leave every other resource as it is when one is added, or a function with one", async () => {
    const before = await declaredFor(dev, [["GET /users", "users"]]);
    const after = await declaredFor(dev, [
      ["DELETE /users", "users"],
      ["GET /orders", "orders"],
      ["GET /users", "users"],
    ]);
    expect(after.filter(({ key }) => before.some((one) => one.key === key))).to.have.deep.members(before);
    expect(after).to.have.lengthOf(before.length + 4);
  });

  for (const [options, expected] of [
    [{}, { authorizationType: "JWT", authorizerId: "other-authorizer-0a1b2c3" }],
    [{ public: false }, { authorizationType: "JWT", authorizerId: "other-authorizer-0a1b2c3" }],
    [{ public: true }, { authorizationType: undefined, authorizerId: undefined }],
  ] as const) {
    it(`ask for a token where the API does, with the options ${JSON.stringify(options)}`, async () => {
      const registrations = await declaredFor(withTokens, [["GET /fn", "fn"]], options);
      const { authorizationType, authorizerId } = only(registrations, "apigatewayv2.Route other-GET /fn").inputs;
      expect({ authorizationType, authorizerId }).to.deep.equal(expected);
    });
  }

  it("need no token of an API that asks for none, public or not", async () => {
    for (const options of [{}, { public: true }]) {
      const registrations = await declaredFor(dev, [["GET /fn", "fn"]], options);
      expect(only(registrations, "apigatewayv2.Route other-GET /fn").inputs).to.have.all.keys(
        "apiId",
        "routeKey",
        "target",
      );
    }
  });
});

/** What an API of the name `other` declares for these routes, each to the function of a folder. */
async function declaredFor(
  stack: Stack,
  routes: readonly (readonly [routeKey: string, folder: string])[],
  options?: RouteOptions,
): Promise<readonly Registration[]> {
  const { registrations } = await evaluate(stack, () => {
    const { settings, functions } = declareStack([...new Set(routes.map(([, folder]) => folder))]);
    const api = new HttpApi("other", settings.api);
    for (const [routeKey, folder] of routes) {
      for (const fn of functions.filter((one) => one.folder === folder)) {
        api.route(routeKey, fn, options);
      }
    }
  });
  return registrations.filter(({ parent }) => parent === "HttpApi other");
}
