import { createHash } from "node:crypto";
import { expect } from "chai";
import { mismatch } from "../../../deploy/release/smokeTest.ts";
import { functionSettings } from "../localFunction.ts";
import { application, candidate, commits, Releasing, rejection, zipAnswering, zipOf } from "./releasing.ts";

describe("deploy/release", function () {
  this.timeout(60_000);
  const on = new Releasing();
  const [commit, later] = commits;

  it("publishes a changed function described by the commit, and moves live to it", async () => {
    on.create("hello", zipAnswering("one"));
    expect(await on.release({}, candidate("hello", "two"))).to.deep.equal([
      { name: "hello", outcome: "released", version: "2" },
    ]);
    expect(await on.liveOf("hello")).to.equal("2");
    expect(await on.versionsOf("hello")).to.deep.equal(["$LATEST:", "1:", `2:${commit}`]);
    const { payload } = await on.cloud.lambda.invoke(`${application}_hello`, "live", "{}");
    expect(JSON.parse(payload)).to.deep.include({ body: "two" });
  });

  it("tells each step: update, version, smoke test, deployment", async () => {
    on.create("hello", zipAnswering("one"));
    const two = candidate("hello", "two");
    await on.release({}, two);
    const sha = createHash("sha256").update(two.zip).digest("base64");
    const told = on.lines.map((line) => line.replace(/d-[0-9A-F]{9}/, "d-X"));
    expect(told).to.deep.equal([
      `hello: updating the code (${two.zip.byteLength} bytes, SHA-256 ${sha})`,
      `hello: published version 2 of commit ${commit}`,
      "hello: version 2 passed its smoke test",
      "hello: deployment d-X from version 1 to 2 began",
      "hello: live is version 2",
    ]);
  });

  it("leaves an unchanged function alone and says so", async () => {
    on.create("hello", zipAnswering("one"));
    expect(await on.release({}, candidate("hello", "one"))).to.deep.equal([
      { name: "hello", outcome: "unchanged", version: "1" },
    ]);
    expect(on.lines).to.deep.equal(["hello: unchanged, live stays at version 1"]);
    expect(await on.versionsOf("hello")).to.deep.equal(["$LATEST:", "1:"]);
  });

  it("releases the code before last: what counts is live, not what was ever published", async () => {
    on.create("hello", zipAnswering("one"));
    await on.release({}, candidate("hello", "two"));
    expect(await on.release({}, candidate("hello", "one"))).to.deep.equal([
      { name: "hello", outcome: "released", version: "3" },
    ]);
    expect(await on.liveOf("hello")).to.equal("3");
  });

  it("repairs a release that ended between update and publish", async () => {
    on.create("hello", zipAnswering("one"));
    const two = candidate("hello", "two");
    await on.lambda.updateFunctionCode({ FunctionName: `${application}_hello`, ZipFile: two.zip });
    expect(await on.release({}, two)).to.deep.equal([{ name: "hello", outcome: "released", version: "2" }]);
  });

  it("fails before anything changes when the stack lacks a function, and says what to do", async () => {
    on.create("hello", zipAnswering("one"));
    const message = await rejection(on.release({}, candidate("hello", "two"), candidate("goodbye", "one")));
    expect(message).to.equal(
      `the stack ${application} has no function for functions/goodbye; nothing was released. ` +
        'Declare it in index.ts and run "pulumi up", then start the build again (a role without the right to read it sees none either)',
    );
    expect(await on.versionsOf("hello")).to.deep.equal(["$LATEST:", "1:"]);
    expect(on.lines).to.deep.equal([]);
  });

  it("gives no traffic to a version whose smoke test is answered wrongly, and says what is live", async () => {
    on.create("hello", zipAnswering("one"));
    const wrong = { ...candidate("hello", "two"), smokeTest: { event: {}, response: { body: "three" } } };
    expect(await rejection(on.release({}, wrong))).to.equal(
      'hello: the smoke test of version 2 failed, so it gets no traffic: body is "two", smoke.json expects "three"\n' +
        "hello: live is version 1",
    );
    expect(await on.liveOf("hello")).to.equal("1");
  });

  it("gives no traffic to a version that crashes at import", async () => {
    on.create("hello", zipAnswering("one"));
    const crashing = { ...candidate("hello", "two"), zip: zipOf('throw new Error("no such table");') };
    expect(await rejection(on.release({}, crashing))).to.match(
      /gets no traffic: it failed: .*no such table[\s\S]*live is version 1$/,
    );
    expect(await on.liveOf("hello")).to.equal("1");
  });

  it("releases the other functions when one fails, and then fails", async () => {
    on.create("good", zipAnswering("one"));
    on.create("bad", zipAnswering("one"));
    const bad = { ...candidate("bad", "two"), smokeTest: { event: {}, response: { statusCode: 201 } } };
    expect(await rejection(on.release({}, bad, candidate("good", "two")))).to.match(
      /^bad: the smoke test[\s\S]*bad: live is version 1$/,
    );
    expect(await on.liveOf("good")).to.equal("2");
  });

  it("publishes and tries out four functions at a time", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) {
      on.create(name, zipAnswering("one"));
    }
    let atOnce = 0;
    const most: number[] = [];
    const four = Promise.withResolvers<void>();
    const log = (line: string): void => {
      atOnce += line.includes("updating the code") ? 1 : line.endsWith("passed its smoke test") ? -1 : 0;
      most.push(atOnce);
      if (atOnce === 4) {
        four.resolve();
      }
    };
    // None goes on until there are four.
    on.before("Invoke", () => four.promise, names.length);
    const released = await on.release({ log }, ...names.map((name) => candidate(name, "two")));
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
    on.create("hello", zipAnswering("one"));
    on.cloud.lambda.updateFunction({ ...functionSettings(`${application}_hello`), MemorySize: 256 });
    const [released] = await on.release({}, candidate("hello", "one"));
    expect(released).to.deep.equal({ name: "hello", outcome: "released", version: "3" });
    const live = await on.lambda.getFunctionConfiguration({ FunctionName: `${application}_hello`, Qualifier: "live" });
    expect(live.MemorySize).to.equal(256);
  });

  it("tries out the published version, not what the function has since become", async () => {
    on.create("hello", zipAnswering("one"));
    const zip = zipOf("export const handler = async () => ({ body: process.env.AWS_LAMBDA_FUNCTION_VERSION });");
    const smokeTest = { event: {}, response: { body: "2" } };
    expect(await on.release({}, { name: "hello", zip, smokeTest })).to.deep.equal([
      { name: "hello", outcome: "released", version: "2" },
    ]);
  });

  it("leaves live alone when it is of a later commit, and says which", async () => {
    on.create("hello", zipAnswering("one"));
    await on.release({ commit: later }, candidate("hello", "newer"));
    const released = await on.release({}, candidate("hello", "older"));
    expect(released).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2", by: later }]);
    expect(on.lines.at(-1)).to.equal(`hello: superseded by ${later}; live stays at version 2`);
    expect(await on.liveOf("hello")).to.equal("2");
  });

  it("releases over a live version whose commit the repository does not know, and says so", async () => {
    on.create("hello", zipAnswering("one"));
    const rewritten = "dead".repeat(10);
    await on.release({ commit: rewritten }, candidate("hello", "two"));
    const [released] = await on.release({}, candidate("hello", "three"));
    expect(released).to.deep.equal({ name: "hello", outcome: "released", version: "3" });
    expect(on.lines).to.include(
      `hello: ${rewritten}, the latest so far, is not in this commit's history (rewritten, or another branch); releasing over it`,
    );
  });

  it("starts over when another release moves live meanwhile: the newer commit wins, whichever ends first", async () => {
    for (const [first, second] of [
      [commit, later],
      [later, commit],
    ] as const) {
      const name = first === commit ? "up" : "down";
      on.create(name, zipAnswering("one"));
      let other: Promise<unknown> | undefined;
      const log = (line: string): void => {
        on.lines.push(line);
        // The second release runs from the first one's smoke test on, and ends before it goes on.
        if (line.includes("passed its smoke test") && !other) {
          other = on.release({ commit: second }, candidate(name, second));
        }
      };
      await on.release({ commit: first, log }, candidate(name, first));
      await other;
      const live = await on.lambda.getFunction({ FunctionName: `${application}_${name}`, Qualifier: "live" });
      expect(live.Configuration?.Description, name).to.equal(later);
    }
  });

  it("releases the newer of two commits that are released at once", async () => {
    on.create("hello", zipAnswering("one"));
    const older = on.release({}, candidate("hello", "older"));
    const newer = on.release({ commit: later }, candidate("hello", "newer"));
    await Promise.all([older, newer]);
    const { payload } = await on.cloud.lambda.invoke(`${application}_hello`, "live", "{}");
    expect(JSON.parse(payload)).to.deep.include({ body: "newer" });
  });

  it("fails with the reason and what is live when CodeDeploy refuses the deployment", async () => {
    on.create("hello", zipAnswering("one"));
    on.cloud.codedeploy.deleteDeploymentGroup(application, "hello");
    expect(await rejection(on.release({}, candidate("hello", "two")))).to.match(
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
