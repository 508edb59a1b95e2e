import { randomUUID } from "node:crypto";
import type { AliasConfiguration, UpdateAliasRequest } from "@aws-sdk/client-lambda";
import { arn } from "../../aws/account.ts";
import { AwsError } from "../../aws/awsEndpoint.ts";
import { checkRevision, notFound } from "./versions.ts";

/** What can be changed of an alias: what moves it is CodeDeploy. */
export type AliasChanges = Pick<UpdateAliasRequest, "Description" | "RevisionId" | "RoutingConfig">;

/**
 * The aliases of a function: names of a version, or of two of which one gets a share of the requests.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
 */
export class Aliases {
  readonly #functionName: string;
  readonly #aliases = new Map<string, AliasConfiguration>();

  constructor(functionName: string) {
    this.#functionName = functionName;
  }

  get all(): AliasConfiguration[] {
    return [...this.#aliases.values()];
  }

  /** Undefined when there is no such alias. */
  get(name: string): AliasConfiguration | undefined {
    return this.#aliases.get(name);
  }

  /** @throws {AwsError} when there is no such alias. */
  find(name: string): AliasConfiguration {
    const alias = this.#aliases.get(name);
    if (!alias) {
      throw notFound(`${this.#functionName}:${name}`);
    }
    return alias;
  }

  /** Creates an alias, or points it to another version and keeps its description, and returns its ARN. */
  put(name: string, version: string, weights: Readonly<Record<string, number>>): string {
    const AliasArn = arn("lambda", `function:${this.#functionName}:${name}`);
    const { RoutingConfig: _, ...known } = this.#aliases.get(name) ?? { Description: "" };
    const isWeighted = Object.keys(weights).length > 0;
    this.#aliases.set(name, {
      ...known,
      AliasArn,
      Name: name,
      FunctionVersion: version,
      ...(isWeighted && { RoutingConfig: { AdditionalVersionWeights: weights } }),
      RevisionId: randomUUID(),
    });
    return AliasArn;
  }

  /**
   * Describes an alias, or clears weights that were left over.
   * @throws {AwsError} when there is no such alias, the revision is another than its own, or weights are given.
   */
  update(name: string, { Description, RevisionId, RoutingConfig }: AliasChanges): AliasConfiguration {
    const { RoutingConfig: weights, ...alias } = this.find(name);
    checkRevision(RevisionId, alias);
    if (Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0) {
      throw new AwsError("NotImplemented", "the local cloud clears an alias's weights; CodeDeploy sets them");
    }
    const updated: AliasConfiguration = {
      ...alias,
      ...(weights && !RoutingConfig && { RoutingConfig: weights }),
      ...(Description !== undefined && { Description }),
      RevisionId: randomUUID(),
    };
    this.#aliases.set(name, updated);
    return updated;
  }

  delete(name: string): void {
    this.#aliases.delete(name);
  }
}
