import { expect } from "chai";
import { LocalCloud } from "../../local/cloud.ts";
import { localProvider, type Provider } from "../../local/provider.ts";
import { temporaryDirectories } from "../temporary.ts";

describe("local provider", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let provider: Provider;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    provider = localProvider(cloud);
  });

  after(() => cloud.close());

  async function refusal(type: string, inputs: object): Promise<string> {
    return provider.create(type, "it", inputs).then(
      () => "nothing was refused",
      (error: Error) => error.message,
    );
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
    const group = { appName: "a", deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes" };
    expect(await refusal("aws:codedeploy/deploymentGroup:DeploymentGroup", group)).to.match(
      /deploymentConfigName: .*CodeDeployDefault\.LambdaAllAtOnce/,
    );
  });

  it("names a missing property", async () => {
    expect(await refusal("aws:cloudwatch/logGroup:LogGroup", { name: "/g" })).to.match(/retentionInDays: /);
  });

  it("names a provider function that it does not answer", () => {
    expect(() => provider.invoke("aws:ec2/getAmi:getAmi")).to.throw("does not answer aws:ec2/getAmi:getAmi");
  });

  it("has one HTTP API, and says so to a second", async () => {
    const api = { name: "n", description: "d", protocolType: "HTTP" };
    await provider.create("aws:apigatewayv2/api:Api", "first", api);
    expect(await refusal("aws:apigatewayv2/api:Api", api)).to.contain("one HTTP API");
  });

  it("refuses a project whose repository the local GitHub does not have", async () => {
    expect(() =>
      cloud.codebuild.createProject({
        name: "p",
        source: { location: "https://github.com/owner/other.git", buildspec: "buildspec.yml" },
        environment: { image: "i", environmentVariables: [] },
        logsConfig: { cloudwatchLogs: { groupName: "/g" } },
        buildTimeout: 5,
      }),
    ).to.throw("the local GitHub has no repository owner/other");
  });
});
