import { literal, record, string } from "zod";
import { arn } from "../../aws/account.ts";
import { autoName, type Kind, kind, randomHex } from "../../aws/resourceKind.ts";

/**
 * Secrets, taken as they are.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/secretsmanager/
 */
export function secretsManagerResources(): Record<string, Kind> {
  return {
    "aws:secretsmanager/secret:Secret": kind(
      {
        description: string().max(2048),
        kmsKeyId: string().optional(),
        recoveryWindowInDays: literal(0),
        tags: record(string(), string()),
      },
      [],
      (_, logicalName, existing) => {
        // Secrets Manager adds six characters to the name.
        const id = existing ?? arn("secretsmanager", `secret:${autoName(logicalName, 512)}-${randomHex(6)}`);
        return { id, arn: id };
      },
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": kind(
      { secretId: string(), secretString: string().max(65_536) },
      ["secretId"],
      ({ secretId }) => ({ id: `${secretId}|${randomHex(8)}`, arn: secretId }),
    ),
  };
}
