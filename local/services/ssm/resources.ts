import { literal, string } from "zod";
import { arn } from "../../aws/account.ts";
import { type Kind, kind } from "../../aws/resourceKind.ts";
import type { ParameterStore } from "./parameterStore.ts";

/**
 * Parameters.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/ssm/
 */
export function ssmResources(parameters: ParameterStore): Record<string, Kind> {
  return {
    "aws:ssm/parameter:Parameter": kind(
      {
        name: string().max(1011),
        description: string().max(1024),
        type: literal("String"),
        insecureValue: string().max(4096),
      },
      ["name"],
      ({ name, insecureValue }) => {
        parameters.put(name, insecureValue);
        return { id: name, arn: arn("ssm", `parameter${name}`) };
      },
      ({ name }) => parameters.delete(name),
      ({ name }) => ({ id: name, error: `ParameterAlreadyExists: the parameter ${name} already exists` }),
    ),
  };
}
