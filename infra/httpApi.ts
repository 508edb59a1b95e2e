import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { JwtSettings } from "./settings/access.ts";
import type { Throttling } from "./settings/settings.ts";

/** What an `HttpApi` is made from. */
export interface HttpApiArgs {
  /** `<project>-<stack>`, the beginning of the API's name and of its access log's. */
  readonly prefix: string;
  /** How long the access log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** The origins whose pages may call the API, `*` for every origin; none when it is empty. */
  readonly corsOrigins: readonly string[];
  /** How many requests each route takes; the rest gets status 429. */
  readonly throttling: Throttling;
  /** Whose tokens requests must carry; without it, requests need none. */
  readonly jwt?: JwtSettings | undefined;
  /** Whether the API answers at its own address, beside that of a custom domain. @default true */
  readonly defaultEndpoint?: boolean;
  /** Whether Pulumi refuses to delete or replace the API, whose address goes with it. */
  readonly protect: boolean;
}

/**
 * An HTTP API with one stage that deploys itself and writes an access log.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html
 */
export class HttpApi extends pulumi.ComponentResource {
  readonly apiId: pulumi.Output<string>;
  readonly stageName: pulumi.Output<string>;
  /** What verifies tokens; undefined where requests need none. */
  readonly authorizerId: pulumi.Output<string> | undefined;
  /** What a Lambda permission's `sourceArn` begins with. */
  readonly executionArn: pulumi.Output<string>;
  /** The address of the stage, without a slash at the end; available once the stage answers. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: HttpApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("push-to-live:index:HttpApi", name, {}, opts);
    const parent = { parent: this };

    const api = new aws.apigatewayv2.Api(
      `${name}-api`,
      {
        name: args.prefix,
        protocolType: "HTTP",
        description: "Routes to the live alias of each function",
        ...(args.corsOrigins.length > 0 && { corsConfiguration: cors(args.corsOrigins) }),
        ...(args.defaultEndpoint === false && { disableExecuteApiEndpoint: true }),
      },
      { ...parent, protect: args.protect },
    );
    // Under /aws/vendedlogs/ the account's log resource policy, limited to 5,120 characters, does not grow with each API.
    const accessLog = new aws.cloudwatch.LogGroup(
      `${name}-access-log`,
      { name: `/aws/vendedlogs/${args.prefix}`, retentionInDays: args.logRetentionDays },
      parent,
    );
    const stage = new aws.apigatewayv2.Stage(
      `${name}-stage`,
      {
        apiId: api.id,
        name: "$default",
        autoDeploy: true,
        defaultRouteSettings: {
          throttlingRateLimit: args.throttling.rateLimit,
          throttlingBurstLimit: args.throttling.burstLimit,
        },
        accessLogSettings: { destinationArn: accessLog.arn, format: JSON.stringify(accessLogFormat) },
      },
      parent,
    );

    this.apiId = api.id;
    this.stageName = stage.name;
    this.authorizerId = args.jwt && this.createAuthorizer(name, api, args.jwt).id;
    this.executionArn = api.executionArn;
    // The stage's own invokeUrl ends in a slash; the API's endpoint answers once the stage exists.
    this.url = pulumi.all([api.apiEndpoint, stage.id]).apply(([endpoint]) => endpoint);
    this.registerOutputs({ apiId: this.apiId, url: this.url });
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
