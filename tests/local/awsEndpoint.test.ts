import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { LocalCloud } from "../../local/cloud.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";
import { temporaryDirectories } from "../temporary.ts";

const zip = (body: string): Uint8Array =>
  zipSync({ "handler.mjs": strToU8(`export const handler = async (event) => ({ body: ${body}, event });`) });

describe("local AWS endpoint, called by the AWS SDK", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let lambda: Lambda;
  let codedeploy: CodeDeploy;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    lambda = new Lambda(clientOptions(cloud));
    codedeploy = new CodeDeploy(clientOptions(cloud));
    const settings = functionSettings("fn");
    cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(settings, zip("1")));
    cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings());
  });

  after(async () => {
    for (const client of [lambda, codedeploy]) {
      client.destroy();
    }
    await cloud.close();
  });

  async function refusal(promise: Promise<unknown>): Promise<{ name: string; status?: number; message: string }> {
    return promise.then(
      () => ({ name: "none", message: "nothing was refused" }),
      ({ name, message, $metadata }) => ({ name, message, status: $metadata?.httpStatusCode }),
    );
  }

  /** A deployment of `fn` by an AppSpec file with these versions. */
  function deploy(
    currentversion: string,
    targetversion: string,
    group = "fn",
    extra: object = {},
    options: { deploymentConfigName?: string } = {},
  ) {
    const Properties = { name: "fn", alias: "live", currentversion, targetversion, ...extra };
    const content = JSON.stringify({ version: 0, Resources: [{ fn: { Type: "AWS::Lambda::Function", Properties } }] });
    return codedeploy.createDeployment({
      applicationName: "app",
      deploymentGroupName: group,
      ...options,
      revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
    });
  }

  it("resolves a qualifier: $LATEST, a version, an alias", async () => {
    const versionOf = async (qualifier?: string): Promise<string | undefined> =>
      (await lambda.getFunctionConfiguration({ FunctionName: "fn", ...(qualifier && { Qualifier: qualifier }) }))
        .Version;
    expect([await versionOf(), await versionOf("1"), await versionOf("live")]).to.deep.equal(["$LATEST", "1", "1"]);
  });

  it("carries an invocation's payload and a function's error", async () => {
    const reply = await lambda.invoke({ FunctionName: "fn", Qualifier: "live", Payload: strToU8('{"é":"ü"}') });
    expect(JSON.parse(Buffer.from(reply.Payload ?? []).toString())).to.deep.equal({ body: 1, event: { é: "ü" } });
    expect(reply.FunctionError).to.equal(undefined);
  });

  it("answers ResourceNotFoundException for an unknown function, version and alias", async () => {
    const { name, status } = await refusal(lambda.getFunction({ FunctionName: "nothing" }));
    expect({ name, status }).to.deep.equal({ name: "ResourceNotFoundException", status: 404 });
    expect((await refusal(lambda.getFunction({ FunctionName: "fn", Qualifier: "99" }))).name).to.equal(
      "ResourceNotFoundException",
    );
    expect((await refusal(lambda.getAlias({ FunctionName: "fn", Name: "dead" }))).name).to.equal(
      "ResourceNotFoundException",
    );
  });

  it("refuses a stale RevisionId, a second update before the first has settled, and a wrong CodeSha256", async () => {
    const update = (RevisionId?: string) =>
      lambda.updateFunctionCode({ FunctionName: "fn", ZipFile: zip("2"), ...(RevisionId && { RevisionId }) });
    const stale = await refusal(update("stale"));
    expect([stale.name, stale.status]).to.deep.equal(["PreconditionFailedException", 412]);
    await update();
    const second = await refusal(update());
    expect([second.name, second.status]).to.deep.equal(["ResourceConflictException", 409]);
    expect((await refusal(lambda.publishVersion({ FunctionName: "fn" }))).name).to.equal("ResourceConflictException");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await refusal(lambda.publishVersion({ FunctionName: "fn", CodeSha256: "other" }))).name).to.equal(
      "InvalidParameterValueException",
    );
  });

  it("describes an alias, if it is as the caller has read it, and keeps what it is not given", async () => {
    const live = { FunctionName: "fn", Name: "live" };
    const { RevisionId } = await lambda.getAlias(live);
    const described = await lambda.updateAlias({ ...live, Description: "first", RevisionId });
    expect(described).to.deep.include({ Name: "live", Description: "first", FunctionVersion: "1" });
    const stale = await refusal(lambda.updateAlias({ ...live, Description: "second", RevisionId }));
    expect([stale.name, stale.status]).to.deep.equal(["PreconditionFailedException", 412]);
    expect(await lambda.getAlias(live)).to.deep.include({ Description: "first", RevisionId: described.RevisionId });
    const moved = await refusal(lambda.updateAlias({ ...live, FunctionVersion: "1" }));
    expect(moved.message).to.match(/^the local cloud does not implement FunctionVersion of lambda:UpdateAlias; /);
    const { name } = await refusal(lambda.updateAlias({ ...live, Name: "dead", Description: "" }));
    expect(name).to.equal("ResourceNotFoundException");
  });

  it("names an operation, a member and a service that the local cloud does not implement", async () => {
    const operation = await refusal(lambda.deleteFunction({ FunctionName: "fn" }));
    expect(operation.status).to.equal(501);
    expect(operation.message).to.match(
      /^the local cloud does not implement lambda:DeleteFunction; it knows GetAlias, /,
    );
    const member = await refusal(lambda.publishVersion({ FunctionName: "fn", RevisionId: "x" }));
    expect(member.message).to.match(
      /^the local cloud does not implement RevisionId of lambda:PublishVersion; it knows /,
    );
    const authorization = "AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/sqs/aws4_request, Signature=x";
    const service = await fetch(cloud.awsUrl, { method: "POST", headers: { authorization } });
    expect(service.status).to.equal(501);
    expect(await service.json()).to.deep.include({
      message: "the local cloud does not implement sqs; it knows lambda, codedeploy, codebuild",
    });
  });

  it("refuses a request that is not signed, and one that a web page sends through a name of its own", async () => {
    const path = "/2015-03-31/functions/fn";
    expect((await fetch(cloud.awsUrl + path)).status).to.equal(403);
    const authorization = "AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/lambda/aws4_request, Signature=x";
    expect((await fetch(cloud.awsUrl + path, { headers: { authorization } })).status).to.equal(200);
    const { request } = await import("node:http");
    const rebound = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization, host: "attacker.example" };
      request(cloud.awsUrl + path, { headers }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    expect(rebound).to.equal(403);
  });

  it("names a required member that is missing", async () => {
    const authorization = "AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/codedeploy/aws4_request, Signature=x";
    const headers = { authorization, "x-amz-target": "CodeDeploy_20141006.GetDeployment" };
    const response = await fetch(cloud.awsUrl, { method: "POST", headers, body: "{}" });
    expect(response.status).to.equal(400);
    expect(await response.json()).to.deep.equal({
      __type: "ValidationException",
      message: "GetDeployment requires deploymentId",
    });
  });

  it("moves the alias, which keeps its description, when the AppSpec file agrees with it, and fails the deployment when not", async () => {
    await lambda.publishVersion({ FunctionName: "fn" });
    const ended = async (deploymentId = "") => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await codedeploy.getDeployment({ deploymentId })).deploymentInfo;
    };
    const moved = await ended((await deploy("1", "2")).deploymentId);
    expect([moved?.status, moved?.completeTime instanceof Date]).to.deep.equal(["Succeeded", true]);
    const { FunctionVersion, Description } = await lambda.getAlias({ FunctionName: "fn", Name: "live" });
    expect({ FunctionVersion, Description }).to.deep.equal({ FunctionVersion: "2", Description: "first" });
    const failed = await ended((await deploy("1", "2")).deploymentId);
    expect([failed?.status, failed?.errorInformation?.message]).to.deep.equal([
      "Failed",
      "Error: the alias live refers to version 2, the AppSpec file to version 1",
    ]);
    const unknown = await ended((await deploy("2", "9")).deploymentId);
    expect(unknown?.status).to.equal("Failed");
  });

  it("takes a deployment configuration in place of the group's, and refuses by name what it cannot do", async () => {
    const allAtOnce = { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" };
    expect((await deploy("2", "1", "fn", {}, allAtOnce)).deploymentId).to.match(/^d-/);
    const linear = { deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute" };
    const { status, message } = await refusal(deploy("2", "1", "fn", {}, linear));
    expect([status, message]).to.deep.equal([
      501,
      `the local cloud shifts traffic by ${allAtOnce.deploymentConfigName} only, not by ${linear.deploymentConfigName}`,
    ]);
  });

  it("refuses an unknown deployment group, deployment and AppSpec property", async () => {
    expect((await refusal(deploy("1", "2", "other"))).name).to.equal("DeploymentGroupDoesNotExistException");
    expect((await refusal(codedeploy.getDeployment({ deploymentId: "d-NONE" }))).name).to.equal(
      "DeploymentDoesNotExistException",
    );
    const { name, message } = await refusal(deploy("1", "2", "fn", { hooks: "x" }));
    expect([name, message.includes("hooks")]).to.deep.equal(["InvalidRevisionException", true]);
    expect((await refusal(deploy("1", "$LATEST"))).name).to.equal("InvalidRevisionException");
  });
});
