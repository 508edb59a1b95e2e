import { array, literal, number, strictObject, string, tuple } from "zod";
import { computed, type Kind, kind } from "../../aws/resourceKind.ts";

/**
 * Records, of which a zone has one of each name and type. Nothing resolves them.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/route53/
 */
export function route53Resources(): Record<string, Kind> {
  const records = new Set<string>();
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
      ({ zoneId, name, type, allowOverwrite }, _, existing) => {
        const id = `${zoneId}_${name}_${type}`;
        if (existing === undefined && records.has(id) && !allowOverwrite) {
          throw new Error(
            `InvalidChangeBatch: [Tried to create resource record set [name='${name}', type='${type}'] but it already exists]`,
          );
        }
        records.add(id);
        return { id, fqdn: name.replace(/\.$/, "") };
      },
      (_, id) => void records.delete(id),
    ),
  };
}
