import * as aws from "@pulumi/aws";
import { expect } from "chai";
import { deploymentConfigs } from "../deploymentConfigs.ts";
import { HttpApi } from "../httpApi.ts";
import { LiveFunction } from "../liveFunction.ts";
import { readSettings } from "../settings/settings.ts";
import { dev, evaluate, only, type Registration, type Stack } from "./mocks.ts";

const withTokens = {
  ...dev,
  config: { ...dev.config, jwtIssuer: "https://login.example.com", jwtAudience: '["my-api"]' },
};

/** What an API declares for these routes, each to the function of a folder. */
async function declaredFor(
  stack: Stack,
  routes: readonly (readonly [routeKey: string, folder: string])[],
  options = {},
): Promise<readonly Registration[]> {
  const folders = [...new Set(routes.map(([, folder]) => folder))];
  const { registrations } = await evaluate(stack, () => {
    const settings = readSettings(folders);
    const application = new aws.codedeploy.Application("releases", { name: "r", computePlatform: "Lambda" });
    const configs = deploymentConfigs(settings.releaseStrategies);
    const functions = new Map(
      folders.map((folder) => [
        folder,
        new LiveFunction(folder, {
          ...settings,
          ...settings.functionSettings(folder),
          application,
          deploymentConfigs: configs,
          zip: "no.zip",
        }),
      ]),
    );
    const api = new HttpApi("http", settings);
    for (const [routeKey, folder] of routes) {
      const fn = functions.get(folder);
      if (fn) {
        api.route(routeKey, fn, options);
      }
    }
  });
  return registrations.filter(({ parent }) => parent === "HttpApi http");
}

describe("the routes of an API", () => {
  it("share the permission and the integration of their function", async () => {
    const registrations = await declaredFor(dev, [
      ["GET /users", "users"],
      ["POST /users", "users"],
      ["GET /orders", "orders"],
    ]);
    const names = registrations.map(({ key }) => key).filter((key) => /Route|Integration|Permission/.test(key));
    expect(names).to.have.members([
      "lambda.Permission http-users-permission",
      "apigatewayv2.Integration http-users-integration",
      "apigatewayv2.Route http-GET /users",
      "apigatewayv2.Route http-POST /users",
      "lambda.Permission http-orders-permission",
      "apigatewayv2.Integration http-orders-integration",
      "apigatewayv2.Route http-GET /orders",
    ]);
    for (const [routeKey, folder] of [
      ["GET /users", "users"],
      ["POST /users", "users"],
      ["GET /orders", "orders"],
    ]) {
      const route = only(registrations, `apigatewayv2.Route http-${routeKey}`);
      expect(route.inputs).to.deep.equal({
        apiId: "http-api-0a1b2c3",
        routeKey,
        target: `integrations/http-${folder}-integration-0a1b2c3`,
      });
      expect(route.dependencies).to.include(`lambda.Permission http-${folder}-permission`);
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
    [{}, { authorizationType: "JWT", authorizerId: "http-authorizer-0a1b2c3" }],
    [{ public: false }, { authorizationType: "JWT", authorizerId: "http-authorizer-0a1b2c3" }],
    [{ public: true }, { authorizationType: undefined, authorizerId: undefined }],
  ] as const) {
    it(`ask for a token where the API does, with the options ${JSON.stringify(options)}`, async () => {
      const registrations = await declaredFor(withTokens, [["GET /fn", "fn"]], options);
      const { authorizationType, authorizerId } = only(registrations, "apigatewayv2.Route http-GET /fn").inputs;
      expect({ authorizationType, authorizerId }).to.deep.equal(expected);
    });
  }

  it("need no token of an API that asks for none, public or not", async () => {
    for (const options of [{}, { public: true }]) {
      const registrations = await declaredFor(dev, [["GET /fn", "fn"]], options);
      expect(only(registrations, "apigatewayv2.Route http-GET /fn").inputs).to.have.all.keys(
        "apiId",
        "routeKey",
        "target",
      );
    }
  });
});
