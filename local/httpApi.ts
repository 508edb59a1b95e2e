import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { account, arn } from "./account.ts";
import type { CloudWatchLogs } from "./cloudwatchLogs.ts";
import { readBody } from "./httpServer.ts";
import type { Lambda } from "./lambda/lambda.ts";

/** API Gateway's longest integration time, in ms, and largest body, in bytes. */
const maxIntegrationMs = 30_000;
const maxBodyBytes = 10 * 1024 * 1024;

/**
 * The HTTP API: routes of one method and one path, payload format 2.0, response inference and access log.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export class HttpApi {
  readonly #lambda: Lambda;
  readonly #logs: CloudWatchLogs;
  readonly #integrations = new Map<string, Integration>();
  readonly #routes = new Map<string, Integration>();
  #apiId = "";
  #stage = "";
  #writeAccessLog = (_context: Context): void => {};

  constructor(lambda: Lambda, logs: CloudWatchLogs) {
    this.#lambda = lambda;
    this.#logs = logs;
  }

  /** Creates the API and returns its id. The local cloud has one, on a port of its own. */
  createApi(): string {
    if (this.#apiId !== "") {
      throw new Error("the local cloud has one HTTP API, and the program declares another");
    }
    this.#apiId = randomUUID().slice(0, 8);
    return this.#apiId;
  }

  /** @param format An access log's line, in which `$context.<name>` stands for a value. */
  createStage(name: string, logGroup: string, format: string): void {
    this.#stage = name;
    this.#writeAccessLog = (context) => {
      const escaped = (key: string): string => JSON.stringify(String(context[key] ?? "-")).slice(1, -1);
      const line = format.replace(/\$context\.([A-Za-z.]+)/g, (_, key: string) => escaped(key));
      this.#logs.put(logGroup, name, line);
    };
  }

  createIntegration(functionName: string, qualifier: string): string {
    const id = randomUUID().slice(0, 7);
    this.#integrations.set(id, { functionName, qualifier });
    return id;
  }

  /** @param routeKey A method and a path, e.g. `GET /hello_user`. */
  createRoute(routeKey: string, integrationId: string): void {
    const integration = this.#integrations.get(integrationId);
    if (!integration) {
      throw new Error(`the route ${routeKey} has no integration ${integrationId}`);
    }
    this.#routes.set(routeKey, integration);
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
    response.writeHead(reply.status, { ...reply.headers, "apigw-requestid": context.requestId }).end(reply.body);
  }

  async #answer(request: IncomingMessage, context: Context, started: Date): Promise<HttpReply> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const routeKey = `${request.method} ${url.pathname}`;
    const integration = this.#routes.get(routeKey);
    if (!integration || this.#stage === "") {
      return message(404, "Not Found");
    }
    context.routeKey = routeKey;
    const event = this.#eventOf(request, url, await readBody(request, maxBodyBytes), context, started);
    const { functionName, qualifier } = integration;
    const source = arn("execute-api", `${this.#apiId}/${this.#stage}/${request.method}${url.pathname}`);
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
    context["integration.status"] = 200;
    if (result.error) {
      throw new Error(`the function returned the error ${result.payload}`);
    }
    return inferResponse(JSON.parse(result.payload));
  }

  #eventOf(request: IncomingMessage, url: URL, body: Buffer, context: Context, started: Date): APIGatewayProxyEventV2 {
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
        apiId: this.#apiId,
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
        stage: this.#stage,
        time: String(context.requestTime),
        timeEpoch: started.getTime(),
      },
      ...(body.byteLength > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
      isBase64Encoded: body.byteLength > 0 && !isText,
    };
  }
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
 * @throws {Error} when the value has a `statusCode` that is none.
 */
export function inferResponse(value: unknown): HttpReply {
  const asText = (content: unknown): string => (typeof content === "string" ? content : JSON.stringify(content));
  if (typeof value !== "object" || value === null || !("statusCode" in value)) {
    return { status: 200, headers: { "content-type": "application/json" }, body: asText(value) };
  }
  const { statusCode, headers, body = "", cookies, isBase64Encoded }: Record<string, unknown> = { ...value };
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new Error(`the function returned the statusCode ${JSON.stringify(statusCode)}`);
  }
  return {
    status,
    headers: {
      ...Object.fromEntries(
        Object.entries(headers ?? {}).map(([name, content]) => [name.toLowerCase(), String(content)]),
      ),
      ...(Array.isArray(cookies) && { "set-cookie": cookies.map(String) }),
    },
    body: isBase64Encoded === true ? Buffer.from(asText(body), "base64") : asText(body),
  };
}

function message(status: number, text: string): HttpReply {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: text }) };
}

/** The Common Log Format's time, e.g. `23/Nov/2026:17:40:00 +0000`. */
function clfTime(date: Date): string {
  return date.toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, "$1/$2/$3:$4 +0000");
}
