import { array, literal, never, number, strictObject, string, tuple } from "zod";
import { account, arn } from "../../aws/account.ts";
import { computed, type Kind, kind, randomHex } from "../../aws/resourceKind.ts";
import type { ApiGateway } from "./apiGateway.ts";

/**
 * HTTP APIs and what they are made of. A domain name is taken as it is, without effect: the local cloud answers at addresses of this machine only.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/apigatewayv2/
 */
export function apiGatewayResources(apiGateway: ApiGateway): Record<string, Kind> {
  return {
    "aws:apigatewayv2/api:Api": kind(
      {
        name: string().max(128),
        description: string().max(1024),
        protocolType: literal("HTTP"),
        corsConfiguration: strictObject({
          allowOrigins: array(string()),
          allowMethods: array(string()),
          allowHeaders: array(string()),
          maxAge: number(),
        }).optional(),
        disableExecuteApiEndpoint: literal(true).optional(),
      },
      ["protocolType"],
      async ({ corsConfiguration }, _name, existing) => {
        const api = existing ? apiGateway.api(existing) : await apiGateway.createApi();
        api.putCors(corsConfiguration);
        return { id: api.id, apiEndpoint: api.url, executionArn: arn("execute-api", api.id) };
      },
      (_, id) => apiGateway.deleteApi(id),
    ),
    "aws:apigatewayv2/stage:Stage": kind(
      {
        apiId: string(),
        name: literal("$default"),
        autoDeploy: literal(true),
        defaultRouteSettings: strictObject({ throttlingRateLimit: number(), throttlingBurstLimit: number() }),
        accessLogSettings: strictObject({ destinationArn: string(), format: string() }),
      },
      ["apiId", "name"],
      ({ apiId, name, defaultRouteSettings, accessLogSettings: { destinationArn, format } }) => {
        const logGroup = destinationArn.split(":log-group:")[1] ?? "";
        apiGateway.api(apiId).putStage(name, logGroup, format, defaultRouteSettings);
        return { id: name };
      },
      ({ apiId }) => apiGateway.api(apiId).deleteStage(),
    ),
    "aws:apigatewayv2/integration:Integration": kind(
      {
        apiId: string(),
        integrationType: literal("AWS_PROXY"),
        integrationUri: string(),
        payloadFormatVersion: literal("2.0"),
      },
      ["apiId", "integrationType"],
      ({ apiId, integrationUri }, _, id) => {
        const [functionName = "", qualifier = ""] = integrationUri.replace("/invocations", "").split(":").slice(-2);
        return { id: apiGateway.api(apiId).putIntegration(functionName, qualifier, id) };
      },
      ({ apiId }, id) => apiGateway.api(apiId).deleteIntegration(id),
    ),
    "aws:apigatewayv2/authorizer:Authorizer": kind(
      {
        apiId: string(),
        name: string().max(128),
        authorizerType: literal("JWT"),
        identitySources: tuple([literal("$request.header.Authorization")]),
        jwtConfiguration: strictObject({ issuer: string(), audiences: array(string()) }),
      },
      ["apiId"],
      ({ apiId, jwtConfiguration }, _, id) => ({ id: apiGateway.api(apiId).putAuthorizer(jwtConfiguration, id) }),
      ({ apiId }, id) => apiGateway.api(apiId).deleteAuthorizer(id),
    ),
    "aws:apigatewayv2/route:Route": kind(
      {
        apiId: string(),
        routeKey: string().regex(/^(?!ANY )[A-Z]+ \/[\w/-]*$/),
        target: string(),
        authorizationType: literal("JWT").optional(),
        authorizerId: string().optional(),
      },
      ["apiId", "routeKey"],
      ({ apiId, routeKey, target, authorizerId }) => {
        apiGateway.api(apiId).putRoute(routeKey, target.replace("integrations/", ""), authorizerId);
        return { id: `${apiId}/${routeKey}` };
      },
      ({ apiId, routeKey }) => apiGateway.api(apiId).deleteRoute(routeKey),
      ({ apiId, routeKey }) => ({
        id: `${apiId}/${routeKey}`,
        error: `ConflictException: Route with key ${routeKey} already exists for this API`,
      }),
    ),
    "aws:apigatewayv2/domainName:DomainName": kind(
      {
        domainName: string(),
        domainNameConfiguration: strictObject({
          certificateArn: string(),
          endpointType: literal("REGIONAL"),
          securityPolicy: literal("TLS_1_2"),
          targetDomainName: computed(never()),
          hostedZoneId: computed(never()),
        }),
      },
      ["domainName"],
      ({ domainName, domainNameConfiguration }) => ({
        id: domainName,
        domainNameConfiguration: {
          ...domainNameConfiguration,
          targetDomainName: `d-local.execute-api.${account.region}.amazonaws.com`,
          hostedZoneId: "ZLOCAL",
        },
      }),
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": kind(
      { apiId: string(), domainName: string(), stage: string() },
      ["domainName"],
      () => ({ id: randomHex(6) }),
    ),
  };
}
