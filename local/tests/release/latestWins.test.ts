import { expect } from "chai";
import { type Decision, formatDecision, parseDecision } from "../../../deploy/live.ts";
import { application, candidate, commits, Releasing, rejection } from "./releasing.ts";

describe("deploy/release: the latest commit wins", function () {
  this.timeout(60_000);
  const on = new Releasing();
  const [, b, c, d] = commits;
  const functionName = `${application}_hello`;
  /** B is live at version 2, C changes what it answers, D reverts C. */
  const changes = candidate("hello", "what C answers");
  const reverts = candidate("hello", "what B answers");

  beforeEach(async () => {
    on.create("hello", reverts.zip);
    await on.publish("hello", b);
  });

  const releaseC = () => on.release({ commit: c }, changes);
  const releaseD = () => on.release({ commit: d }, reverts);

  it("records what was decided on: the commit, how, and what was live then", async () => {
    await on.release({ commit: c }, reverts);
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: unchanged, live was version 2`);
    await on.release({ commit: d }, changes);
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${d}: changed, live was version 2`);
  });

  it("claims a commit before anything is published", async () => {
    on.before("UpdateFunctionCode", async () => {
      expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: changed, live was version 2`);
    });
    await releaseC();
    expect(on.called.indexOf("UpdateAlias")).to.be.within(0, on.called.indexOf("UpdateFunctionCode"));
  });

  it("writes nothing when the record is of the same commit already", async () => {
    await releaseD();
    on.called.length = 0;
    expect(await releaseD()).to.deep.equal([{ name: "hello", outcome: "unchanged", version: "2" }]);
    expect(on.called).to.not.include("UpdateAlias");
  });

  it("writes nothing for what is live when there is no record", async () => {
    expect(await on.release({ commit: b }, reverts)).to.deep.equal([
      { name: "hello", outcome: "unchanged", version: "2" },
    ]);
    expect(on.called).to.not.include("UpdateAlias");
  });

  it("supersedes C when D, which reverts it, was found unchanged before", async () => {
    expect(await releaseD()).to.deep.equal([{ name: "hello", outcome: "unchanged", version: "2" }]);
    expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2", by: d }]);
    expect(on.lines.at(-1)).to.equal(`hello: superseded by ${d}; live stays at version 2`);
    expect((await on.versionsOf("hello")).length).to.equal(3);
  });

  it("releases D, which reverts C, when C went live before", async () => {
    expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "released", version: "3" }]);
    expect(await releaseD()).to.deep.equal([{ name: "hello", outcome: "released", version: "4" }]);
    expect(await on.liveOf("hello")).to.equal("4");
  });

  for (const step of ["UpdateAlias", "UpdateFunctionCode", "PublishVersion", "Invoke"]) {
    it(`gives C no traffic when D is found unchanged before C's ${step}`, async () => {
      on.before(step, async () => expect((await releaseD())[0]?.outcome).to.equal("unchanged"));
      expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2", by: d }]);
      expect(on.called).to.not.include("CreateDeployment");
      expect(await on.descriptionOf("hello")).to.equal(`latest commit ${d}: unchanged, live was version 2`);
    });
  }

  it("puts back what was live when D is found unchanged during C's deployment", async () => {
    on.before("CreateDeployment", async () => expect((await releaseD())[0]?.outcome).to.equal("unchanged"));
    expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2", by: d }]);
    expect(on.lines).to.include(`hello: superseded by ${d} during its deployment, putting version 2 back`);
    expect(await on.liveOf("hello")).to.equal("2");
  });

  it("leaves C live when D is found to be what C has just put live", async () => {
    on.after("GetDeployment", '"Succeeded"', () => on.release({ commit: d }, changes));
    expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "released", version: "3" }]);
    expect(await on.descriptionOf("hello")).to.equal(
      `latest commit ${d}: unchanged, live was version 3 after version 2`,
    );
    expect(await on.liveOf("hello")).to.equal("3");
  });

  it("looks again when an older commit claims first, and then releases over it", async () => {
    on.before("UpdateAlias", () => on.release({ commit: c }, reverts));
    expect(await on.release({ commit: d }, changes)).to.deep.equal([
      { name: "hello", outcome: "released", version: "3" },
    ]);
    expect(on.lines).to.include(
      "hello: another release came in between (the alias live was changed since it was read); looking again",
    );
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${d}: changed, live was version 2`);
  });

  it("gives way to a commit of another history that claims after it", async () => {
    const other = "e".repeat(40);
    on.before("Invoke", () => on.describeLive("hello", formatDecision(changed(other))));
    expect(await releaseC()).to.deep.equal([{ name: "hello", outcome: "superseded", version: "2", by: other }]);
    expect(on.lines.at(-1)).to.equal(
      `hello: superseded by ${other}, which was recorded after this commit; live stays at version 2`,
    );
    expect(on.called).to.not.include("CreateDeployment");
  });

  it("releases over a commit of another history that has claimed before it", async () => {
    const other = "e".repeat(40);
    await on.describeLive("hello", formatDecision(changed(other)));
    expect((await releaseC())[0]).to.include({ outcome: "released", version: "3" });
    expect(on.lines).to.include(
      `hello: ${other}, the latest so far, is not in this commit's history (rewritten, or another branch); releasing over it`,
    );
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: changed, live was version 2`);
  });

  it("fails after thirty attempts to claim, and says what is live", async () => {
    on.before("UpdateAlias", async () => void on.cloud.lambda.putAlias(functionName, "live", "2"), 30);
    expect(await rejection(releaseC())).to.equal(
      "hello: the alias live was changed since it was read\nhello: live is version 2",
    );
    expect(on.called.filter((operation) => operation === "UpdateAlias")).to.have.length(30);
    expect(on.called).to.not.include("UpdateFunctionCode");
  });

  for (const description of ["", "written by hand"]) {
    it(`goes by the version that is live when the description is "${description}"`, async () => {
      await releaseC();
      await on.describeLive("hello", description);
      expect(await on.release({ commit: b }, reverts)).to.deep.equal([
        { name: "hello", outcome: "superseded", version: "3", by: c },
      ]);
      expect((await releaseD())[0]?.outcome).to.equal("released");
      expect(await on.descriptionOf("hello")).to.equal(`latest commit ${d}: changed, live was version 3`);
    });
  }

  it("takes a version's description that is no commit for none", async () => {
    await on.publish("hello", "Says hello");
    await releaseC();
    expect(on.lines.join("\n")).to.not.contain("Says hello");
  });
});

describe("the record of a decision", () => {
  for (const outcome of ["changed", "rolled back", "unchanged"] as const) {
    it(`is read as it was written: ${outcome}`, () => {
      const decision = { ...changed("0a".repeat(32)), outcome };
      expect(parseDecision(formatDecision(decision))).to.deep.equal(decision);
      expect(formatDecision(decision).length).to.be.at.most(256);
    });
  }

  it("is no other text", () => {
    const text = formatDecision(changed("0a".repeat(20)));
    for (const other of [undefined, "", ` ${text}`, `${text} `, text.replace("changed", "lost")]) {
      expect(parseDecision(other), other).to.equal(undefined);
    }
  });
});

function changed(commit: string): Decision {
  return { commit, outcome: "changed", version: "2" };
}
