import { z } from "zod";
import type { LifeCycle } from "../program/provider.ts";

/** A route of an HTTP API, and the function whose alias `live` it calls. */
export interface Route {
  /** E.g. `GET /users/{id}`. */
  readonly key: string;
  /** `http://127.0.0.1:<port>`, whatever domain the stack has. */
  readonly apiUrl: string;
  readonly functionName: string;
  /** How many requests it takes in the long run. */
  readonly requestsPerSecond: number;
  /** Whose tokens, and for whom, it asks for; undefined where it asks for none. */
  readonly jwt: { readonly issuer: string; readonly audiences: readonly string[] } | undefined;
}

/** What is read of resources of API Gateway's, whichever it is. */
const resourceSchema = z
  .object({
    apiId: z.string(),
    apiEndpoint: z.string(),
    routeKey: z.string(),
    target: z.string(),
    authorizerId: z.string(),
    integrationUri: z.string(),
    jwtConfiguration: z.object({ issuer: z.string(), audiences: z.array(z.string()) }),
    defaultRouteSettings: z.object({ throttlingRateLimit: z.number() }),
  })
  .partial();

type Resource = z.infer<typeof resourceSchema> & { readonly type: string; readonly id: string };

/** Sees which routes a program declares, and leaves the declaring to a provider. */
export class DeclaredRoutes {
  /** The provider to evaluate the program with. */
  readonly provider: LifeCycle;
  readonly #resources: Resource[] = [];

  constructor(provider: LifeCycle) {
    this.provider = {
      ...provider,
      create: async (urn, inputs) => {
        const created = await provider.create(urn, inputs);
        const [, type] = /aws:apigatewayv2\/(\w+):\w+::/.exec(urn) ?? [];
        if (type !== undefined) {
          this.#resources.push({ ...resourceSchema.parse(created.outs), type, id: created.id });
        }
        return created;
      },
    };
  }

  /** The routes that call a function's alias `live`. */
  get all(): Route[] {
    return this.#resources.flatMap(({ type, routeKey: key, apiId, target, authorizerId }): Route[] => {
      const integration = this.#find("integration", target?.split("/")[1]);
      const [, functionName] = /:function:([^:/]+):live(?:\/|$)/.exec(integration?.integrationUri ?? "") ?? [];
      const apiUrl = this.#find("api", apiId)?.apiEndpoint;
      if (type !== "route" || key === undefined || apiUrl === undefined || functionName === undefined) {
        return [];
      }
      const stage = this.#resources.find((resource) => resource.type === "stage" && resource.apiId === apiId);
      const requestsPerSecond = stage?.defaultRouteSettings?.throttlingRateLimit ?? Number.POSITIVE_INFINITY;
      const jwt = this.#find("authorizer", authorizerId)?.jwtConfiguration;
      return [{ key, apiUrl, functionName, requestsPerSecond, jwt }];
    });
  }

  #find(type: string, id: string | undefined): Resource | undefined {
    return this.#resources.find((resource) => resource.type === type && resource.id === id);
  }
}
