import { createHash } from "node:crypto";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { type Candidate, mismatch, type ReleaseArgs, type Released, release } from "../../deploy/release.ts";
import { LocalCloud } from "../../local/cloud.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
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
    lambda = new Lambda(clientOptions(cloud));
    codedeploy = new CodeDeploy(clientOptions(cloud));
    lines = [];
  });

  afterEach(async () => {
    lambda.destroy();
    codedeploy.destroy();
    await cloud.close();
  });

  /** What `pulumi up` makes of a function. */
  function create(name: string, zip: Uint8Array): void {
    const settings = functionSettings(`${application}-${name}`);
    cloud.lambda.putAlias(settings.FunctionName, "live", cloud.lambda.createFunction(settings, zip));
    cloud.codedeploy.createDeploymentGroup(application, name, "CodeDeployDefault.LambdaAllAtOnce");
  }

  /** Releases; `onLine` is called with each line of progress before the release goes on. */
  function runWith(options: Partial<ReleaseArgs>, ...candidates: Candidate[]): Promise<Released[]> {
    const log = (line: string): void => {
      lines.push(line);
    };
    return release({ application, commit, candidates, isAncestorOf: () => false, lambda, codedeploy, log, ...options });
  }

  const run = (...candidates: Candidate[]): Promise<Released[]> => runWith({}, ...candidates);

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

  it("releases more functions than it works on at once, four at a time", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) {
      create(name, zipAnswering("one"));
    }
    let atOnce = 0;
    const most: number[] = [];
    const log = (line: string): void => {
      atOnce += line.includes("updating the code") ? 1 : line.endsWith("Succeeded") ? -1 : 0;
      most.push(atOnce);
    };
    const released = await runWith({ log }, ...names.map((name) => candidate(name, "two")));
    expect(released.map(({ name, version }) => `${name}${version}`)).to.deep.equal([
      "a2",
      "b2",
      "c2",
      "d2",
      "e2",
      "f2",
    ]);
    expect(Math.max(...most)).to.equal(4);
  });

  it("releases a changed configuration although the code is the same", async () => {
    create("hello", zipAnswering("one"));
    cloud.lambda.updateFunction({ ...functionSettings(`${application}-hello`), MemorySize: 256 });
    const [released] = await run(candidate("hello", "one"));
    expect(released).to.deep.equal({ name: "hello", outcome: "released", version: "3" });
    const live = await lambda.getFunctionConfiguration({ FunctionName: `${application}-hello`, Qualifier: "live" });
    expect(live.MemorySize).to.equal(256);
  });

  it("tries out the published version, not what the function has since become", async () => {
    create("hello", zipAnswering("one"));
    const zip = zipOf("export const handler = async () => ({ body: process.env.AWS_LAMBDA_FUNCTION_VERSION });");
    const smokeTest = { event: {}, response: { body: "2" } };
    expect(await run({ name: "hello", zip, smokeTest })).to.deep.equal([
      { name: "hello", outcome: "released", version: "2" },
    ]);
  });

  it("leaves live alone when it is of a later commit, and says which", async () => {
    create("hello", zipAnswering("one"));
    const later = "1a7e".repeat(10);
    await runWith({ commit: later }, candidate("hello", "newer"));
    const released = await runWith({ isAncestorOf: (other) => other === later }, candidate("hello", "older"));
    expect(released).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2" }]);
    expect(lines.at(-1)).to.equal(`hello: superseded by ${later}, live stays at version 2`);
    expect(await liveOf("hello")).to.equal("2");
  });

  it("releases over a live version whose commit the repository does not know, and says so", async () => {
    create("hello", zipAnswering("one"));
    const rewritten = "dead".repeat(10);
    await runWith({ commit: rewritten }, candidate("hello", "two"));
    const [released] = await runWith({ isAncestorOf: () => undefined }, candidate("hello", "three"));
    expect(released).to.deep.equal({ name: "hello", outcome: "released", version: "3" });
    expect(lines).to.include(
      `hello: ${rewritten}, which is live, is not in the repository's history; releasing over it`,
    );
  });

  it("starts over when another release moves live meanwhile: the newer commit wins, whichever ends first", async () => {
    const later = "1a7e".repeat(10);
    for (const [first, second] of [
      [commit, later],
      [later, commit],
    ] as const) {
      const name = first === commit ? "up" : "down";
      create(name, zipAnswering("one"));
      let other: Promise<unknown> | undefined;
      const log = (line: string): void => {
        lines.push(line);
        // The second release runs from the first one's smoke test on, and ends before it goes on.
        if (line.includes("passed its smoke test") && !other) {
          other = runWith({ commit: second, isAncestorOf }, candidate(name, second));
        }
      };
      const isAncestorOf = (than: string): boolean => than === later;
      await runWith(
        { commit: first, log, isAncestorOf: (than) => first === commit && than === later },
        candidate(name, first),
      );
      await other;
      const live = await lambda.getFunction({ FunctionName: `${application}-${name}`, Qualifier: "live" });
      expect(live.Configuration?.Description, name).to.equal(later);
    }
  });

  it("releases the newer of two commits that are released at once", async () => {
    create("hello", zipAnswering("one"));
    const later = "1a7e".repeat(10);
    const older = runWith({ isAncestorOf: (other) => other === later }, candidate("hello", "older"));
    const newer = runWith({ commit: later }, candidate("hello", "newer"));
    await Promise.all([older, newer]);
    const { payload } = await cloud.lambda.invoke(`${application}-hello`, "live", "{}");
    expect(JSON.parse(payload)).to.deep.include({ body: "newer" });
  });

  it("fails with the reason and what is live when CodeDeploy refuses the deployment", async () => {
    create("hello", zipAnswering("one"));
    cloud.codedeploy.deleteDeploymentGroup(application, "hello");
    expect(await rejection(run(candidate("hello", "two")))).to.match(
      /^hello: DeploymentGroupDoesNotExistException: .*\nhello: live is version 1$/,
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
