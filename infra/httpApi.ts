import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { LiveFunction } from "./liveFunction.ts";
import type { ApiSettings, JwtSettings } from "./settings/api.ts";

/** What a route may have of its own. */
export interface RouteOptions {
  /** Whether the route answers requests without a token, too, where the API asks for one. @default false */
  readonly public?: boolean;
}

/** What all routes of one function share. */
interface Target {
  readonly integration: aws.apigatewayv2.Integration;
  readonly permission: aws.lambda.Permission;
}

/**
 * An HTTP API with one stage that deploys itself and writes an access log, and the routes to functions that it is given.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
 */
export class HttpApi extends pulumi.ComponentResource {
  readonly apiId: pulumi.Output<string>;
  readonly stageName: pulumi.Output<string>;
  /** The address of the stage, without a slash at the end; available once the stage answers. */
  readonly url: pulumi.Output<string>;
  readonly #name: string;
  readonly #api: aws.apigatewayv2.Api;
  /** What verifies tokens; undefined where requests need none. */
  readonly #authorizer: aws.apigatewayv2.Authorizer | undefined;
  readonly #targets = new Map<LiveFunction, Target>();

  constructor(name: string, settings: ApiSettings, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:HttpApi", name, {}, opts);
    const parent = { parent: this };

    const api = new aws.apigatewayv2.Api(
      `${name}-api`,
      {
        name: settings.prefix,
        protocolType: "HTTP",
        description: "Routes to the live alias of each function",
        ...(settings.corsOrigins.length > 0 && { corsConfiguration: cors(settings.corsOrigins) }),
        ...(!settings.defaultEndpoint && { disableExecuteApiEndpoint: true }),
      },
      { ...parent, protect: settings.protect },
    );
    // Under /aws/vendedlogs/ the account's log resource policy, limited to 5,120 characters, does not grow with each API.
    const accessLog = new aws.cloudwatch.LogGroup(
      `${name}-access-log`,
      { name: `/aws/vendedlogs/${settings.prefix}`, retentionInDays: settings.logRetentionDays },
      parent,
    );
    const stage = new aws.apigatewayv2.Stage(
      `${name}-stage`,
      {
        apiId: api.id,
        name: "$default",
        autoDeploy: true,
        defaultRouteSettings: {
          throttlingRateLimit: settings.throttling.rateLimit,
          throttlingBurstLimit: settings.throttling.burstLimit,
        },
        accessLogSettings: { destinationArn: accessLog.arn, format: JSON.stringify(accessLogFormat) },
      },
      parent,
    );

    this.#name = name;
    this.#api = api;
    this.#authorizer = settings.jwt && this.createAuthorizer(name, api, settings.jwt);
    this.apiId = api.id;
    this.stageName = stage.name;
    // The stage's own invokeUrl ends in a slash; the API's endpoint answers once the stage exists.
    this.url = pulumi.all([api.apiEndpoint, stage.id]).apply(([endpoint]) => endpoint);
    this.registerOutputs({ apiId: this.apiId, url: this.url });
  }

  /**
   * Sends the requests of a route to a function's alias `live`. The routes of one function share its permission and its integration.
   *
   * @param routeKey Method and path, e.g. `GET /hello_user`; the route's resource is named for it, so that no other one changes with it.
   * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
   */
  route(routeKey: string, fn: LiveFunction, options: RouteOptions = {}): void {
    const { integration, permission } = this.targetOf(fn);
    new aws.apigatewayv2.Route(
      `${this.#name}-${routeKey}`,
      {
        apiId: this.apiId,
        routeKey,
        target: pulumi.interpolate`integrations/${integration.id}`,
        ...(this.#authorizer && !options.public && { authorizationType: "JWT", authorizerId: this.#authorizer.id }),
      },
      // A route that answers before the API may call the function would answer 500.
      { parent: this, dependsOn: [permission] },
    );
  }

  private targetOf(fn: LiveFunction): Target {
    const known = this.#targets.get(fn);
    if (known) {
      return known;
    }
    const parent = { parent: this };
    const target = {
      permission: new aws.lambda.Permission(
        `${this.#name}-${fn.folder}-permission`,
        {
          action: "lambda:InvokeFunction",
          principal: "apigateway.amazonaws.com",
          function: fn.functionName,
          qualifier: fn.alias.name,
          sourceArn: pulumi.interpolate`${this.#api.executionArn}/*/*`,
        },
        parent,
      ),
      integration: new aws.apigatewayv2.Integration(
        `${this.#name}-${fn.folder}-integration`,
        {
          apiId: this.apiId,
          integrationType: "AWS_PROXY",
          integrationUri: fn.alias.invokeArn,
          payloadFormatVersion: "2.0",
        },
        parent,
      ),
    };
    this.#targets.set(fn, target);
    return target;
  }

  /** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html */
  private createAuthorizer(
    name: string,
    api: aws.apigatewayv2.Api,
    { issuer, audience }: JwtSettings,
  ): aws.apigatewayv2.Authorizer {
    return new aws.apigatewayv2.Authorizer(
      `${name}-authorizer`,
      {
        apiId: api.id,
        name: "jwt",
        authorizerType: "JWT",
        identitySources: ["$request.header.Authorization"],
        jwtConfiguration: { issuer, audiences: [...audience] },
      },
      { parent: this },
    );
  }
}

/** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html */
function cors(origins: readonly string[]): aws.types.input.apigatewayv2.ApiCorsConfiguration {
  return {
    allowOrigins: [...origins],
    // A method needs a route all the same.
    allowMethods: ["*"],
    allowHeaders: ["authorization", "content-type"],
    maxAge: 3600,
  };
}

/**
 * Each value as a JSON string. API Gateway puts values in as they are, so that none may be free text such as an error's message, whose
 * quotes would end the string.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
 */
const accessLogFormat = {
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
};
