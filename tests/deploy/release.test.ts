import { createHash } from "node:crypto";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { type Candidate, mismatch, type Released, release } from "../../deploy/release.ts";
import { LocalCloud } from "../../local/cloud.ts";
import { temporaryDirectories } from "../temporary.ts";

const application = "push-to-live-test";
const commit = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

describe("deploy/release", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let lambda: Lambda;
  let codedeploy: CodeDeploy;
  let lines: string[];

  beforeEach(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    const client = {
      endpoint: cloud.awsUrl,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1,
    };
    lambda = new Lambda(client);
    codedeploy = new CodeDeploy(client);
    lines = [];
  });

  afterEach(async () => {
    lambda.destroy();
    codedeploy.destroy();
    await cloud.close();
  });

  /** What `pulumi up` makes of a function. */
  function create(name: string, zip: Uint8Array): void {
    const settings = {
      FunctionName: `${application}-${name}`,
      Role: "arn:aws:iam::000000000000:role/test",
      Handler: "handler.handler",
      MemorySize: 128,
      Timeout: 3,
      LoggingConfig: { LogFormat: "JSON", LogGroup: `/aws/lambda/${name}` },
    } as const;
    cloud.lambda.putAlias(settings.FunctionName, "live", cloud.lambda.createFunction(settings, zip));
    cloud.codedeploy.createDeploymentGroup(application, name, "CodeDeployDefault.LambdaAllAtOnce");
  }

  function run(...candidates: Candidate[]): Promise<Released[]> {
    return release({ application, commit, candidates, lambda, codedeploy, log: (line) => lines.push(line) });
  }

  async function liveOf(name: string): Promise<string | undefined> {
    return (await lambda.getAlias({ FunctionName: `${application}-${name}`, Name: "live" })).FunctionVersion;
  }

  async function versionsOf(name: string): Promise<(string | undefined)[]> {
    const { Versions = [] } = await lambda.listVersionsByFunction({ FunctionName: `${application}-${name}` });
    return Versions.map(({ Version, Description }) => `${Version}:${Description ?? ""}`);
  }

  it("publishes a changed function described by the commit, and moves live to it", async () => {
    create("hello", zipAnswering("one"));
    expect(await run(candidate("hello", "two"))).to.deep.equal([{ name: "hello", outcome: "released", version: "2" }]);
    expect(await liveOf("hello")).to.equal("2");
    expect(await versionsOf("hello")).to.deep.equal(["$LATEST:", "1:", `2:${commit}`]);
    const { payload } = await cloud.lambda.invoke(`${application}-hello`, "live", "{}");
    expect(JSON.parse(payload)).to.deep.include({ body: "two" });
  });

  it("tells each step: update, version, smoke test, deployment", async () => {
    create("hello", zipAnswering("one"));
    const two = candidate("hello", "two");
    await run(two);
    const sha = createHash("sha256").update(two.zip).digest("base64");
    const told = lines
      .map((line) => line.replace(/d-[0-9A-F]{9}/, "d-X"))
      .filter((line) => !line.endsWith(": Created"));
    expect(told).to.deep.equal([
      `hello: updating the code (${two.zip.byteLength} bytes, SHA-256 ${sha})`,
      `hello: published version 2 of commit ${commit}`,
      "hello: version 2 passed its smoke test",
      "hello: deployment d-X from version 1 to 2: Succeeded",
    ]);
  });

  it("leaves an unchanged function alone and says so", async () => {
    create("hello", zipAnswering("one"));
    expect(await run(candidate("hello", "one"))).to.deep.equal([{ name: "hello", outcome: "unchanged", version: "1" }]);
    expect(lines).to.deep.equal(["hello: unchanged, live stays at version 1"]);
    expect(await versionsOf("hello")).to.deep.equal(["$LATEST:", "1:"]);
  });

  it("releases the code before last: what counts is live, not what was ever published", async () => {
    create("hello", zipAnswering("one"));
    await run(candidate("hello", "two"));
    expect(await run(candidate("hello", "one"))).to.deep.equal([{ name: "hello", outcome: "released", version: "3" }]);
    expect(await liveOf("hello")).to.equal("3");
  });

  it("repairs a release that ended between update and publish", async () => {
    create("hello", zipAnswering("one"));
    const two = candidate("hello", "two");
    await lambda.updateFunctionCode({ FunctionName: `${application}-hello`, ZipFile: two.zip });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await run(two)).to.deep.equal([{ name: "hello", outcome: "released", version: "2" }]);
  });

  it("fails before anything changes when the stack lacks a function, and says what to do", async () => {
    create("hello", zipAnswering("one"));
    const message = await rejection(run(candidate("hello", "two"), candidate("goodbye", "one")));
    expect(message).to.equal(
      `the stack ${application} has no function for functions/goodbye; nothing was released. ` +
        'Declare it in index.ts and run "pulumi up", then start the build again',
    );
    expect(await versionsOf("hello")).to.deep.equal(["$LATEST:", "1:"]);
    expect(lines).to.deep.equal([]);
  });

  it("gives no traffic to a version whose smoke test is answered wrongly, and says what is live", async () => {
    create("hello", zipAnswering("one"));
    const wrong = { ...candidate("hello", "two"), smokeTest: { event: {}, response: { body: "three" } } };
    expect(await rejection(run(wrong))).to.equal(
      'hello: the smoke test of version 2 failed, so it gets no traffic: body is "two", smoke.json expects "three"\n' +
        "hello: live is version 1",
    );
    expect(await liveOf("hello")).to.equal("1");
  });

  it("gives no traffic to a version that crashes at import", async () => {
    create("hello", zipAnswering("one"));
    const crashing = { ...candidate("hello", "two"), zip: zipOf('throw new Error("no such table");') };
    expect(await rejection(run(crashing))).to.match(
      /gets no traffic: it failed: .*no such table[\s\S]*live is version 1$/,
    );
    expect(await liveOf("hello")).to.equal("1");
  });

  it("releases the other functions when one fails, and then fails", async () => {
    create("good", zipAnswering("one"));
    create("bad", zipAnswering("one"));
    const bad = { ...candidate("bad", "two"), smokeTest: { event: {}, response: { statusCode: 201 } } };
    expect(await rejection(run(bad, candidate("good", "two")))).to.match(
      /^bad: the smoke test[\s\S]*bad: live is version 1$/,
    );
    expect(await liveOf("good")).to.equal("2");
  });

  it("releases more functions than it works on at once", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) {
      create(name, zipAnswering("one"));
    }
    const released = await run(...names.map((name) => candidate(name, "two")));
    expect(released.map(({ name, version }) => `${name}${version}`)).to.deep.equal([
      "a2",
      "b2",
      "c2",
      "d2",
      "e2",
      "f2",
    ]);
  });

  it("fails with CodeDeploy's reason and what is live when the deployment fails", async () => {
    create("hello", zipAnswering("one"));
    await run(candidate("hello", "two"));
    const moved = release({
      application,
      commit,
      candidates: [candidate("hello", "three")],
      lambda,
      codedeploy,
      // Somebody moves the alias between the release's look at it and its deployment.
      log: (line) => line.includes("smoke test") && cloud.lambda.putAlias(`${application}-hello`, "live", "1"),
    });
    expect(await rejection(moved)).to.match(
      /^hello: deployment d-\S+ to version 3 failed: .*refers to version 1, the AppSpec file to version 2\nhello: live is version 1$/,
    );
  });
});

describe("smoke.json's expectation", () => {
  const response = { statusCode: 200, headers: { a: "b" }, body: '{"message":"hi"}' };

  it("holds when each member that it lists is equal", () => {
    expect(mismatch({ statusCode: 200 }, response)).to.equal(undefined);
    expect(mismatch({ statusCode: 200, body: '{"message":"hi"}' }, response)).to.equal(undefined);
  });

  it("compares a body that is no string with the response's JSON", () => {
    expect(mismatch({ body: { message: "hi" } }, response)).to.equal(undefined);
    expect(mismatch({ body: { message: "ho" } }, response)).to.equal(
      'body is {"message":"hi"}, smoke.json expects {"message":"ho"}',
    );
  });

  it("names the member that differs or is missing", () => {
    expect(mismatch({ statusCode: 201 }, response)).to.equal("statusCode is 200, smoke.json expects 201");
    expect(mismatch({ cookies: [] }, response)).to.equal("cookies is undefined, smoke.json expects []");
  });

  it("takes a plain value as the body, as the HTTP API does", () => {
    expect(mismatch({ body: "hi" }, "hi")).to.equal(undefined);
    expect(mismatch({ statusCode: 200 }, "hi")).to.equal("statusCode is undefined, smoke.json expects 200");
  });
});

function candidate(name: string, body: string): Candidate {
  return { name, zip: zipAnswering(body), smokeTest: { event: {}, response: { statusCode: 200 } } };
}

function zipAnswering(body: string): Uint8Array {
  return zipOf(`export const handler = async () => ({ statusCode: 200, body: ${JSON.stringify(body)} });`);
}

function zipOf(code: string): Uint8Array {
  return zipSync({ "handler.mjs": [strToU8(code), { mtime: new Date(1980, 0, 1) }] });
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was refused",
    (error: Error) => error.message,
  );
}
