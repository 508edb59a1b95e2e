import { expect } from "chai";
import { readSettings } from "../settings/settings.ts";
import { dev, evaluate, failureOf, only, type Registration, valueFrom } from "./mocks.ts";
import { loadProgram } from "./sampleProgram.ts";

const certificateArn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
const longDomain = `${"a".repeat(53)}.example.com`;
const jwt = { jwtIssuer: "https://login.example.com/tenant", jwtAudience: '["my-api","other"]' };

describe("a custom domain", () => {
  it("is none by default, and the API's own address is the stack's", async () => {
    const { registrations } = await loadProgram(dev);
    expect(
      registrations.filter(({ type }) => /CustomDomain|DomainName|acm|route53|ApiMapping/.test(type)),
    ).to.deep.equal([]);
    expect(only(registrations, "apigatewayv2.Api http-api").inputs).to.not.have.property("disableExecuteApiEndpoint");
  });

  for (const domainName of ["api.example.xn--p1ai", "a.b.c.museum", `${"a".repeat(52)}.example.com`]) {
    it(`may be ${domainName}`, async () => {
      const config = { ...dev.config, domainName, hostedZoneId: "Z0123456789" };
      const { result } = await evaluate({ ...dev, config }, () => readSettings(["hello-user"]));
      expect(result.domain?.domainName).to.equal(domainName);
    });
  }

  it("of a zone gets a certificate that DNS validates, a mapping to the API's stage, and a record", async () => {
    const config = { ...dev.config, domainName: "api.example.com", hostedZoneId: "Z0123456789" };
    const { registrations, result } = await loadProgram({ ...dev, config });
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
    const config = { ...dev.config, domainName: "api.example.com", certificateArn };
    const { registrations, result } = await loadProgram({ ...dev, config });
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
    const config = { ...dev.config, domainName: "api.example.com", certificateArn, hostedZoneId: "Z0123456789" };
    const { registrations } = await loadProgram({ ...dev, config });
    expect(Object.keys(ownOf(registrations))).to.have.members([
      "apigatewayv2.DomainName domain",
      "apigatewayv2.ApiMapping domain-mapping",
      "route53.Record domain-record",
    ]);
  });

  it("may be the API's only address", async () => {
    const config = { ...dev.config, domainName: "api.example.com", certificateArn, defaultEndpoint: "false" };
    const { registrations } = await loadProgram({ ...dev, config });
    expect(only(registrations, "apigatewayv2.Api http-api").inputs.disableExecuteApiEndpoint).to.equal(true);
  });
});

describe("a JWT authorizer", () => {
  it("is none by default, and the route asks for no token", async () => {
    const { registrations } = await loadProgram(dev);
    expect(registrations.filter(({ type }) => type.endsWith(":Authorizer"))).to.deep.equal([]);
    expect(only(registrations, "apigatewayv2.Route http-GET /hello_user").inputs).to.have.all.keys(
      "apiId",
      "routeKey",
      "target",
    );
  });

  it("verifies the tokens of the settings' issuer and audience for the route", async () => {
    const { registrations } = await loadProgram({ ...dev, config: { ...dev.config, ...jwt } });
    expect(only(registrations, "apigatewayv2.Authorizer http-authorizer").inputs).to.deep.equal({
      apiId: "http-api-0a1b2c3",
      name: "jwt",
      authorizerType: "JWT",
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: { issuer: "https://login.example.com/tenant", audiences: ["my-api", "other"] },
    });
    expect(only(registrations, "apigatewayv2.Route http-GET /hello_user").inputs).to.include({
      authorizationType: "JWT",
      authorizerId: "http-authorizer-0a1b2c3",
    });
  });
});

describe("the settings of access and alerts that are not usable, and of which nothing is registered:", () => {
  const rules = {
    jwtIssuer: "it must be the https URL of an OpenID Connect issuer, such as https://login.example.com/tenant",
    jwtAudience: 'it must be a list of what a token may be for, such as ["my-api"]',
    domainName: "it must be the name of a domain in lower case, such as api.example.com",
    hostedZoneId: "it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
    certificateArn: "it must be the ARN of a certificate: arn:aws:acm:<region>:<account>:certificate/<id>",
    defaultEndpoint: "it must be one of true, false",
    tracing: "it must be one of true, false",
    alerts: "it must be one of true, false",
    alertSubscribers: 'it must be a list of e-mail addresses and https URLs, such as ["team@example.com"], each once',
  } as const;
  const usable = { domainName: "api.example.com", hostedZoneId: "Z0123456789", certificateArn, ...jwt, alerts: "true" };
  const refused: Readonly<Record<keyof typeof rules, readonly string[]>> = {
    jwtIssuer: [
      "",
      "login.example.com",
      "http://login.example.com",
      "https://a.example.com?x=1",
      "http://127.0.0.1.evil.com",
    ],
    jwtAudience: ["", "my-api", "[]", '[""]', "[1]", "{}"],
    domainName: [
      "",
      "API.example.com",
      "https://api.example.com",
      "example",
      "*.example.com",
      "api.example.com.",
      "api.example.c",
      "10.0.0.1",
    ],
    hostedZoneId: ["", "/hostedzone/Z1", "z0123"],
    certificateArn: ["", "arn:aws:iam::123456789012:server-certificate/x", certificateArn.slice(0, -1)],
    defaultEndpoint: ["", "no"],
    tracing: ["", "Active"],
    alerts: ["", "yes"],
    alertSubscribers: [
      "",
      "team@example.com",
      '["team"]',
      '["http://hooks.example.com"]',
      '["ftp://example.com"]',
      "[1]",
      '["a@example.com","a@example.com"]',
    ],
  };
  for (const [key, values] of Object.entries(refused) as [keyof typeof rules, readonly string[]][]) {
    for (const value of values) {
      it(`${key} = ${JSON.stringify(value)}`, async () => {
        expect(await refusalOf({ ...usable, [key]: value })).to.equal(
          `push-to-live:${key} is ${JSON.stringify(value)}: ${rules[key]}`,
        );
      });
    }
  }

  for (const [settings, problem] of [
    [{ jwtIssuer: jwt.jwtIssuer }, `jwtIssuer is "${jwt.jwtIssuer}": set jwtAudience as well`],
    [{ jwtAudience: '["a"]' }, 'jwtAudience is "[\\"a\\"]": set jwtIssuer as well'],
    [{ domainName: "a.example.com" }, 'domainName is "a.example.com": set hostedZoneId or certificateArn as well'],
    [{ hostedZoneId: "Z1" }, 'hostedZoneId is "Z1": set domainName as well'],
    [{ certificateArn }, `certificateArn is "${certificateArn}": set domainName as well`],
    [
      { domainName: longDomain, hostedZoneId: "Z1" },
      `domainName is "${longDomain}": ACM takes a name of up to 64 characters: shorten it, or set certificateArn`,
    ],
    [{ defaultEndpoint: "false" }, 'defaultEndpoint is "false": set domainName as well'],
    [
      { alertSubscribers: '["a@example.com"]' },
      'alertSubscribers is "***": alerts is not true, so that nobody would be told: set it, or remove this',
    ],
    [{ alarms: "5" }, `alarms is 5: it must be an object with ${alarmNames()}`],
    [{ alarms: "many" }, `alarms is "many": it must be an object with ${alarmNames()}`],
    [{ alarms: '{"apiErrors":0}' }, "alarms.apiErrors is 0: it must be a whole number from 1"],
    [{ alarms: '{"apiErrors":1.5}' }, "alarms.apiErrors is 1.5: it must be a whole number from 1"],
    [{ alarms: '{"apiErrors":"1"}' }, 'alarms.apiErrors is "1": it must be a whole number from 1'],
    [{ alarms: '{"toString":1}' }, `alarms.toString is no alarm: there are ${alarmNames()}`],
  ] as [Record<string, string>, string][]) {
    it(Object.entries(settings).join(" and "), async () => {
      expect(await refusalOf(settings)).to.equal(`push-to-live:${problem}`);
    });
  }

  it("a certificate of another region than the stack's", async () => {
    const config = { ...dev.config, domainName: "api.example.com", certificateArn };
    const within = (region: string) => ({ ...dev, config, awsConfig: { "aws:region": region } });
    await evaluate(within("eu-west-1"), () => readSettings(["hello-user"]));
    const { message } = await failureOf(evaluate(within("us-east-1"), () => readSettings(["hello-user"])));
    expect(message).to.contain(
      `certificateArn is "${certificateArn}": API Gateway takes a certificate of the stack's region only, us-east-1`,
    );
  });

  it("encrypted subscribers, which the message does not repeat", async () => {
    const failure = await failureOf(
      evaluate({ ...dev, secretConfig: { alertSubscribers: '["a-secret"]' } }, () => readSettings(["hello-user"])),
    );
    expect(failure.message).to.not.contain("a-secret");
    expect(failure.message).to.contain('alertSubscribers is "***"');
  });
});

function alarmNames(): string {
  return "apiErrors, apiClientErrors, functionErrors, functionThrottles, functionDuration, failedBuilds";
}

/** The only problem with settings. */
async function refusalOf(settings: Readonly<Record<string, string>>): Promise<string> {
  const config = { ...dev.config, ...settings };
  const failure = await failureOf(evaluate({ ...dev, config }, () => readSettings(["hello-user"])));
  expect(failure.registrations).to.deep.equal([]);
  const [, ...lines] = failure.message.split("\n");
  expect(lines).to.have.lengthOf(2);
  return lines[0]?.replace("  - ", "") ?? "";
}

/** The inputs of what belongs to the domain. */
function ownOf(registrations: readonly Registration[]): Record<string, unknown> {
  const own = registrations.filter(({ parent }) => parent === "CustomDomain domain");
  return Object.fromEntries(own.map(({ key, inputs }) => [key, inputs]));
}
