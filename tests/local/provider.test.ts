import { expect } from "chai";
import { LocalCloud } from "../../local/cloud.ts";
import { type LifeCycle, localProvider } from "../../local/provider.ts";
import { temporaryDirectories } from "../temporary.ts";

describe("local provider", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let provider: LifeCycle;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    provider = localProvider(cloud);
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

  it("names a value that it does not know", async () => {
    const route = { apiId: "a", routeKey: "GET /users/{id}", target: "integrations/1" };
    expect(await refusal("aws:apigatewayv2/route:Route", route)).to.match(/does not take routeKey: /);
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
