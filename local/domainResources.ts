import { array, literal, never, number, strictObject, string, tuple } from "zod";
import { account, arn } from "./aws/account.ts";
import { computed, type Kind, kind, randomHex } from "./aws/resourceKind.ts";

/** What makes a custom domain: taken as it is, without effect. The local cloud answers at addresses of this machine only. */
export function domainResources(): Record<string, Kind> {
  const records = new Set<string>();
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
    "aws:apigatewayv2/domainName:DomainName": kind(
      {
        domainName: string(),
        domainNameConfiguration: strictObject({
          certificateArn: string(),
          endpointType: literal("REGIONAL"),
          securityPolicy: literal("TLS_1_2"),
          targetDomainName: computed(never()),
          hostedZoneId: computed(never()),
        }),
      },
      ["domainName"],
      ({ domainName, domainNameConfiguration }) => ({
        id: domainName,
        domainNameConfiguration: {
          ...domainNameConfiguration,
          targetDomainName: `d-local.execute-api.${account.region}.amazonaws.com`,
          hostedZoneId: "ZLOCAL",
        },
      }),
    ),
    "aws:apigatewayv2/apiMapping:ApiMapping": kind(
      { apiId: string(), domainName: string(), stage: string() },
      ["domainName"],
      () => ({ id: randomHex(6) }),
    ),
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
