import { expect } from "chai";
import { dev } from "./mocks.ts";
import { refusal, refusalOf, settingsOf } from "./readSettings.ts";
import { loadProgram } from "./sampleProgram.ts";

describe("the names of project, stack and functions that are not usable:", () => {
  for (const stack of ["dev.1", "dev 1", "dév"]) {
    it(`a stack named ${JSON.stringify(stack)}, which AWS would not take in a name`, async () => {
      const failure = await refusalOf({ ...dev, stack });
      expect(failure.message).to.equal(
        refusal(
          `project and stack are "push-to-live-${stack}": AWS names may hold only letters, digits, "-" and "_"; rename the stack`,
        ),
      );
    });
  }

  it("a folder whose name is none for a Lambda function", async () => {
    const failure = await refusalOf(dev, ["hello.user"]);
    expect(failure.message).to.contain("the folder functions/hello.user names a Lambda function");
  });

  it("a stack whose name holds what separates it from a function's name", async () => {
    const failure = await refusalOf({ ...dev, stack: "dev_2" });
    expect(failure.message).to.equal(
      refusal('the stack is "dev_2": its name must hold no "_"; rename it, with "-" for instance'),
    );
  });
});

describe("a function's name", () => {
  it("of 64 characters deploys", async () => {
    const { registrations } = await loadProgram({ ...dev, stack: "s".repeat(40) });
    const fn = registrations.find(({ type }) => type === "aws:lambda/function:Function");
    expect(fn?.inputs.name)
      .to.equal(`push-to-live-${"s".repeat(40)}_hello-user`)
      .with.lengthOf(64);
  });

  it("of 65 characters is refused, before anything is registered, with what to shorten", async () => {
    const prefix = `push-to-live-${"s".repeat(41)}`;
    const { message } = await refusalOf({ ...dev, stack: "s".repeat(41) });
    expect(message).to.equal(
      refusal(
        `the function's name "${prefix}_hello-user" has 65 characters; Lambda allows 64: shorten the folder's, the stack's or the project's name`,
      ),
    );
  });

  it("leaves room for the names of its roles, which IAM limits to 64 characters", async () => {
    const stack = { ...dev, project: "p", stack: "s" };
    await settingsOf(stack, ["f".repeat(39)]);
    expect((await refusalOf(stack, ["f".repeat(40)])).message).to.equal(
      refusal(`the folder functions/${"f".repeat(40)} has 40 characters; the names of its roles leave 39: shorten it`),
    );
  });
});

describe("the tags of every resource", () => {
  for (const tags of [
    {},
    { project: "push-to-live", "cost centre": "4711 + tax @ 20" },
    { ["k".repeat(127)]: "v".repeat(255) },
  ]) {
    it(`take the tags ${JSON.stringify(tags)} for every resource`, async () => {
      await settingsOf({ ...dev, awsConfig: { "aws:defaultTags": JSON.stringify({ tags }) } });
    });
  }
});

describe("the tags of every resource that are not usable:", () => {
  for (const defaultTags of [
    "team",
    "{}",
    '{"team":"shop"}',
    '{"tags":["team"]}',
    '{"tags":{"aws:team":"shop"}}',
    '{"tags":{"":"shop"}}',
    '{"tags":{"team":4}}',
    '{"tags":{"team":"a*b"}}',
    JSON.stringify({ tags: { ["k".repeat(128)]: "" } }),
    JSON.stringify({ tags: { key: "v".repeat(256) } }),
    JSON.stringify({ tags: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`tag${index}`, ""])) }),
  ]) {
    it(`aws:defaultTags = ${defaultTags.slice(0, 60)}`, async () => {
      const failure = await refusalOf({ ...dev, awsConfig: { "aws:defaultTags": defaultTags } });
      expect(failure.message).to.contain(`aws:defaultTags is ${JSON.stringify(defaultTags)}: it must be an object`);
    });
  }
});
