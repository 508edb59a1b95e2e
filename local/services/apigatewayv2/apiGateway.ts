import { type Listening, listen } from "../../aws/httpServer.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { HttpApi } from "./httpApi.ts";

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

  /** The keys of the routes of all APIs. */
  get routeKeys(): readonly string[] {
    return this.#ports.flatMap(({ api }) => api?.routeKeys ?? []);
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
