import { expect } from "chai";
import { dev, only, type Registration, valueFrom } from "./mocks.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

const certificateArn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";

describe("a custom domain", () => {
  it("is none by default, and the API's own address is the stack's", async () => {
    const { registrations } = await loadProgram(dev);
    expect(
      registrations.filter(({ type }) => /CustomDomain|DomainName|acm|route53|ApiMapping/.test(type)),
    ).to.deep.equal([]);
    expect(only(registrations, "apigatewayv2.Api http-api").inputs).to.not.have.property("disableExecuteApiEndpoint");
  });

  it("of a zone gets a certificate that DNS validates, a mapping to the API's stage, and a record", async () => {
    const { registrations, result } = await loadProgram(
      withSettings({ domainName: "api.example.com", hostedZoneId: "Z0123456789" }),
    );
    expect(ownOf(registrations)).to.deep.equal({
      "acm.Certificate domain-certificate": { domainName: "api.example.com", validationMethod: "DNS" },
      "route53.Record domain-validation-record": {
        zoneId: "Z0123456789",
        name: "_x1.api.example.com.",
        type: "CNAME",
        records: ["_x2.acm-validations.aws."],
        allowOverwrite: true,
        ttl: 60,
      },
      "acm.CertificateValidation domain-validation": {
        certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/domain-certificate-0a1b2c3",
        validationRecordFqdns: ["_x1.api.example.com"],
      },
      "apigatewayv2.DomainName domain": {
        domainName: "api.example.com",
        domainNameConfiguration: {
          certificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/domain-certificate-0a1b2c3",
          endpointType: "REGIONAL",
          securityPolicy: "TLS_1_2",
        },
      },
      "apigatewayv2.ApiMapping domain-mapping": {
        apiId: "http-api-0a1b2c3",
        domainName: "api.example.com",
        stage: "$default",
      },
      "route53.Record domain-record": {
        zoneId: "Z0123456789",
        name: "api.example.com",
        type: "A",
        aliases: [
          {
            name: "d-0a1b2c3.execute-api.eu-west-1.amazonaws.com",
            zoneId: "Z2EXAMPLE",
            evaluateTargetHealth: false,
          },
        ],
      },
    });
    // API Gateway takes only a certificate that is valid already.
    expect(only(registrations, "apigatewayv2.DomainName domain").dependencies).to.include(
      "acm.CertificateValidation domain-validation",
    );
    expect(await valueFrom(result.apiUrl)).to.equal("https://api.example.com");
  });

  it("with a certificate makes none, and without a zone no record, and tells what a record refers to", async () => {
    const { registrations, result } = await loadProgram(
      withSettings({ domainName: "api.example.com", certificateArn }),
    );
    expect(Object.keys(ownOf(registrations))).to.have.members([
      "apigatewayv2.DomainName domain",
      "apigatewayv2.ApiMapping domain-mapping",
    ]);
    expect(only(registrations, "apigatewayv2.DomainName domain").inputs.domainNameConfiguration).to.include({
      certificateArn,
    });
    expect(await valueFrom(result.domainTarget)).to.equal("d-0a1b2c3.execute-api.eu-west-1.amazonaws.com");
  });

  it("with a certificate and a zone makes the record only", async () => {
    const { registrations } = await loadProgram(
      withSettings({ domainName: "api.example.com", certificateArn, hostedZoneId: "Z0123456789" }),
    );
    expect(Object.keys(ownOf(registrations))).to.have.members([
      "apigatewayv2.DomainName domain",
      "apigatewayv2.ApiMapping domain-mapping",
      "route53.Record domain-record",
    ]);
  });

  it("may be the API's only address", async () => {
    const { registrations } = await loadProgram(
      withSettings({ domainName: "api.example.com", certificateArn, defaultEndpoint: "false" }),
    );
    expect(only(registrations, "apigatewayv2.Api http-api").inputs.disableExecuteApiEndpoint).to.equal(true);
  });
});

/** The inputs of what belongs to the domain. */
function ownOf(registrations: readonly Registration[]): Record<string, unknown> {
  const own = registrations.filter(({ parent }) => parent === "CustomDomain domain");
  return Object.fromEntries(own.map(({ key, inputs }) => [key, inputs]));
}
