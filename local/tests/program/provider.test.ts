import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as codebuild from "@aws-sdk/client-codebuild";
import * as codedeploy from "@aws-sdk/client-codedeploy";
import * as lambda from "@aws-sdk/client-lambda";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { z } from "zod";
import { isComputed } from "../../../infra/tests/providerTypes.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { type LifeCycle, localProvider, typesOf } from "../../program/provider.ts";

describe("local provider", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let directory: string;
  let provider: LifeCycle;

  before(async () => {
    directory = await temporary();
    cloud = await LocalCloud.start(directory, 0);
    provider = localProvider(cloud, directory);
  });

  after(() => cloud.close());

  /** Checks a resource's inputs as the engine does before it creates, and tells why they are refused. */
  async function refusal(type: string, inputs: object): Promise<string> {
    try {
      const { failures = [] } = await provider.check(`urn:pulumi:s::p::parent$${type}::it`, {}, inputs);
      return failures.map(({ reason }) => reason).join("; ");
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  it("keeps the old value of exactly the optional properties that the real provider computes where they are left out", async () => {
    const kept: string[] = [];
    const computed: string[] = [];
    for (const [type, { inputs }] of Object.entries(typesOf(cloud, directory))) {
      for (const { path, isKept } of optionalProperties(inputs)) {
        const property = `${type.split(":").at(-1)} ${path.join(".")}`;
        kept.push(...(isKept ? [property] : []));
        computed.push(...((await isComputed(type, path)) ? [property] : []));
      }
    }
    expect(kept).to.deep.equal(computed);
    expect(computed).to.include.members(["Function tracingConfig", "Webhook pullRequestBuildPolicy"]);
  });

  it("refuses, with the service's own error and before anything changes, what an account has once", async () => {
    const errorsOf: Record<string, object> = { cloudwatch: logs, codebuild, codedeploy, lambda };
    const examples: Record<string, object> = {
      "aws:cloudwatch/logGroup:LogGroup": { name: "/g", retentionInDays: 1 },
      "aws:codedeploy/application:Application": { name: "app", computePlatform: "Lambda" },
      "aws:codedeploy/deploymentGroup:DeploymentGroup": {
        appName: "app",
        deploymentGroupName: "fn",
        deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
        autoRollbackConfiguration: { enabled: true, events: [] },
      },
    };
    for (const [type, inputs] of Object.entries(examples)) {
      const create = () => provider.create(`urn:pulumi:s::p::${type}::it`, inputs);
      const { id } = await create();
      const error = await create().catch(String);
      const [, code = ""] = /^Error: it \(.*?\): (\w+): .*$/.exec(String(error)) ?? [];
      expect(errorsOf[type.split(/[:/]/)[1] ?? ""], `${error}`).to.have.property(code);
      await provider.delete(id, `urn:pulumi:s::p::${type}::it`, inputs);
      await create();
    }
  });

  it("names a resource type that it does not know", async () => {
    expect(await refusal("aws:s3/bucket:Bucket", {})).to.equal(
      "it: the local cloud has no resource of type aws:s3/bucket:Bucket",
    );
  });

  it("names a property that it does not know, also a nested one", async () => {
    const logGroup = { name: "/g", retentionInDays: 1, kmsKeyId: "key" };
    expect(await refusal("aws:cloudwatch/logGroup:LogGroup", logGroup)).to.match(/LogGroup.*does not take.*"kmsKeyId"/);
    const webhook = {
      projectName: "p",
      buildType: "BUILD",
      filterGroups: [{ filters: [{ type: "EVENT", pattern: "PUSH", excludeMatchedPattern: true }] }],
    };
    expect(await refusal("aws:codebuild/webhook:Webhook", webhook)).to.match(
      /filterGroups: 0: filters: 0: .*"excludeMatchedPattern"/,
    );
  });

  for (const [what, type, inputs, message] of [
    [
      "a webhook filter",
      "aws:codebuild/webhook:Webhook",
      { filterGroups: [{ filters: [{ type: "FILE_PATH", pattern: "x" }] }] },
      /filterGroups: 0: filters: 0: type: /,
    ],
    [
      "a policy for pull requests",
      "aws:codebuild/webhook:Webhook",
      { pullRequestBuildPolicy: { requiresCommentApproval: "DISABLED", approverRoles: [] } },
      /pullRequestBuildPolicy: requiresCommentApproval: /,
    ],
    [
      "a role that approves",
      "aws:codebuild/webhook:Webhook",
      { pullRequestBuildPolicy: { requiresCommentApproval: "FORK_PULL_REQUESTS", approverRoles: ["GITHUB_READ"] } },
      /pullRequestBuildPolicy: approverRoles: 0: /,
    ],
    [
      "a target of a status",
      "aws:codebuild/project:Project",
      { source: { buildStatusConfig: { context: "c", targetUrl: "https://example.com" } } },
      /buildStatusConfig: .*"targetUrl"/,
    ],
    [
      "an OIDC issuer",
      "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
      { url: "https://example.com", clientIdLists: ["sts.amazonaws.com"] },
      /url: /,
    ],
  ] as const) {
    it(`names ${what} that it does not know`, async () => {
      expect(await refusal(type, inputs)).to.match(message);
    });
  }

  it("names a value that it does not know", async () => {
    const route = { apiId: "a", routeKey: "GET /users/{id}", target: "integrations/1" };
    expect(await refusal("aws:apigatewayv2/route:Route", route)).to.match(/does not take routeKey: /);
  });

  const role = { description: "d", assumeRolePolicy: { Version: "2012-10-17", Statement: [] } };
  const statements = (length: number) => ({ Version: "2012-10-17", Statement: ["x".repeat(length)] });
  for (const [type, inputs, limit] of [
    ["aws:cloudwatch/logGroup:LogGroup", { name: "n".repeat(513), retentionInDays: 1 }, /name: .*512/],
    ["aws:iam/rolePolicy:RolePolicy", { role: "r", policy: statements(10_240) }, /policy: IAM takes 10240/],
    ["aws:iam/role:Role", { ...role, assumeRolePolicy: statements(2048) }, /assumeRolePolicy: IAM takes 2048/],
    ["aws:lambda/function:Function", { name: "n".repeat(65) }, /name: .*64/],
    ["aws:lambda/function:Function", { memorySize: 127 }, /memorySize: .*128/],
    [
      "aws:lambda/function:Function",
      { environment: { variables: { KEY: "v".repeat(4096) } } },
      /environment: variables: Lambda takes 4 KB/,
    ],
    [
      "aws:codebuild/project:Project",
      { environment: { environmentVariables: [{ name: "A", value: "v".repeat(5500) }] } },
      /CodeBuild takes 5500 characters/,
    ],
    [
      "aws:codebuild/project:Project",
      { environment: { environmentVariables: [{ name: "CODEBUILD_A", value: "v" }] } },
      /name: is CodeBuild's own/,
    ],
    [
      "aws:codedeploy/deploymentConfig:DeploymentConfig",
      { trafficRoutingConfig: { type: "AllAtOnce" } },
      /trafficRoutingConfig: type: .*TimeBasedCanary/,
    ],
    ["aws:codedeploy/deploymentConfig:DeploymentConfig", { computePlatform: "Server" }, /computePlatform: .*Lambda/],
    [
      "aws:codedeploy/deploymentConfig:DeploymentConfig",
      { deploymentConfigName: "mine", computePlatform: "Lambda" },
      /"deploymentConfigName"/,
    ],
    ["aws:codedeploy/deploymentGroup:DeploymentGroup", { alarmConfiguration: {} }, /"alarmConfiguration"/],
  ] as const) {
    it(`enforces a limit of AWS's on ${type}: ${limit.source}`, async () => {
      expect(await refusal(type, inputs)).to.match(limit);
    });
  }

  it("makes names of roles as long as IAM takes them, and no longer", async () => {
    const create = (name: string) => provider.create(`urn:pulumi:s::p::aws:iam/role:Role::${name}`, role);
    expect((await create("r".repeat(56))).id).to.have.lengthOf(64);
    const error = await create("r".repeat(57)).catch((reason: Error) => reason);
    expect(error).to.be.an("error").with.property("message").that.contains("more than 64 characters");
  });

  it("takes a value that a preview does not know yet, of whatever kind it will be, but no property that it does not know", async () => {
    const unknown = pulumi.runtime.unknownValue;
    const dashboard = { dashboardName: "d", dashboardBody: unknown };
    expect(await refusal("aws:cloudwatch/dashboard:Dashboard", dashboard)).to.equal("");
    expect(await refusal("aws:cloudwatch/dashboard:Dashboard", { ...dashboard, dashboardBody: "{}" })).to.match(
      /dashboardBody: is no dashboard/,
    );
    expect(await refusal("aws:cloudwatch/dashboard:Dashboard", { ...dashboard, region: unknown })).to.match(/"region"/);
  });

  it("names a missing property", async () => {
    expect(await refusal("aws:cloudwatch/logGroup:LogGroup", { name: "/g" })).to.match(/retentionInDays: /);
  });

  it("names a provider function that it does not answer", async () => {
    const answer = await provider.invoke("aws:ec2/getAmi:getAmi", {}).catch((error: Error) => error.message);
    expect(answer).to.equal("the local cloud does not answer aws:ec2/getAmi:getAmi");
  });

  it("refuses a project whose repository the local GitHub does not have", async () => {
    expect(() =>
      cloud.codebuild.putProject({
        name: "p",
        sourceVersion: "main",
        source: { location: "https://github.com/owner/other.git", buildspec: "buildspec.yml" },
        environment: { image: "i", environmentVariables: [] },
        logsConfig: { cloudwatchLogs: { groupName: "/g" } },
        buildTimeout: 5,
      }),
    ).to.throw("the local GitHub has no repository owner/other");
  });
});

/** The properties that a schema lets a program leave out, by their path without the indices of arrays. */
function optionalProperties(schema: z.ZodType, above: readonly string[] = []): { path: string[]; isKept: boolean }[] {
  if (schema instanceof z.ZodOptional) {
    return optionalProperties(schema.unwrap() as z.ZodType, above);
  }
  if (schema instanceof z.ZodArray) {
    return optionalProperties(schema.element as z.ZodType, above);
  }
  if (schema instanceof z.ZodTuple) {
    return schema.def.items.flatMap((item) => optionalProperties(item as z.ZodType, above));
  }
  if (!(schema instanceof z.ZodObject)) {
    return [];
  }
  return Object.entries<z.ZodType>(schema.shape).flatMap(([name, property]) => {
    const path = [...above, name];
    const own = property instanceof z.ZodOptional ? [{ path, isKept: property.meta()?.computed === true }] : [];
    return [...own, ...optionalProperties(property, path)];
  });
}
