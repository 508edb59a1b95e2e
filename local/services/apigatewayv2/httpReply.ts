import { validateHeaderName, validateHeaderValue } from "node:http";

/** What an HTTP API answers a request with. */
export interface HttpReply {
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

/** An answer of API Gateway's own. */
export function messageReply(status: number, text: string): HttpReply {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ message: text }) };
}
