import { array, literal, number, strictObject, string, tuple } from "zod";
import { computed, type Kind, kind } from "../../aws/resourceKind.ts";

/**
 * Records, of which a zone has one of each name and type. Nothing resolves them.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/route53/
 */
export function route53Resources(): Record<string, Kind> {
  return {
    "aws:route53/record:Record": kind(
      {
        zoneId: string(),
        name: string(),
        type: string(),
        records: array(string()).optional(),
        ttl: number().optional(),
        allowOverwrite: computed(literal(true)),
        aliases: tuple([
          strictObject({ name: string(), zoneId: string(), evaluateTargetHealth: literal(false) }),
        ]).optional(),
      },
      ["zoneId", "name", "type"],
      ({ zoneId, name, type }) => ({ id: `${zoneId}_${name}_${type}`, fqdn: name.replace(/\.$/, "") }),
      undefined,
      ({ zoneId, name, type, allowOverwrite }) =>
        allowOverwrite
          ? undefined
          : {
              id: `${zoneId}_${name}_${type}`,
              error: `InvalidChangeBatch: [Tried to create resource record set [name='${name}', type='${type}'] but it already exists]`,
            },
    ),
  };
}
