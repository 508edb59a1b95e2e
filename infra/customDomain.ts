import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { HttpApi } from "./httpApi.ts";
import type { DomainSettings } from "./settings/domain.ts";

/** What a `CustomDomain` is made from. */
export interface CustomDomainArgs {
  readonly settings: DomainSettings;
  /** The API that answers at the domain. */
  readonly api: HttpApi;
}

/**
 * A domain name in front of the HTTP API: with a zone, the domain's record, and a certificate validated by DNS unless one is given.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-custom-domain-names.html
 */
export class CustomDomain extends pulumi.ComponentResource {
  /** The domain's address, without a slash at the end; available once the API answers there. */
  readonly url: pulumi.Output<string>;
  /** What a DNS record of the domain refers to, where the stack makes none. */
  readonly target: pulumi.Output<string>;

  constructor(name: string, args: CustomDomainArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:CustomDomain", name, {}, opts);
    const parent = { parent: this };
    const { settings, api } = args;
    const { domainName, hostedZoneId } = settings;
    const certificateArn =
      settings.certificateArn === undefined
        ? this.createCertificate(name, domainName, settings.hostedZoneId)
        : settings.certificateArn;
    const domain = new aws.apigatewayv2.DomainName(
      name,
      {
        domainName,
        domainNameConfiguration: { certificateArn, endpointType: "REGIONAL", securityPolicy: "TLS_1_2" },
      },
      parent,
    );
    const mapping = new aws.apigatewayv2.ApiMapping(
      `${name}-mapping`,
      { apiId: api.apiId, domainName: domain.id, stage: api.stageName },
      parent,
    );
    const target = domain.domainNameConfiguration;
    const record =
      hostedZoneId === undefined
        ? undefined
        : new aws.route53.Record(
            `${name}-record`,
            {
              zoneId: hostedZoneId,
              name: domainName,
              type: "A",
              aliases: [{ name: target.targetDomainName, zoneId: target.hostedZoneId, evaluateTargetHealth: false }],
            },
            parent,
          );

    this.target = target.targetDomainName;
    this.url = pulumi.all([domain.domainName, mapping.id, record?.id]).apply(([host]) => `https://${host}`);
    this.registerOutputs({ url: this.url, target: this.target });
  }

  /** @returns The certificate's ARN, available once it is valid. */
  private createCertificate(name: string, domainName: string, zoneId: string): pulumi.Output<string> {
    const parent = { parent: this };
    const certificate = new aws.acm.Certificate(`${name}-certificate`, { domainName, validationMethod: "DNS" }, parent);
    // One name has one option.
    const option = certificate.domainValidationOptions.apply(([first]) => {
      if (!first) {
        throw new Error(`ACM names no record that validates ${domainName}`);
      }
      return first;
    });
    const record = new aws.route53.Record(
      `${name}-validation-record`,
      {
        zoneId,
        name: option.resourceRecordName,
        type: option.resourceRecordType,
        records: [option.resourceRecordValue],
        ttl: 60,
        // ACM gives the same record for a name in every certificate of the account: there may be one, and others may need it to be renewed.
        allowOverwrite: true,
      },
      { ...parent, retainOnDelete: true },
    );
    return new aws.acm.CertificateValidation(
      `${name}-validation`,
      { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
      parent,
    ).certificateArn;
  }
}
