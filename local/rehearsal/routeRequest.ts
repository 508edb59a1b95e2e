import { z } from "zod";

/** What an event of an HTTP API (payload format 2.0) may have, of which a smoke test's has as much as its handler needs. */
const eventSchema = z
  .object({
    rawPath: z.string(),
    rawQueryString: z.string(),
    queryStringParameters: z.record(z.string(), z.string()),
    pathParameters: z.record(z.string(), z.string()),
    headers: z.record(z.string(), z.string()),
    cookies: z.array(z.string()),
    body: z.string(),
    isBase64Encoded: z.boolean(),
    requestContext: z
      .object({
        http: z.object({ method: z.string() }).partial(),
        authorizer: z.object({ jwt: z.object({ claims: z.record(z.string(), z.unknown()) }).partial() }).partial(),
      })
      .partial(),
  })
  .partial();

/** A request that makes an API send a function an event like that of its smoke test. */
export interface RouteRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** What the token claims, where the route asks for one. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a connection has for itself, and a client sets by itself. */
const ofConnection = /^(connection|content-length|expect|host|keep-alive|transfer-encoding|upgrade)$/i;

/**
 * The request for a route that an event tells of.
 *
 * @param routeKey E.g. `GET /users/{id}`, `ANY /files/{path+}` or `$default`.
 * @returns Why there is none, where the event does not tell all that is needed.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function routeRequest(routeKey: string, smokeEvent: unknown): RouteRequest | string {
  const members = Object.entries(smokeEvent ?? {}).filter(([, value]) => value !== null);
  // Of another shape, such as a queue's, it tells nothing of a request.
  const event = eventSchema.safeParse(Object.fromEntries(members)).data ?? {};
  const [first = "", template] = routeKey.split(" ");
  const method = template === undefined || first === "ANY" ? (event.requestContext?.http?.method ?? "GET") : first;
  const path = template === undefined ? (event.rawPath ?? "/") : pathOf(template, event);
  if (path === undefined) {
    return `${routeKey} has parameters that its smoke test's event has not`;
  }
  const query = event.rawQueryString || new URLSearchParams(event.queryStringParameters).toString();
  const headers = Object.entries(event.headers ?? {}).filter(([name]) => !ofConnection.test(name));
  const cookies = event.cookies?.join("; ");
  const body = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  return {
    method,
    path: query === "" ? path : `${path}?${query}`,
    headers: { ...Object.fromEntries(headers), ...(cookies && { cookie: cookies }) },
    body: body.byteLength > 0 && method !== "GET" && method !== "HEAD" ? body : undefined,
    claims: event.requestContext?.authorizer?.jwt?.claims ?? {},
  };
}

function pathOf(template: string, { pathParameters = {}, rawPath }: z.infer<typeof eventSchema>): string | undefined {
  if (!template.includes("{")) {
    return template;
  }
  const names = [...template.matchAll(/\{([^}+]+)\+?\}/g)].map(([, name = ""]) => name);
  if (names.some((name) => pathParameters[name] === undefined)) {
    return rawPath;
  }
  return template.replace(/\{([^}+]+)(\+?)\}/g, (_, name: string, greedy: string) => {
    const value = pathParameters[name] ?? "";
    return greedy ? value : encodeURIComponent(value);
  });
}
