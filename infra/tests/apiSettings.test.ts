import { expect } from "chai";
import { refusal, refusalOf, refusesEach, settingsOf } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

const certificateArn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
const longDomain = `${"a".repeat(53)}.example.com`;
const jwt = { jwtIssuer: "https://login.example.com/tenant", jwtAudience: '["my-api","other"]' };
const domain = { domainName: "api.example.com", hostedZoneId: "Z0123456789", certificateArn };
const origins = 'it must be a list of origins, such as ["https://www.example.com"] or ["https://*"], or ["*"]';
const limit = "it must be a whole number from 1 to 1000000";

describe("the settings of the API", () => {
  for (const allowed of [
    ["https://www.example.com"],
    ["https://a.example.com:8443", "http://localhost:5173"],
    ["*"],
    ["https://*"],
    ["http://*", "https://*"],
  ]) {
    it(`take the origins ${allowed.join(" and ")}`, async () => {
      const { api } = await settingsOf(withSettings({ corsOrigins: JSON.stringify(allowed) }));
      expect(api.corsOrigins).to.deep.equal(allowed);
    });
  }

  it("take limits on requests", async () => {
    const { api } = await settingsOf(withSettings({ throttlingRateLimit: "1", throttlingBurstLimit: "1000000" }));
    expect(api.throttling).to.deep.equal({ rateLimit: 1, burstLimit: 1_000_000 });
  });

  for (const protect of [true, false]) {
    it(`take protect = ${protect}`, async () => {
      const settings = await settingsOf(withSettings({ protect: String(protect) }));
      expect([settings.api.protect, settings.function("hello-user").protect]).to.deep.equal([protect, protect]);
    });
  }
});

describe("the settings of the API's domain", () => {
  for (const domainName of ["api.example.xn--p1ai", "a.b.c.museum", `${"a".repeat(52)}.example.com`]) {
    it(`may be ${domainName}`, async () => {
      const settings = await settingsOf(withSettings({ domainName, hostedZoneId: "Z0123456789" }));
      expect(settings.domain?.domainName).to.equal(domainName);
    });
  }
});

describe("the settings of the API and its domain that are not usable:", () => {
  refusesEach("corsOrigins", origins, [
    "",
    "https://www.example.com",
    '["https://www.example.com/"]',
    '["https://www.example.com/page"]',
    '["www.example.com"]',
    '["*", "https://www.example.com"]',
    '["https://*.example.com"]',
    '["ftp://www.example.com"]',
    '["null"]',
    "[1]",
    "{}",
  ]);
  refusesEach("throttlingRateLimit", limit, ["", "0", "-1", "0.5", "1000001", "many"]);
  refusesEach("throttlingBurstLimit", limit, ["", "0", "1e3"]);
  refusesEach("protect", "it must be one of true, false", ["", "yes", "True", "toString", "1"]);
  refusesEach(
    "jwtIssuer",
    "it must be the https URL of an OpenID Connect issuer, such as https://login.example.com/tenant",
    ["", "login.example.com", "http://login.example.com", "https://a.example.com?x=1", "http://127.0.0.1.evil.com"],
    jwt,
  );
  refusesEach(
    "jwtAudience",
    'it must be a list of what a token may be for, such as ["my-api"]',
    ["", "my-api", "[]", '[""]', "[1]", "{}"],
    jwt,
  );
  refusesEach(
    "domainName",
    "it must be the name of a domain in lower case, such as api.example.com",
    [
      "",
      "API.example.com",
      "https://api.example.com",
      "example",
      "*.example.com",
      "api.example.com.",
      "api.example.c",
      "10.0.0.1",
    ],
    domain,
  );
  refusesEach(
    "hostedZoneId",
    "it must be the id of a Route 53 hosted zone, such as Z0123456789ABCDEFGHIJ",
    ["", "/hostedzone/Z1", "z0123"],
    domain,
  );
  refusesEach(
    "certificateArn",
    "it must be the ARN of a certificate: arn:aws:acm:<region>:<account>:certificate/<id>",
    ["", "arn:aws:iam::123456789012:server-certificate/x", certificateArn.slice(0, -1)],
    domain,
  );
  refusesEach("defaultEndpoint", "it must be one of true, false", ["", "no"], domain);

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
  ] as [Record<string, string>, string][]) {
    it(Object.entries(settings).join(" and "), async () => {
      expect((await refusalOf(withSettings(settings))).message).to.equal(refusal(`push-to-live:${problem}`));
    });
  }

  it("a certificate of another region than the stack's", async () => {
    const stack = withSettings({ domainName: "api.example.com", certificateArn });
    await settingsOf({ ...stack, awsConfig: { "aws:region": "eu-west-1" } });
    const { message } = await refusalOf({ ...stack, awsConfig: { "aws:region": "us-east-1" } });
    expect(message).to.contain(
      `certificateArn is "${certificateArn}": API Gateway takes a certificate of the stack's region only, us-east-1`,
    );
  });
});
