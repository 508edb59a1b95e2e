import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithJWTAuthorizer } from "aws-lambda";
import { account, arn } from "../../aws/account.ts";
import { type Listening, listen, readBody } from "../../aws/httpServer.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { type Claims, JwtAuthorizer, type JwtConfiguration } from "./jwtAuthorizer.ts";

/** API Gateway's longest integration time, in ms, and largest body, in bytes. */
const maxIntegrationMs = 30_000;
const maxBodyBytes = 10 * 1024 * 1024;

/** API Gateway's HTTP APIs, each on a port of its own. */
export class ApiGateway {
  readonly #lambda: Lambda;
  readonly #logs: CloudWatchLogs;
  readonly #cloudwatch: CloudWatch;
  readonly #ports: Port[] = [];

  constructor(lambda: Lambda, logs: CloudWatchLogs, cloudwatch: CloudWatch) {
    this.#lambda = lambda;
    this.#logs = logs;
    this.#cloudwatch = cloudwatch;
  }

  /**
   * Takes a port for the next API.
   * @throws {Error} when it is in use.
   */
  async listen(number: number): Promise<Port> {
    const port: Port = {
      server: await listen(
        (request, response) =>
          port.api ? port.api.handle(request, response) : Promise.resolve(void response.writeHead(404).end()),
        number,
      ),
    };
    this.#ports.push(port);
    return port;
  }

  async createApi(): Promise<HttpApi> {
    const port = this.#ports.find(({ api }) => api === undefined) ?? (await this.listen(0));
    port.api = new HttpApi(port.server.url, this.#lambda, this.#logs, this.#cloudwatch);
    return port.api;
  }

  /** @throws {Error} when there is no such API. */
  api(id: string): HttpApi {
    const api = this.#ports.find((port) => port.api?.id === id)?.api;
    if (!api) {
      throw new Error(`there is no HTTP API ${id}`);
    }
    return api;
  }

  /** Deletes an API; its port is kept for the next. */
  deleteApi(id: string): void {
    for (const port of this.#ports) {
      if (port.api?.id === id) {
        port.api = undefined;
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#ports.map(({ server }) => server.close()));
  }
}

/** A port, and the API that is served on it. */
export interface Port {
  readonly server: Listening;
  api?: HttpApi | undefined;
}

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
        ? message(413, "Request Entity Too Large")
        : message(500, "Internal Server Error");
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
      return message(404, "Not Found");
    }
    context.routeKey = routeKey;
    if (!this.#admits(routeKey)) {
      context["error.responseType"] = "THROTTLED";
      return message(429, "Too Many Requests");
    }
    const claims = await this.#claimsOf(request, route);
    if (claims === "none") {
      context["error.responseType"] = "UNAUTHORIZED";
      return message(401, "Unauthorized");
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
      return message(503, "Service Unavailable");
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

/** An `Api`'s `corsConfiguration`. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html */
export interface Cors {
  /** Origins, e.g. `https://www.example.com`; `*` stands for all, `https://*` and `http://*` for all that begin so. */
  readonly allowOrigins: readonly string[];
  /** HTTP methods, or `*`. */
  readonly allowMethods: readonly string[];
  /** Names of request headers, or `*`. */
  readonly allowHeaders: readonly string[];
  /** How long a browser may keep the answer to a preflight, in seconds. */
  readonly maxAge: number;
}

/** A `Stage`'s `defaultRouteSettings`. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html */
export interface Throttling {
  /** Requests per second that each route takes in the long run. */
  readonly throttlingRateLimit: number;
  /** Requests that each route takes at once: the size of its token bucket. */
  readonly throttlingBurstLimit: number;
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

interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Uint8Array;
}

/**
 * The HTTP response that API Gateway makes of what a function returned: a value without `statusCode` is a JSON body with status 200.
 *
 * @throws {Error} when the value has a `statusCode` or a header that is none.
 */
export function inferResponse(value: unknown): HttpReply {
  const asText = (content: unknown): string => (typeof content === "string" ? content : JSON.stringify(content));
  if (typeof value !== "object" || value === null || !("statusCode" in value)) {
    return { status: 200, headers: { "content-type": "application/json" }, body: asText(value) };
  }
  const { statusCode, headers, body, cookies, isBase64Encoded }: Record<string, unknown> = { ...value };
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Error(`the function returned the statusCode ${JSON.stringify(statusCode)}`);
  }
  const entries = Object.entries(headers ?? {}).map(([name, content]): [string, string] => [
    name.toLowerCase(),
    String(content),
  ]);
  for (const [name, content] of entries) {
    validateHeaderName(name);
    validateHeaderValue(name, content);
  }
  return {
    status,
    headers: {
      // The body's length is the body's, whatever the function says of it.
      ...Object.fromEntries(entries.filter(([name]) => !/^(connection|content-length|transfer-encoding)$/.test(name))),
      ...(Array.isArray(cookies) && { "set-cookie": cookies.map(String) }),
    },
    body: isBase64Encoded === true ? Buffer.from(asText(body ?? ""), "base64") : asText(body ?? ""),
  };
}

/**
 * A token bucket for each route, full at first.
 *
 * @param now A clock that never goes back, in seconds.
 * @returns What takes a token from a route's bucket, and says whether there was a whole one.
 */
export function tokenBuckets(throttling: Throttling, now: () => number): (routeKey: string) => boolean {
  const { throttlingRateLimit: rate, throttlingBurstLimit: burst } = throttling;
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  return (routeKey) => {
    const at = now();
    const last = buckets.get(routeKey) ?? { tokens: burst, at };
    const tokens = Math.min(burst, last.tokens + (at - last.at) * rate);
    if (tokens >= 1) {
      buckets.set(routeKey, { tokens: tokens - 1, at });
    }
    return tokens >= 1;
  };
}

/** Whether a browser asks if it may make a request of another origin. */
function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && "origin" in headers && "access-control-request-method" in headers;
}

/** A reply's headers, with those of the API's CORS in place of the function's own. */
function withCors(cors: Cors, request: IncomingMessage, headers: HttpReply["headers"]): HttpReply["headers"] {
  const others = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith("access-control-")));
  const { origin = "" } = request.headers;
  const allowed = cors.allowOrigins.find(
    (one) => one === origin || (/^(https?:\/\/)?\*$/.test(one) && origin.startsWith(one.slice(0, -1))),
  );
  const preflight = isPreflight(request);
  if (origin === "" || allowed === undefined || (request.method === "OPTIONS" && !preflight)) {
    return others;
  }
  return {
    ...others,
    ...(allowed === "*"
      ? { "access-control-allow-origin": "*" }
      : { "access-control-allow-origin": origin, vary: [others.vary ?? [], "origin"].flat().join(", ") }),
    ...(preflight && {
      "access-control-allow-methods": cors.allowMethods.join(","),
      "access-control-allow-headers": cors.allowHeaders.join(","),
      "access-control-max-age": String(cors.maxAge),
    }),
  };
}

function message(status: number, text: string): HttpReply {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: text }) };
}

/** The Common Log Format's time, e.g. `23/Nov/2026:17:40:00 +0000`. */
function clfTime(date: Date): string {
  return date.toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, "$1/$2/$3:$4 +0000");
}
