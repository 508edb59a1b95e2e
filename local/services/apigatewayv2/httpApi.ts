import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithJWTAuthorizer } from "aws-lambda";
import { account, arn } from "../../aws/account.ts";
import { readBody } from "../../aws/httpServer.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { type Cors, isPreflight, withCors } from "./cors.ts";
import { type HttpReply, inferResponse, messageReply } from "./httpReply.ts";
import { type Claims, JwtAuthorizer, type JwtConfiguration } from "./jwtAuthorizer.ts";
import { type Throttling, tokenBuckets } from "./throttling.ts";

/** API Gateway's longest integration time, in ms, and largest body, in bytes. */
const maxIntegrationMs = 30_000;
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * An HTTP API: routes of one method and one path, JWT authorizers, payload format 2.0, response inference, CORS,
 * throttling and access log.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export class HttpApi {
  readonly id = randomUUID().slice(0, 8);
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly #lambda: Lambda;
  readonly #logs: CloudWatchLogs;
  readonly #cloudwatch: CloudWatch;
  readonly #integrations = new Map<string, Integration>();
  readonly #authorizers = new Map<string, JwtAuthorizer>();
  /** By route key. */
  readonly #routes = new Map<string, Route>();
  #stage: { readonly name: string; readonly logGroup: string; readonly format: string } | undefined;
  /** Whether a route takes one more request. */
  #admits: (routeKey: string) => boolean = () => true;
  #cors: Cors | undefined;

  constructor(url: string, lambda: Lambda, logs: CloudWatchLogs, cloudwatch: CloudWatch) {
    this.url = url;
    this.#lambda = lambda;
    this.#logs = logs;
    this.#cloudwatch = cloudwatch;
  }

  /** @param cors Without it, preflights are requests like others, and a function's CORS headers are passed on. */
  putCors(cors: Cors | undefined): void {
    this.#cors = cors;
  }

  /**
   * Creates the stage, or changes it.
   * @param format An access log's line, in which `$context.<name>` stands for a value.
   * @param throttling What exceeds it is answered 429; without it, routes take all that comes.
   * @param now A clock that never goes back, in seconds.
   */
  putStage(name: string, logGroup: string, format: string, throttling?: Throttling, now = process.uptime): void {
    this.#stage = { name, logGroup, format };
    this.#admits = throttling ? tokenBuckets(throttling, now) : () => true;
  }

  deleteStage(): void {
    this.#stage = undefined;
  }

  /** Creates an integration, or changes the one with the id, and returns its id. */
  putIntegration(functionName: string, qualifier: string, id = randomUUID().slice(0, 7)): string {
    this.#integrations.set(id, { functionName, qualifier });
    return id;
  }

  deleteIntegration(id: string): void {
    this.#integrations.delete(id);
  }

  /** Creates a JWT authorizer, or changes the one with the id, and returns its id. */
  putAuthorizer(configuration: JwtConfiguration, id = randomUUID().slice(0, 6)): string {
    this.#authorizers.set(id, new JwtAuthorizer(configuration));
    return id;
  }

  deleteAuthorizer(id: string): void {
    this.#authorizers.delete(id);
  }

  /**
   * @param routeKey A method and a path, e.g. `GET /hello_user`.
   * @param authorizerId What verifies a request's token; without it, none is asked for.
   */
  putRoute(routeKey: string, integrationId: string, authorizerId?: string): void {
    this.#routes.set(routeKey, { integrationId, authorizerId });
  }

  /** The keys of its routes, e.g. `GET /hello_user`. */
  get routeKeys(): readonly string[] {
    return [...this.#routes.keys()];
  }

  deleteRoute(routeKey: string): void {
    this.#routes.delete(routeKey);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = new Date();
    const context: Context = {
      requestId: randomUUID(),
      requestTime: clfTime(started),
      "identity.sourceIp": request.socket.remoteAddress ?? "",
    };
    const reply = await this.#answer(request, context, started).catch((error: unknown) => {
      context.integrationErrorMessage = error instanceof Error ? error.message : String(error);
      return error instanceof RangeError
        ? messageReply(413, "Request Entity Too Large")
        : messageReply(500, "Internal Server Error");
    });
    context.status = reply.status;
    context.responseLatency = Date.now() - started.getTime();
    this.#writeAccessLog(context);
    this.#putMetrics(reply.status, context.responseLatency);
    const headers = this.#cors ? withCors(this.#cors, request, reply.headers) : reply.headers;
    response.writeHead(reply.status, { ...headers, "apigw-requestid": context.requestId }).end(reply.body);
  }

  async #answer(request: IncomingMessage, context: Context, started: Date): Promise<HttpReply> {
    if (this.#stage && this.#cors && isPreflight(request)) {
      return { status: 204, headers: {}, body: "" };
    }
    const url = new URL(request.url ?? "/", "http://localhost");
    const routeKey = `${request.method} ${url.pathname}`;
    const route = this.#routes.get(routeKey);
    const integration = this.#integrations.get(route?.integrationId ?? "");
    if (!route || !integration || !this.#stage) {
      return messageReply(404, "Not Found");
    }
    context.routeKey = routeKey;
    if (!this.#admits(routeKey)) {
      context["error.responseType"] = "THROTTLED";
      return messageReply(429, "Too Many Requests");
    }
    const claims = await this.#claimsOf(request, route);
    if (claims === "none") {
      context["error.responseType"] = "UNAUTHORIZED";
      return messageReply(401, "Unauthorized");
    }
    const event = this.#eventOf(request, url, await readBody(request, maxBodyBytes), context, started, claims);
    const { functionName, qualifier } = integration;
    const source = arn("execute-api", `${this.id}/${this.#stage.name}/${request.method}${url.pathname}`);
    if (!this.#lambda.allows(functionName, qualifier, source)) {
      throw new Error(`the resource policy of ${functionName}:${qualifier} does not let API Gateway call it`);
    }
    const called = Date.now();
    const result = await Promise.race([
      this.#lambda.invoke(functionName, qualifier, JSON.stringify(event)),
      delay(maxIntegrationMs, undefined, { ref: false }),
    ]);
    context.integrationLatency = Date.now() - called;
    if (!result) {
      context.integrationErrorMessage = "Endpoint request timed out";
      return messageReply(503, "Service Unavailable");
    }
    context["integration.integrationStatus"] = 200;
    if (result.error) {
      throw new Error(`the function returned the error ${result.payload}`);
    }
    const reply = inferResponse(JSON.parse(result.payload));
    context["integration.status"] = reply.status;
    return reply;
  }

  /** What the request's token claims; "none" where it has no valid one, undefined where the route asks for none. */
  async #claimsOf({ headers }: IncomingMessage, { authorizerId }: Route): Promise<Claims | "none" | undefined> {
    return authorizerId === undefined
      ? undefined
      : ((await this.#authorizers.get(authorizerId)?.claimsOf(headers.authorization)) ?? "none");
  }

  #eventOf(
    request: IncomingMessage,
    url: URL,
    body: Buffer,
    context: Context,
    started: Date,
    claims: Claims | undefined,
  ): APIGatewayProxyEventV2 | Omit<APIGatewayProxyEventV2WithJWTAuthorizer, "routeKey"> {
    const { cookie, ...others } = request.headers;
    const headers = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)]));
    const names = [...new Set(url.searchParams.keys())];
    const query = Object.fromEntries(names.map((name) => [name, url.searchParams.getAll(name).join(",")]));
    const isText = /^(text\/|application\/(json|xml|x-www-form-urlencoded)|$)/.test(headers["content-type"] ?? "");
    const [host = ""] = (headers.host ?? "").split(":");
    const routeKey = String(context.routeKey);
    return {
      version: "2.0",
      routeKey,
      rawPath: url.pathname,
      rawQueryString: url.search.slice(1),
      ...(cookie !== undefined && { cookies: cookie.split(/;\s*/) }),
      headers,
      ...(names.length > 0 && { queryStringParameters: query }),
      requestContext: {
        accountId: account.id,
        apiId: this.id,
        ...(claims && { authorizer: { jwt: { claims, scopes: null } } }),
        domainName: host,
        domainPrefix: host.split(".")[0] ?? "",
        http: {
          method: request.method ?? "",
          path: url.pathname,
          protocol: `HTTP/${request.httpVersion}`,
          sourceIp: String(context["identity.sourceIp"]),
          userAgent: headers["user-agent"] ?? "",
        },
        requestId: String(context.requestId),
        routeKey,
        stage: this.#stage?.name ?? "",
        time: String(context.requestTime),
        timeEpoch: started.getTime(),
      },
      ...(body.byteLength > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
      isBase64Encoded: body.byteLength > 0 && !isText,
    };
  }

  /** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
  #putMetrics(status: number, latencyMs: number): void {
    const dimensions = { ApiId: this.id, Stage: this.#stage?.name ?? "" };
    const put = (name: string, value: number): void =>
      this.#cloudwatch.putMetric("AWS/ApiGateway", name, dimensions, value);
    put("Count", 1);
    put("4xx", status >= 400 && status < 500 ? 1 : 0);
    put("5xx", status >= 500 ? 1 : 0);
    put("Latency", latencyMs);
  }

  #writeAccessLog(context: Context): void {
    if (this.#stage) {
      // As they are, and so quotes in one end the string that the format has around it.
      const value = (key: string): string => String(context[key] ?? "-");
      const line = this.#stage.format.replace(/\$context\.([A-Za-z.]+)/g, (_, key: string) => value(key));
      this.#logs.put(this.#stage.logGroup, this.#stage.name, line);
    }
  }
}

interface Route {
  readonly integrationId: string;
  readonly authorizerId: string | undefined;
}

interface Integration {
  readonly functionName: string;
  readonly qualifier: string;
}

/** The values of an access log's `$context`. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html */
type Context = Record<string, string | number>;

/** The Common Log Format's time, e.g. `23/Nov/2026:17:40:00 +0000`. */
function clfTime(date: Date): string {
  return date.toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, "$1/$2/$3:$4 +0000");
}
