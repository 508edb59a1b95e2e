import { Agent, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import * as lambda from "@aws-sdk/client-lambda";
import { type Listening, listen, readBody } from "../../aws/httpServer.ts";

/** A call of AWS, with all tries that the SDK makes of it. */
export interface Call {
  /** The service's name in a request's credential scope, e.g. `lambda`. */
  readonly service: string;
  /** E.g. `GetAlias`. */
  readonly operation: string;
  /**
   * The operation and the step before it, such as `GetAlias after CreateDeployment`. Polls of one thing are in one place, so that it does
   * not depend on the machine's speed which places there are; a step that comes again is told apart: `… (2)`.
   */
  readonly place: string;
}

/** What can be done with a request. */
export interface Exchange {
  /** Has the service do the work, and returns its answer without sending it. */
  work(): Promise<Answer>;
  /** Answers with an error of AWS's. */
  refuse(status: number, error: string): void;
  /** Closes the connection without an answer. */
  drop(): void;
}

/** What goes wrong with a request. */
export type Fault = (exchange: Exchange) => unknown;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** What a release asks again and again. */
const polls = ["GetAlias", "GetDeployment", "GetFunction", "GetMetricData"];

/** Passes the requests of one release on to the local AWS endpoint, and lets some of them go wrong. */
export class FaultProxy {
  /** The calls that came by. */
  readonly calls: Call[] = [];
  readonly #target: string;
  readonly #faultOf: (call: Call) => Fault | undefined;
  /** By the id that the SDK gives to all tries of a call. */
  readonly #byId = new Map<string, Call>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #times = new Map<string, number>();
  #step = "the start";
  #server: Listening | undefined;

  private constructor(target: string, faultOf: (call: Call) => Fault | undefined) {
    this.#target = target;
    this.#faultOf = faultOf;
  }

  /**
   * @param target The address of the AWS endpoint.
   * @param faultOf Asked at each try of a call; undefined where it goes well.
   */
  static async start(
    target: string,
    faultOf: (call: Call) => Fault | undefined = () => undefined,
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, faultOf);
    proxy.#server = await listen((request, response) => proxy.#handle(request, response));
    return proxy;
  }

  get url(): string {
    return this.#server?.url ?? "";
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#server?.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, Number.POSITIVE_INFINITY);
    const call = this.#callOf(request);
    const work = async () => {
      const answer = await this.#forward(request, body);
      if (call.operation === "GetDeployment" && /"status":"(Failed|Stopped|Succeeded)"/.test(answer.body.toString())) {
        this.#step = "the deployment's end";
      }
      return answer;
    };
    const fault = this.#faultOf(call);
    if (fault) {
      await fault({
        work,
        drop: () => void request.socket.destroy(),
        refuse: (status, error) => {
          response.writeHead(status, { "content-type": "application/json", "x-amzn-errortype": error });
          response.end(JSON.stringify({ __type: error, message: "a fault of the test's" }));
        },
      });
      return;
    }
    const { status, headers, body: answer } = await work();
    response.writeHead(status, headers).end(answer);
  }

  #callOf(request: IncomingMessage): Call {
    const id = String(request.headers["amz-sdk-invocation-id"]);
    const known = this.#byId.get(id);
    if (known) {
      return known;
    }
    const operation = operationOf(request);
    const [, service = ""] = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
    const call = { service, operation, place: this.#placeOf(operation) };
    this.#byId.set(id, call);
    this.calls.push(call);
    return call;
  }

  #placeOf(operation: string): string {
    const place = `${operation} after ${this.#step}`;
    if (polls.includes(operation)) {
      return place;
    }
    this.#step = operation;
    const times = (this.#times.get(place) ?? 0) + 1;
    this.#times.set(place, times);
    return times === 1 ? place : `${place} (${times})`;
  }

  #forward({ url = "", method = "", headers }: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { host: _, ...others } = headers;
      send(`${this.#target}${url}`, { method, headers: others, agent: this.#agent }, (incoming) => {
        readBody(incoming, Number.POSITIVE_INFINITY).then(
          (answer) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: answer }),
          reject,
        );
      })
        .on("error", reject)
        .end(body);
    });
  }
}

/** By `X-Amz-Target` in the JSON protocol; in Lambda's, by method and path as the SDK's schemas have them. */
function operationOf({ headers, method, url = "" }: IncomingMessage): string {
  const [, target] = String(headers["x-amz-target"] ?? "").split(".");
  const { pathname } = new URL(url, "http://localhost");
  const found = target ?? restOperations.find((each) => each.method === method && each.path.test(pathname))?.name;
  if (found === undefined) {
    throw new Error(`the SDK has no operation ${method} ${url}`);
  }
  return found;
}

const restOperations = Object.values(lambda).flatMap((schema: unknown) => {
  const [kind, , name, traits] = Array.isArray(schema) ? schema : [];
  if (kind !== 9) {
    return [];
  }
  const [method, path] = traits.http as [string, string];
  return [{ name: String(name), method, path: new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}/?$`) }];
});
