import { expect } from "chai";
import { parseStrategy } from "../settings/releaseStrategies.ts";
import type { Stack } from "./mocks.ts";
import { refusal, refusalOf, refusesEach, settingsOf, strategyRule } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

/** The strategies that CodeDeploy has by itself, with the minutes that each takes. */
const predefinedStrategies = [
  ["allAtOnce", "CodeDeployDefault.LambdaAllAtOnce", 0],
  ["canary10Percent5Minutes", "CodeDeployDefault.LambdaCanary10Percent5Minutes", 5],
  ["canary10Percent10Minutes", "CodeDeployDefault.LambdaCanary10Percent10Minutes", 10],
  ["canary10Percent15Minutes", "CodeDeployDefault.LambdaCanary10Percent15Minutes", 15],
  ["canary10Percent30Minutes", "CodeDeployDefault.LambdaCanary10Percent30Minutes", 30],
  ["linear10PercentEvery1Minute", "CodeDeployDefault.LambdaLinear10PercentEvery1Minute", 10],
  ["linear10PercentEvery2Minutes", "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes", 20],
  ["linear10PercentEvery3Minutes", "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes", 30],
  ["linear10PercentEvery10Minutes", "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes", 100],
] as const;
const allAtOnce = {
  name: "allAtOnce",
  predefined: "CodeDeployDefault.LambdaAllAtOnce",
  routing: { type: "AllAtOnce" },
  minutes: 0,
};

describe("the settings of releases", () => {
  for (const [releaseStrategy, predefined, minutes] of predefinedStrategies) {
    it(`take the release strategy ${releaseStrategy} in builds of ${minutes + 5} minutes, and of no less`, async () => {
      const { application } = await settingsOf(strategies(releaseStrategy, {}, minutes + 5));
      expect(application.strategies).to.have.lengthOf(1);
      expect(application.strategies[0]).to.include({ name: releaseStrategy, predefined, minutes });
      if (minutes > 0) {
        const { message } = await refusalOf(strategies(releaseStrategy, {}, minutes + 4));
        expect(message).to.equal(tooShort(minutes + 4, minutes + 5));
      }
    });
  }

  for (const [releaseStrategy, minutes, routing] of [
    ["canary1Percent1Minute", 1, { type: "TimeBasedCanary", timeBasedCanary: { percentage: 1, interval: 1 } }],
    ["canary25Percent5Minutes", 5, { type: "TimeBasedCanary", timeBasedCanary: { percentage: 25, interval: 5 } }],
    [
      "canary99Percent2155Minutes",
      2155,
      { type: "TimeBasedCanary", timeBasedCanary: { percentage: 99, interval: 2155 } },
    ],
    ["linear10PercentEvery5Minutes", 50, { type: "TimeBasedLinear", timeBasedLinear: { percentage: 10, interval: 5 } }],
    ["linear30PercentEvery1Minute", 4, { type: "TimeBasedLinear", timeBasedLinear: { percentage: 30, interval: 1 } }],
    ["linear99PercentEvery2Minutes", 4, { type: "TimeBasedLinear", timeBasedLinear: { percentage: 99, interval: 2 } }],
    [
      "linear1PercentEvery21Minutes",
      2100,
      { type: "TimeBasedLinear", timeBasedLinear: { percentage: 1, interval: 21 } },
    ],
  ] as const) {
    it(`take the strategy ${releaseStrategy}, which CodeDeploy does not have by itself and takes ${minutes} minutes`, async () => {
      const { application } = await settingsOf(strategies(releaseStrategy, {}, minutes + 5));
      expect(application.strategies).to.deep.equal([{ name: releaseStrategy, routing, minutes }]);
    });
  }

  it("route a predefined strategy as CodeDeploy's configuration of that name does", () => {
    expect(parseStrategy("canary10Percent15Minutes")?.routing).to.deep.equal({
      type: "TimeBasedCanary",
      timeBasedCanary: { percentage: 10, interval: 15 },
    });
    expect(parseStrategy("linear10PercentEvery3Minutes")?.routing).to.deep.equal({
      type: "TimeBasedLinear",
      timeBasedLinear: { percentage: 10, interval: 3 },
    });
  });

  it("take for a function a strategy of its own, and leave the stack's to the others", async () => {
    const own = { one: { releaseStrategy: "canary10Percent5Minutes" } };
    const settings = await settingsOf(strategies("linear10PercentEvery1Minute", own, 15), ["one", "two"]);
    expect(["one", "two"].map((folder) => settings.function(folder).releaseStrategy.name)).to.deep.equal([
      "canary10Percent5Minutes",
      "linear10PercentEvery1Minute",
    ]);
    expect(settings.application.strategies.map(({ name }) => name)).to.deep.equal([
      "canary10Percent5Minutes",
      "linear10PercentEvery1Minute",
    ]);
  });

  for (const [stack, own, least] of [
    ["allAtOnce", "canary10Percent30Minutes", 35],
    ["canary10Percent5Minutes", "linear10PercentEvery10Minutes", 105],
    ["canary10Percent15Minutes", "canary10Percent5Minutes", 20],
  ] as const) {
    it(`let a build of ${stack}, and ${own} for one function, take the ${least} minutes of what takes longest`, async () => {
      const lasting = (minutes: number) => strategies(stack, { one: { releaseStrategy: own } }, minutes);
      const folders = ["one", "two"];
      expect((await settingsOf(lasting(least), folders)).deploy.timeoutMinutes).to.equal(least);
      const { message } = await refusalOf(lasting(least - 1), folders);
      expect(message).to.equal(tooShort(least - 1, least));
    });
  }

  it("ask no time for a strategy that every function has replaced", async () => {
    const own = { "hello-user": { releaseStrategy: "allAtOnce" } };
    const { application } = await settingsOf(strategies("canary10Percent30Minutes", own, 5));
    expect(application.strategies).to.deep.equal([allAtOnce]);
  });
});

describe("the settings of releases that are not usable:", () => {
  refusesEach("releaseStrategy", strategyRule, [
    "",
    "AllAtOnce",
    "toString",
    "CodeDeployDefault.LambdaAllAtOnce",
    "Canary10Percent5Minutes",
    "canary0Percent5Minutes",
    "canary100Percent5Minutes",
    "canary010Percent5Minutes",
    "canary10Percent0Minutes",
    "canary10Percent05Minutes",
    "canary10Percent5Minute",
    "canary10Percent1Minutes",
    "canary10Percent2156Minutes",
    "canary10PercentEvery5Minutes",
    "canary2.5Percent5Minutes",
    "linear0PercentEvery1Minute",
    "linear100PercentEvery1Minute",
    "linear10Percent1Minute",
    "linear10PercentEvery1Minutes",
    "linear10PercentEvery216Minutes",
    "linear1PercentEvery22Minutes",
    " allAtOnce",
    "canary10Percent5Minutes\n",
  ]);

  it("a timeout on Lambda compute, which takes none", async () => {
    const { message } = await refusalOf(withSettings({ buildCompute: "armLambda", buildTimeoutMinutes: "10" }));
    expect(message).to.equal(
      refusal(
        "push-to-live:buildTimeoutMinutes is 10: remove it: buildCompute is Lambda compute, which takes no timeout",
      ),
    );
  });

  it("a strategy that takes longer than Lambda compute lets a build run", async () => {
    const lasting = (releaseStrategy: string) => withSettings({ buildCompute: "x86Lambda", releaseStrategy });
    const { application } = await settingsOf(lasting("canary10Percent10Minutes"));
    expect(application.strategies[0]?.name).to.equal("canary10Percent10Minutes");
    expect((await refusalOf(lasting("canary10Percent15Minutes"))).message).to.equal(
      refusal(
        'push-to-live:buildCompute is "x86Lambda": a build with its release takes up to 20 minutes with the releaseStrategy that takes longest, Lambda compute stops it after 15; choose x86 or arm, or a faster strategy',
      ),
    );
  });
});

/** The settings of a stack with a release strategy, others for some functions, and a limit on its builds. */
function strategies(releaseStrategy: string, functions: object, buildTimeoutMinutes: number): Stack {
  return withSettings({
    releaseStrategy,
    functions: JSON.stringify(functions),
    buildTimeoutMinutes: String(buildTimeoutMinutes),
  });
}

function tooShort(minutes: number, needed: number): string {
  return refusal(
    `push-to-live:buildTimeoutMinutes is ${minutes}: a build with its release takes up to ${needed} minutes with the releaseStrategy that takes longest: set at least that, or a faster strategy`,
  );
}
