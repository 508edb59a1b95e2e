import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A listening server. */
export interface Listening {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  /** Ends the connections that are open, too. */
  close(): Promise<void>;
}

/** Answers a request; when it throws, the answer is a 500 with the error's message. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * Serves HTTP on 127.0.0.1 and nowhere else.
 *
 * @param port 0 for any that is free.
 * @throws {Error} that says what to do when the port is in use.
 */
export async function listen(handler: Handler, port = 0): Promise<Listening> {
  const server = createServer((request, response) => {
    handler(request, response).catch((error: unknown) =>
      response.headersSent ? response.destroy() : response.writeHead(500).end(`${error}\n`),
    );
  });
  // A client that uses a connection again in the moment in which it ends would be reset.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const inUse = `port ${port} of 127.0.0.1 is in use: choose another with --port N, or --port 0 for any that is free`;
      reject(error.code === "EADDRINUSE" ? new Error(inUse) : error);
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Reads a request's whole body.
 *
 * @param limit Bytes.
 * @throws {RangeError} when the body is longer.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > limit) {
      throw new RangeError(`the body is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Whether the request was made to this machine by its own name. A web page that has its host name resolve to 127.0.0.1 (DNS rebinding)
 * sends that name, and must not get at what has no other guard.
 */
export function isForThisMachine(request: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "");
}
