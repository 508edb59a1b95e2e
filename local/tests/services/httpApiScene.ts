import { readFile } from "node:fs/promises";
import { strToU8, zipSync } from "fflate";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import type { HttpApi } from "../../services/apigatewayv2/httpApi.ts";
import { functionSettings } from "../localFunction.ts";

/** Not JSON: API Gateway puts an error's message in as it is. */
export const accessLogFormat = ["routeKey", "status", "integration.status", "integrationErrorMessage"]
  .map((name) => `$context.${name}`)
  .join("|");

/** A local cloud, made anew for each test of the enclosing `describe`, and the HTTP API of a function. */
export class HttpApiScene {
  cloud!: LocalCloud;
  api!: HttpApi;
  /** The address of the routes. */
  url!: string;

  constructor() {
    const temporary = temporaryDirectories();
    beforeEach(async () => {
      this.cloud = await LocalCloud.start(await temporary(), 0);
      this.cloud.logs.createLogGroup("/access");
    });
    afterEach(() => this.cloud.close());
  }

  /** An API whose route `ANY /path` of several methods calls the function with this code. */
  async deploy(code: string, permission = true): Promise<void> {
    const { lambda, apiGateway } = this.cloud;
    const version = lambda.createFunction(functionSettings("fn"), zipSync({ "handler.mjs": strToU8(code) }));
    lambda.putAlias("fn", "live", version);
    this.api = await apiGateway.createApi();
    if (permission) {
      lambda.addPermission("fn", "api", "live", `arn:aws:execute-api:us-east-1:000000000000:${this.api.id}/*/*`);
    }
    this.api.putStage("$default", "/access", accessLogFormat);
    const integration = this.api.putIntegration("fn", "live");
    for (const method of ["GET", "POST", "OPTIONS"]) {
      this.api.putRoute(`${method} /path`, integration);
    }
    this.url = `${this.api.url}/path`;
  }

  /** The access log's last line. */
  async logged(): Promise<Record<string, string>> {
    const lines = (await readFile(this.cloud.logs.fileOf("/access", "$default"), "utf8")).trim().split("\n");
    const [routeKey = "", status = "", integrationStatus = "", ...error] = lines.at(-1)?.split("|") ?? [];
    return { routeKey, status, integrationStatus, error: error.join("|") };
  }
}

/** The code of a function that returns this, in which `event` is what it gets. */
export function answering(result: string): string {
  return `export const handler = async (event) => (${result});`;
}
