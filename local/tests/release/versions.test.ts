import { expect } from "chai";
import { settled } from "../../../deploy/versions.ts";
import { functionSettings } from "../localFunction.ts";
import { application, candidate, commits, Releasing, rejection, zipAnswering } from "./releasing.ts";

describe("deploy/versions", function () {
  this.timeout(60_000);
  const on = new Releasing();
  const [a, b, c] = commits;
  const functionName = `${application}_hello`;
  const numbers = async (): Promise<number[]> =>
    (await on.versionsOf("hello")).slice(1).map((version) => Number(version?.split(":")[0]));

  /** A function with versions 1 to `count`, the last of which is live. */
  async function create(count: number): Promise<void> {
    on.create("hello", zipAnswering("one"));
    for (let version = 2; version <= count; version++) {
      await on.publish("hello", a);
    }
  }

  it("keeps the newest ten when a release has published another", async () => {
    await create(12);
    await on.release({ commit: b }, candidate("hello", "two"));
    expect(await numbers()).to.deep.equal([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(on.lines.filter((line) => line.includes("deleted"))).to.deep.equal([
      "hello: deleted version 1, which is none of the newest 10",
      "hello: deleted version 2, which is none of the newest 10",
      "hello: deleted version 3, which is none of the newest 10",
    ]);
  });

  it("deletes nothing as long as there are ten, or when nothing is published", async () => {
    await create(9);
    await on.release({ commit: b }, candidate("hello", "two"));
    await on.publish("hello", b);
    expect((await on.release({ commit: c }, candidate("hello", "two")))[0]?.outcome).to.equal("unchanged");
    expect(on.called).to.not.include("DeleteFunction");
  });

  it("keeps what an alias refers to, with a weight too, and what a rollback would put back", async () => {
    await create(13);
    on.cloud.lambda.putAlias(functionName, "beta", "1", { 2: 0.5 });
    // Version 3 is live again, so the release replaces it, and it is what a rollback puts back.
    on.cloud.lambda.putAlias(functionName, "live", "3");
    await on.release({ commit: b }, candidate("hello", "two"));
    expect(await numbers()).to.deep.equal([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it("leaves for the next release what cannot be deleted, says so, and has released all the same", async () => {
    await create(12);
    on.before("DeleteFunction", async () => {
      throw Object.assign(new Error("an alias refers to it"), { name: "ResourceConflictException" });
    });
    expect((await on.release({ commit: b }, candidate("hello", "two")))[0]?.outcome).to.equal("released");
    expect(on.lines.at(-1)).to.equal(
      "hello: old versions are left for the next release to delete: ResourceConflictException: an alias refers to it",
    );
    await on.release({ commit: c }, candidate("hello", "three"));
    expect(await numbers()).to.have.lengthOf(10);
  });

  it("waits for a version until it is active", async () => {
    await create(1);
    await on.lambda.publishVersion({ FunctionName: functionName, Description: a });
    const zip = candidate("hello", "two").zip;
    await on.lambda.updateFunctionCode({ FunctionName: functionName, ZipFile: zip });
    expect((await settled(on.lambda, functionName)).LastUpdateStatus).to.equal("Successful");
    const { Version = "" } = await on.lambda.publishVersion({ FunctionName: functionName });
    expect((await settled(on.lambda, functionName, Version)).State).to.equal("Active");
  });

  it("does not wait on an error, and names it", async () => {
    expect(await rejection(settled(on.lambda, "nowhere"))).to.match(/Function not found: .*nowhere/);
  });

  it("names a version that failed, and why", async () => {
    const failed = { State: "Failed", StateReason: "the key is disabled" } as const;
    on.cloud.lambda.createFunction({ ...functionSettings(functionName), ...failed }, zipAnswering("one"));
    on.cloud.lambda.updateFunction({ ...functionSettings(functionName), ...failed });
    expect(await rejection(settled(on.lambda, functionName))).to.equal(
      `${functionName} did not become active: the key is disabled`,
    );
  });
});

describe("deploy/versions, where IAM asks for the function's own ARN to delete a version", function () {
  this.timeout(60_000);
  const on = new Releasing({ deniesDeletion: true });
  const [a, b] = commits;

  it("releases all the same, and says once that all versions are kept", async () => {
    const names = ["one", "two", "three"];
    for (const name of names) {
      on.create(name, zipAnswering("one"));
      for (let version = 2; version <= 12; version++) {
        await on.publish(name, a);
      }
    }
    const results = await on.release({ commit: b }, ...names.map((name) => candidate(name, "two")));
    expect(results.map(({ outcome }) => outcome)).to.deep.equal(["released", "released", "released"]);
    const told = on.lines.filter((line) => /delet|left/.test(line));
    expect(told).to.have.lengthOf(1);
    expect(told[0]).to.match(
      /^the role of this release may not delete versions, so all are kept: AccessDeniedException: .*lambda:DeleteFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:push-to-live-test_(one|two|three) because/,
    );
    expect(await on.versionsOf("one")).to.have.lengthOf(14);
  });

  it("fails a release for its smoke test, not for the version that it has to keep", async () => {
    on.create("hello", zipAnswering("one"));
    const failing = { ...candidate("hello", "two"), smokeTest: { event: {}, response: { statusCode: 500 } } };
    const message = await rejection(on.release({ commit: b }, failing));
    expect(message).to.match(/the smoke test of version 2 failed/);
    expect(on.lines.filter((line) => line.includes("so all are kept"))).to.have.lengthOf(1);
  });
});
