import { array, literal, string } from "zod";
import { arn } from "../../aws/account.ts";
import { type Kind, kind, randomHex } from "../../aws/resourceKind.ts";

/**
 * Certificates of a custom domain, taken as they are and valid at once.
 *
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/acm/
 */
export function acmResources(): Record<string, Kind> {
  return {
    "aws:acm/certificate:Certificate": kind(
      { domainName: string().max(253), validationMethod: literal("DNS") },
      ["domainName", "validationMethod"],
      ({ domainName }) => {
        const id = arn("acm", `certificate/${randomHex(12)}`);
        const option = {
          domainName,
          resourceRecordName: `_local.${domainName}.`,
          resourceRecordType: "CNAME",
          resourceRecordValue: "_local.acm-validations.aws.",
        };
        return { id, arn: id, domainValidationOptions: [option] };
      },
    ),
    "aws:acm/certificateValidation:CertificateValidation": kind(
      { certificateArn: string(), validationRecordFqdns: array(string()) },
      ["certificateArn", "validationRecordFqdns"],
      () => ({ id: randomHex(12) }),
    ),
  };
}
