import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import type { FunctionSettings } from "../settings/functions.ts";
import { dev } from "./mocks.ts";
import { refusal, refusalOf, settingsOf, strategyRule } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

const allAtOnce = {
  name: "allAtOnce",
  predefined: "CodeDeployDefault.LambdaAllAtOnce",
  routing: { type: "AllAtOnce" },
  minutes: 0,
};

describe("the settings of functions", () => {
  for (const settings of [
    { memorySize: 128, timeout: 1, environment: {} },
    { memorySize: 10_240, timeout: 29, environment: { GREETING: "hi", A_1: "x".repeat(4096 - 13) } },
  ]) {
    it(`take a function's ${settings.memorySize} MB and ${settings.timeout} s`, async () => {
      expect(await ownSettingsOf({ "hello-user": settings })).to.deep.equal({
        ...settings,
        releaseStrategy: allAtOnce,
      });
    });
  }

  it("leave what is not set of a function at its default", async () => {
    expect(await ownSettingsOf({ "hello-user": { memorySize: 256 } })).to.deep.equal({
      memorySize: 256,
      timeout: 10,
      environment: {},
      releaseStrategy: allAtOnce,
    });
  });

  it("keep a function's environment secret when any of it is encrypted", async () => {
    const functions = JSON.stringify({ "hello-user": { environment: { KEY: "value" } } });
    const settings = await settingsOf(withSettings({}, { functions }));
    const { KEY } = settings.function("hello-user").environment;
    expect(await pulumi.isSecret(pulumi.output(KEY))).to.equal(true);
  });

  it("take the variables of a function that AWS's own list does not keep, and numbers as text", async () => {
    const environment = { AWS_ENDPOINT_URL: "https://example.com", LAMBDA_X: "x", PORT: 8080, DEBUG: true };
    expect((await ownSettingsOf({ "hello-user": { environment } })).environment).to.deep.equal({
      AWS_ENDPOINT_URL: "https://example.com",
      LAMBDA_X: "x",
      PORT: "8080",
      DEBUG: "true",
    });
  });

  it("know no function beside the stack's", async () => {
    const settings = await settingsOf(dev);
    expect(() => settings.function("goodbye")).to.throw(
      'there is no function "goodbye"; the folders with a handler.ts are: hello-user',
    );
  });
});

describe("the settings of functions that are not usable:", () => {
  for (const [functions, problem] of [
    ["128", " must be an object with a function's folder as each key"],
    ["[]", " must be an object with a function's folder as each key"],
    [{ goodbye: {} }, ".goodbye is no function: there are hello-user"],
    [
      { "hello-user": 128 },
      ".hello-user is 128: it must be an object with some of memorySize, timeout, environment, releaseStrategy",
    ],
    [
      { "hello-user": { memory: 256 } },
      ".hello-user.memory is no setting of a function: there are memorySize, timeout, environment, releaseStrategy",
    ],
    ...[127, 10_241, 128.5, "256"].map((memorySize) => [
      { "hello-user": { memorySize } },
      `.hello-user.memorySize is ${JSON.stringify(memorySize)}: it must be a whole number of MB from 128 to 10240`,
    ]),
    ...[0, 30, 1.5, null].map((timeout) => [
      { "hello-user": { timeout } },
      `.hello-user.timeout is ${timeout}: it must be a whole number of seconds from 1 to 29`,
    ]),
    ...["", "fast", "canary10Percent5Minute", 5, null, ["allAtOnce"], { name: "allAtOnce" }].map((releaseStrategy) => [
      { "hello-user": { releaseStrategy } },
      `.hello-user.releaseStrategy is ${JSON.stringify(releaseStrategy)}: ${strategyRule}`,
    ]),
    [{ "hello-user": { environment: ["A=b"] } }, ".hello-user.environment must be an object of strings"],
    ...["A", "1A", "A-B", "_AB"].map((name) => [
      { "hello-user": { environment: { [name]: "x" } } },
      `.hello-user.environment has the name "${name}": letters, digits and _ are allowed, two at least, the first a letter`,
    ]),
    ...["AWS_REGION", "LAMBDA_TASK_ROOT", "AWS_SESSION_TOKEN"].map((name) => [
      { "hello-user": { environment: { [name]: "x" } } },
      `.hello-user.environment has the name "${name}", which is Lambda's own: give it another`,
    ]),
    [
      { "hello-user": { environment: { KEY: null } } },
      ".hello-user.environment.KEY must be a string, a number, true or false",
    ],
    [
      { "hello-user": { environment: { KEY: "é".repeat(2047) } } },
      ".hello-user.environment has 4097 bytes: Lambda allows 4096",
    ],
  ] as [unknown, string][]) {
    const text = typeof functions === "string" ? functions : JSON.stringify(functions);
    it(`functions = ${text.slice(0, 80)}`, async () => {
      const { message } = await refusalOf(withSettings({ functions: text }));
      expect(message).to.equal(refusal(`push-to-live:functions${problem}`));
    });
  }
});

/** What a stack with these settings of functions sets of one alone. */
async function ownSettingsOf(functions: object): Promise<Partial<FunctionSettings>> {
  const settings = await settingsOf(withSettings({ functions: JSON.stringify(functions) }));
  const { memorySize, timeout, environment, releaseStrategy } = settings.function("hello-user");
  return { memorySize, timeout, environment, releaseStrategy };
}
