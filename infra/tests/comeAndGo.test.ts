import { expect } from "chai";
import { dev, type Registration, type Stack } from "./mocks.ts";
import { isComputed } from "./providerTypes.ts";
import { loadProgram } from "./sampleProgram.ts";
import { keyArn, secretArn, withSettings, withToken } from "./stacks.ts";

/** Pairs of stacks, without something and with it: every setting that makes a property come and go. */
const pairs: Readonly<Record<string, readonly [off: Stack, on: Stack]>> = {
  tracing: [dev, withSettings({ tracing: "true" })],
  "a function's environment": [dev, withSettings({ functions: '{"hello-user":{"environment":{"KEY":"x"}}}' })],
  alerts: [dev, withSettings({ alerts: "true", alertSubscribers: '["team@example.com"]' })],
  "origins of other pages": [dev, withSettings({ corsOrigins: '["https://www.example.com"]' })],
  "tokens of an issuer": [dev, withSettings({ jwtIssuer: "https://login.example.com", jwtAudience: '["a"]' })],
  "a domain of a zone": [dev, withSettings({ domainName: "api.example.com", hostedZoneId: "Z0123456789" })],
  "no default endpoint": [
    withSettings({ domainName: "api.example.com", hostedZoneId: "Z0123456789" }),
    withSettings({ domainName: "api.example.com", hostedZoneId: "Z0123456789", defaultEndpoint: "false" }),
  ],
  "builds on Lambda": [withSettings({ buildCompute: "armLambda" }), dev],
  "a canary": [dev, withSettings({ releaseStrategy: "canary25Percent5Minutes", buildTimeoutMinutes: "20" })],
  "a role for previews": [dev, withSettings({ previewRole: "create", previewStateBucket: "states" })],
  protection: [dev, withSettings({ protect: "true" })],
  "no builds of pull requests": [withSettings({ pullRequests: "false" }), dev],
  "a credential for pull requests": [dev, withSettings({ pullRequestTokenSecretArn: secretArn })],
  "a key of the token's": [withToken, { ...withToken, config: { ...withToken.config, tokenKmsKeyArn: keyArn } }],
};

/** Every property of a resource that is there in both cases, and is left out in one of them. */
const comesAndGoes = [
  "aws:apigatewayv2/api:Api corsConfiguration",
  "aws:apigatewayv2/api:Api disableExecuteApiEndpoint",
  "aws:apigatewayv2/route:Route authorizationType",
  "aws:apigatewayv2/route:Route authorizerId",
  "aws:codebuild/project:Project buildTimeout",
  "aws:lambda/function:Function environment",
  "aws:secretsmanager/secret:Secret kmsKeyId",
];

describe("what a setting makes come and go", () => {
  it("is these properties, none of which keeps its old value where it is left out", async () => {
    const found = new Set<string>();
    for (const [off, on] of Object.values(pairs)) {
      // One after the other: Pulumi's runtime is one for the process.
      const without = await propertiesOf(off);
      const having = await propertiesOf(on);
      for (const [resource, paths] of having) {
        const others = without.get(resource);
        for (const path of others ? symmetricDifference(paths, others) : []) {
          found.add(`${resource.split(" ")[0]} ${path}`);
        }
      }
    }
    expect([...found].sort()).to.deep.equal(comesAndGoes);
    const kept: string[] = [];
    for (const property of found) {
      const [type = "", path = ""] = property.split(" ");
      if (await isComputed(type, path.split("."))) {
        kept.push(property);
      }
    }
    expect(kept, "the provider keeps what these had").to.deep.equal([]);
  });

  it("would have been told of tracingConfig, which the provider computes where it is left out", async () => {
    expect(await isComputed("aws:lambda/function:Function", ["tracingConfig"])).to.equal(true);
    expect(await isComputed("aws:lambda/function:Function", ["environment"])).to.equal(false);
  });
});

/** The paths of each resource's properties, by type and name. */
async function propertiesOf(stack: Stack): Promise<Map<string, Set<string>>> {
  const { registrations } = await loadProgram(stack);
  const custom = registrations.filter(({ custom: isCustom }) => isCustom);
  return new Map(custom.map(({ type, key: name, inputs }) => [`${type} ${name}`, new Set(pathsOf(inputs))]));
}

/** The paths of an object's members, of which a policy and a map of the user's own are one. */
function pathsOf(inputs: Registration["inputs"], prefix = ""): string[] {
  return Object.entries(inputs).flatMap(([name, value]) => {
    const path = prefix + name;
    const isLeaf = ["assumeRolePolicy", "policy", "variables", "tags", "code"].includes(name);
    const isNested = typeof value === "object" && value !== null && !Array.isArray(value) && !isLeaf;
    return [path, ...(isNested ? pathsOf(value as Registration["inputs"], `${path}.`) : [])];
  });
}

/** The outermost paths that one set has and the other has not. */
function symmetricDifference(a: ReadonlySet<string>, b: ReadonlySet<string>): string[] {
  const differing = [...a, ...b].filter((path) => a.has(path) !== b.has(path));
  return [...new Set(differing)].filter((path) => !differing.some((other) => path.startsWith(`${other}.`)));
}
