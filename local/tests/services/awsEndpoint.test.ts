import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
import { refusal } from "../refusal.ts";

const zip = (body: string): Uint8Array =>
  zipSync({ "handler.mjs": strToU8(`export const handler = async (event) => ({ body: ${body}, event });`) });

describe("local AWS endpoint, called by the AWS SDK", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let lambda: Lambda;
  let cloudwatch: CloudWatch;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    lambda = new Lambda(clientOptions(cloud));
    cloudwatch = new CloudWatch(clientOptions(cloud));
    const settings = functionSettings("fn");
    cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(settings, zip("1")));
  });

  after(async () => {
    for (const client of [lambda, cloudwatch]) {
      client.destroy();
    }
    await cloud.close();
  });

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
    const operation = await refusal(lambda.getPolicy({ FunctionName: "fn" }));
    expect(operation.status).to.equal(501);
    expect(operation.message).to.match(
      /^the local cloud does not implement lambda:GetPolicy; it knows DeleteFunction, GetAlias, /,
    );
    const member = await refusal(lambda.publishVersion({ FunctionName: "fn", RevisionId: "x" }));
    expect(member.message).to.match(
      /^the local cloud does not implement RevisionId of lambda:PublishVersion; it knows /,
    );
    const authorization = "AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/sqs/aws4_request, Signature=x";
    const service = await fetch(cloud.awsUrl, { method: "POST", headers: { authorization } });
    expect(service.status).to.equal(501);
    expect(await service.json()).to.deep.include({
      message: "the local cloud does not implement sqs; it knows lambda, codedeploy, codebuild, monitoring, logs",
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

  it("answers an operation that has no output, and goes on", async () => {
    const { $metadata } = await cloudwatch.deleteAlarms({ AlarmNames: ["none"] });
    expect($metadata.httpStatusCode).to.equal(200);
    expect((await lambda.getAlias({ FunctionName: "fn", Name: "live" })).Name).to.equal("live");
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
});
