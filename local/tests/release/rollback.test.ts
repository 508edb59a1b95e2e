import { PassThrough } from "node:stream";
import { expect } from "chai";
import { ask, type RollbackArgs, type RolledBack, rollback } from "../../../deploy/rollback.ts";
import { functionSettings, groupSettings } from "../localFunction.ts";
import { application, candidate, commits, Releasing, rejection, zipAnswering } from "./releasing.ts";

describe("deploy/rollback", function () {
  this.timeout(60_000);
  const on = new Releasing();
  const [a, b, c, d] = commits;

  /** Version 1 has no commit; versions 2, 3 and 4 are of A, B and C, and C is live. Version 5 is of D, and never was live. */
  async function create(name: string): Promise<void> {
    on.create(name, zipAnswering("one"));
    for (const commit of [a, b, c]) {
      await on.publish(name, commit);
    }
    await on.lambda.publishVersion({ FunctionName: `${application}_${name}`, Description: d });
    on.called.length = 0;
  }

  beforeEach(() => create("hello"));

  function run(options: Partial<RollbackArgs> = {}): Promise<RolledBack[]> {
    return rollback({ ...on.stack, names: ["hello"], confirm: async () => true, ...options });
  }

  /** What C's release does: the code is what C's version has. */
  const releaseC = (force = false) => on.release({ commit: c, force }, candidate("hello", "one"));

  const changing = ["CreateDeployment", "PublishVersion", "UpdateAlias", "UpdateFunctionCode"];
  const changes = (): string[] => on.called.filter((operation) => changing.includes(operation));

  it("puts the version below the live one back, and tells what it does", async () => {
    expect(await run()).to.deep.equal([{ name: "hello", version: "3" }]);
    expect(await on.liveOf("hello")).to.equal("3");
    expect(on.lines.map((line) => line.replace(/d-[0-9A-F]{9}/, "d-X"))).to.eql([
      `hello: from version 4 of ${c} to version 3 of ${b}`,
      `hello: recorded that commit ${c} was rolled back`,
      "hello: deployment d-X from version 4 to 3 began",
    ]);
  });

  it("has CodeDeploy do it all at once, after it is recorded", async () => {
    await run();
    expect(changes()).to.deep.equal(["UpdateAlias", "CreateDeployment"]);
    expect(on.inputs.CreateDeployment).to.deep.include({
      applicationName: application,
      deploymentGroupName: "hello",
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
    });
    expect(on.inputs.CreateDeployment)
      .to.have.property("description")
      .that.matches(/^rollback, version 4 to 3, /);
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: rolled back, live was version 4`);
  });

  it("moves all traffic at once, also where a release moves it bit by bit", async () => {
    on.cloud.codedeploy.putDeploymentGroup(
      application,
      "hello",
      groupSettings("CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    );
    expect(await run()).to.deep.equal([{ name: "hello", version: "3" }]);
  });

  it("does not guess what was live before that: below it may be what once failed", async () => {
    await run();
    expect(await rejection(run())).to.equal(
      "hello: it is not recorded what was live before version 3; --to can be 1 (no commit), 2 (0a0a0a0), 4 (2c2c2c2), 5 (3d3d3d3)",
    );
    expect(await run({ to: "2" })).to.deep.equal([{ name: "hello", version: "2" }]);
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: rolled back, live was version 3`);
  });

  it("goes to the same version when it is started again because it did not get through", async () => {
    await on.release({ commit: d }, candidate("hello", "two"));
    on.before("CreateDeployment", async () => {
      throw Object.assign(new Error("it is down"), { name: "ServiceUnavailable" });
    });
    expect(await rejection(run())).to.contain("it is down");
    expect(await run()).to.deep.equal([{ name: "hello", version: "4" }]);
  });

  it("never goes to a version that failed its smoke test", async () => {
    const failing = { ...candidate("hello", "bad"), smokeTest: { event: {}, response: { statusCode: 201 } } };
    expect(await rejection(on.release({ commit: d }, failing))).to.contain("failed");
    expect(on.lines).to.include("hello: deleted version 6, which never had traffic");
    expect(await on.release({ commit: d }, candidate("hello", "two"))).to.deep.equal([
      { name: "hello", outcome: "released", version: "7" },
    ]);
    expect(await run()).to.deep.equal([{ name: "hello", version: "4" }]);
  });

  it("goes back to the configuration before, also of the same commit, which then is not released again", async () => {
    await on.release({ commit: d }, candidate("hello", "two"));
    on.cloud.lambda.updateFunction({ ...functionSettings(`${application}_hello`), MemorySize: 256 });
    expect((await on.release({ commit: d }, candidate("hello", "two")))[0]?.version).to.equal("8");
    expect(await run()).to.deep.equal([{ name: "hello", version: "6" }]);
    expect(await rejection(on.release({ commit: d }, candidate("hello", "two")))).to.contain("was rolled back");
  });

  it("puts a version back that is asked for", async () => {
    expect(await run({ to: "2" })).to.deep.equal([{ name: "hello", version: "2" }]);
    expect(await on.liveOf("hello")).to.equal("2");
  });

  it("counts versions as numbers: below 12 is 11", async () => {
    for (let version = 6; version <= 12; version++) {
      await on.publish("hello", d);
    }
    expect(await run()).to.deep.equal([{ name: "hello", version: "11" }]);
  });

  it("records the newest commit decided on, which need not be what is live", async () => {
    await on.release({ commit: d }, candidate("hello", "one"));
    await run({ to: "3" });
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${d}: rolled back, live was version 4`);
  });

  it("records that a commit was put back when its version is", async () => {
    await run();
    await run({ to: "4" });
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: changed, live was version 3`);
    expect(on.lines).to.include(`hello: recorded that commit ${c} was put back`);
    expect((await releaseC())[0]?.outcome).to.equal("unchanged");
  });

  it("records nothing when no commit is known", async () => {
    on.create("new", zipAnswering("one"));
    await on.publish("new", "");
    on.called.length = 0;
    expect(await run({ names: ["new"] })).to.deep.equal([{ name: "new", version: "1" }]);
    expect(changes()).to.deep.equal(["CreateDeployment"]);
  });

  it("records it once more when the deployment has lost it", async () => {
    on.after("GetDeployment", '"Succeeded"', () => on.describeLive("hello", ""));
    await run();
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: rolled back, live was version 3`);
  });

  it("leaves a release alone that claimed the record during the deployment", async () => {
    const claim = `latest commit ${d}: changed, live was version 3`;
    on.after("GetDeployment", '"Succeeded"', () => on.describeLive("hello", claim));
    await run();
    expect(await on.descriptionOf("hello")).to.equal(claim);
  });

  it("stops the release of the commit that was rolled back, before anything changes", async () => {
    await create("other");
    await run();
    on.called.length = 0;
    const release = on.release({ commit: c }, candidate("other", "two"), candidate("hello", "one"));
    expect(await rejection(release)).to.equal(
      `commit ${c} of functions/hello was rolled back: push a fix, or release it all the same with "npm run release -- --force"`,
    );
    expect(changes()).to.deep.equal([]);
  });

  it("stops a release that is under way", async () => {
    on.before("Invoke", () => run({ to: "3" }));
    const release = on.release({ commit: d }, candidate("hello", "two"));
    expect(await rejection(release)).to.match(
      /^hello: commit (3d)+ of functions\/hello was rolled back: .*\nhello: live is version 3$/,
    );
  });

  it("stops a release that is under way also before the rollback has moved the alias", async () => {
    on.before("Invoke", () => on.describeLive("hello", `latest commit ${d}: rolled back, live was version 4`));
    const release = on.release({ commit: d }, candidate("hello", "two"));
    expect(await rejection(release)).to.match(/ was rolled back: .*\nhello: live is version 4$/);
    expect(changes()).to.not.include("CreateDeployment");
  });

  it("lets the next commit be released, and supersedes the one before", async () => {
    await run();
    expect((await on.release({ commit: b }, candidate("hello", "two")))[0]?.outcome).to.equal("superseded");
    expect(await on.release({ commit: d }, candidate("hello", "two"))).to.deep.equal([
      { name: "hello", outcome: "released", version: "6" },
    ]);
  });

  it("lets a forced release of the commit through, which then counts as released", async () => {
    await run();
    expect((await releaseC(true))[0]?.outcome).to.equal("unchanged");
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: unchanged, live was version 3`);
    expect((await releaseC())[0]?.outcome).to.equal("unchanged");
  });

  it("lets no forced release through that is superseded", async () => {
    await on.release({ commit: d }, candidate("hello", "one"));
    expect((await releaseC(true))[0]?.outcome).to.equal("superseded");
  });

  for (const [what, options, message] of [
    ["a version that does not exist", { to: "9" }, 'hello: --to is "9", which is not a published version; '],
    ["$LATEST", { to: "$LATEST" }, 'hello: --to is "$LATEST", which is not a published version; '],
    ["a version with a zero in front", { to: "03" }, 'hello: --to is "03", which is not a published version; '],
    ["the version that is live", { to: "4" }, 'hello: --to is "4", which is live already; '],
  ] as const) {
    it(`refuses ${what}, with those there are`, async () => {
      expect(await rejection(run(options))).to.equal(
        `${message}--to can be 1 (no commit), 2 (0a0a0a0), 3 (1b1b1b1), 5 (3d3d3d3)`,
      );
      expect(changes()).to.deep.equal([]);
    });
  }

  it("refuses when no version is below the live one, and then changes no other function", async () => {
    on.create("new", zipAnswering("one"));
    expect(await rejection(run({ names: ["hello", "new"] }))).to.equal(
      "new: no published version is below version 1, which is live; --to can be no version, there is no other",
    );
    expect(changes()).to.deep.equal([]);
  });

  it("refuses a function that the stack lacks", async () => {
    expect(await rejection(run({ names: ["hello", "goodbye"] }))).to.equal(
      `goodbye: the stack ${application} has no such function: choose one that it has with --function`,
    );
    expect(changes()).to.deep.equal([]);
  });

  it("changes nothing without a confirmation, which it asks for when it has told what will change", async () => {
    let told: string[] = [];
    const confirm = async (): Promise<boolean> => {
      told = [...on.lines];
      return false;
    };
    expect(await rejection(run({ confirm }))).to.equal("it was not confirmed; nothing was changed");
    expect(told).to.deep.equal([`hello: from version 4 of ${c} to version 3 of ${b}`]);
    expect(changes()).to.deep.equal([]);
  });

  it("does not go by what was confirmed when the alias has changed since", async () => {
    const confirm = async (): Promise<boolean> => {
      await on.release({ commit: d }, candidate("hello", "one"));
      on.called.length = 0;
      return true;
    };
    expect(await rejection(run({ confirm }))).to.equal(
      "hello: the alias live was changed since it was read; start again from what is live now\nhello: live is version 4",
    );
    expect(changes()).to.not.include("CreateDeployment");
  });

  it("says what is live when a deployment fails, and puts the other functions back", async () => {
    await create("other");
    on.cloud.codedeploy.deleteDeploymentGroup(application, "hello");
    expect(await rejection(run({ names: ["hello", "other"] }))).to.match(
      /^hello: DeploymentGroupDoesNotExistException: .*\nhello: live is version 4$/,
    );
    expect(await on.liveOf("other")).to.equal("3");
  });

  it("says what is live when someone moves the alias first", async () => {
    on.before("CreateDeployment", async () => void on.cloud.lambda.putAlias(`${application}_hello`, "live", "5"));
    expect(await rejection(run())).to.match(
      /^hello: deployment d-\w+ to version 3 failed: .*; start again from what is live now\nhello: live is version 5$/,
    );
  });
});

describe("the question of a rollback", () => {
  const answered = (text: string, isTTY = true): Promise<boolean> => {
    const input = Object.assign(new PassThrough(), { isTTY });
    input.end(text);
    return ask(input, () => {});
  };

  for (const [text, goes] of [
    ["y\n", true],
    [" Y \n", true],
    ["n\n", false],
    ["yes please\n", false],
    ["\ny\n", false],
    ["", false],
  ] as const) {
    it(`takes ${JSON.stringify(text)} for a ${goes ? "yes" : "no"}`, async () => {
      expect(await answered(text)).to.equal(goes);
    });
  }

  it("is not put where there is no terminal", async () => {
    expect(await rejection(answered("y\n", false))).to.equal(
      "there is no terminal to ask on, so nothing was changed: add --yes to go ahead",
    );
  });
});
