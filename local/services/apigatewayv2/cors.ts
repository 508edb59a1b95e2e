import type { IncomingMessage } from "node:http";
import type { HttpReply } from "./httpReply.ts";

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

/** Whether a browser asks if it may make a request of another origin. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && "origin" in headers && "access-control-request-method" in headers;
}

/** A reply's headers, with those of the API's CORS in place of the function's own. */
export function withCors(cors: Cors, request: IncomingMessage, headers: HttpReply["headers"]): HttpReply["headers"] {
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
