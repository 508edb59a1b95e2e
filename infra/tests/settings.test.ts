import { expect } from "chai";
import fc from "fast-check";
import { schemaFor, settingKeys } from "../settings/schema.ts";
import { dev } from "./mocks.ts";
import { refusal, refusalOf, refusedBy, settingsOf } from "./readSettings.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

const { repository, connectionArn } = dev.config;

describe("the settings", () => {
  it("have these defaults beside the repository and its credential, each given to who takes it", async () => {
    const { function: functionOf, ...settings } = await settingsOf(dev);
    const allAtOnce = {
      name: "allAtOnce",
      predefined: "CodeDeployDefault.LambdaAllAtOnce",
      routing: { type: "AllAtOnce" },
      minutes: 0,
    };
    const compute = {
      type: "LINUX_CONTAINER",
      computeType: "BUILD_GENERAL1_SMALL",
      image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
    };
    const builds = {
      repository: { type: "GITHUB", cloneUrl: "https://github.com/owner/name.git" },
      branch: "main",
      compute,
      logRetentionDays: 30,
    };
    expect(functionOf("hello-user")).to.deep.equal({
      functionName: "push-to-live-dev_hello-user",
      memorySize: 128,
      timeout: 10,
      environment: {},
      releaseStrategy: allAtOnce,
      logRetentionDays: 30,
      tracing: false,
      protect: false,
    });
    expect(settings).to.deep.equal({
      prefix: "push-to-live-dev",
      api: {
        prefix: "push-to-live-dev",
        logRetentionDays: 30,
        corsOrigins: [],
        throttling: { rateLimit: 100, burstLimit: 200 },
        jwt: undefined,
        defaultEndpoint: true,
        protect: false,
      },
      domain: undefined,
      application: { applicationName: "push-to-live-dev", strategies: [allAtOnce] },
      credential: { type: "CODECONNECTIONS", arn: connectionArn },
      pullRequestCredential: undefined,
      deploy: { ...builds, projectName: "push-to-live-dev_deploy", timeoutMinutes: 5 },
      pullRequest: {
        ...builds,
        projectName: "push-to-live-dev_pull-request",
        timeoutMinutes: 15,
        statusContext: "push-to-live-dev/pull-request",
      },
      monitoring: {
        prefix: "push-to-live-dev",
        alerts: false,
        alarms: {
          apiErrors: 1,
          apiClientErrors: 50,
          functionErrors: 1,
          functionThrottles: 1,
          functionDuration: 5000,
          failedBuilds: 1,
        },
        alertSubscribers: [],
      },
      previewRole: undefined,
    });
  });

  it("are read from the project's own namespace", async () => {
    const settings = await settingsOf({ ...dev, project: "shop", stack: "prod" });
    expect(settings.prefix).to.equal("shop-prod");
    expect(settings.deploy.repository.cloneUrl).to.equal("https://github.com/owner/name.git");
  });
});

describe("the settings' schema", () => {
  it("says what is wrong with any value in words of its own, and none of zod's", () => {
    const schema = schemaFor(["hello-user"]);
    const value = fc.oneof(fc.string(), fc.json(), fc.webUrl(), fc.constantFrom("", "null", "[]", "{}", "1e400"));
    const own = fc.record(
      { memorySize: value, timeout: value, environment: value, releaseStrategy: value, x: value },
      {
        requiredKeys: [],
      },
    );
    const object = fc.oneof(own, fc.dictionary(fc.constantFrom("apiErrors", "hello-user", "x"), fc.oneof(value, own)));
    const text = fc.oneof(
      value,
      object.map((members) => JSON.stringify(members, (_, item) => parsed(item))),
    );
    fc.assert(
      fc.property(fc.constantFrom(...settingKeys), text, (key, given) => {
        const { error } = schema.safeParse({ ...dev.config, [key]: given }, { reportInput: true });
        for (const { path, message } of error?.issues ?? []) {
          expect(path[0]).to.equal(key);
          expect(message).to.match(/^(is (\{value\}|"\*\*\*"): it must be |must be |has |is no )/);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("settings that are not usable:", () => {
  for (const [key, nearest] of [
    ["repositry", "repository"],
    ["logRetention", "logRetentionDays"],
    ["TRACING", "tracing"],
    ["pullRequest", "pullRequests"],
  ] as const) {
    it(`the misspelt key ${key}, with the nearest that there is`, async () => {
      const failure = await refusalOf(withSettings({ [key]: "x" }));
      expect(failure.message).to.equal(
        refusal(`push-to-live:${key} is no setting: remove it, or did you mean ${nearest}?`),
      );
    });
  }

  it("an encrypted value, which the message does not repeat", async () => {
    const failure = await refusalOf(withSettings({}, { domainName: "a secret" }));
    expect(failure.message).to.contain("domainName").and.not.contain("a secret");
  });

  it("a part of a structure with something encrypted, which the message does not repeat either", async () => {
    const functions = '{"hello-user":{"memorySize":"a secret","environment":{"a-b":"a secret"}}}';
    expect((await refusalOf(withSettings({}, { functions }))).message).to.equal(
      refusal(
        'push-to-live:functions.hello-user.memorySize is "***": it must be a whole number of MB from 128 to 10240',
        'push-to-live:functions.hello-user.environment has the name "a-b": letters, digits and _ are allowed, two at least, the first a letter',
      ),
    );
  });

  describe("settings of another project, as this one was named before:", () => {
    const ignored = (keys: string, are: string, them: string) =>
      `${keys} ${are} of a project "shop", which Pulumi ignores in "push-to-live": if it was renamed, take "shop:" away from ${them} in Pulumi.dev.yaml; or remove ${them}`;

    it("all of them, with what is missing by that", async () => {
      const awsConfig = { "shop:repository": repository, "shop:connectionArn": connectionArn, "shop:token": "t" };
      expect((await refusalOf({ ...dev, config: {}, awsConfig })).message).to.equal(
        refusal(
          'push-to-live:repository is not set: it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
          "push-to-live:connectionArn is not set: set it, tokenSecretArn or token, so that CodeBuild can read the repository",
          ignored("shop:repository, shop:connectionArn, shop:token", "are settings", "them"),
        ),
      );
    });

    it("one that was forgotten, and would have been ignored without a word", async () => {
      expect((await refusalOf({ ...dev, awsConfig: { "shop:protect": "true" } })).message).to.equal(
        refusal(ignored("shop:protect", "is a setting", "it")),
      );
    });

    it("not what providers have: a token, and what is no setting here", async () => {
      const awsConfig = { "aws:region": "eu-west-1", "aws:token": "t", "github:token": "t", "github:owner": "o" };
      await settingsOf({ ...dev, awsConfig });
    });
  });

  it("every problem at once, each named, in one error in the order of the README's table, before the program has registered anything", async () => {
    const failed = loadProgram({
      ...dev,
      stack: "dev.1",
      config: {
        repository: "owner/name",
        branch: "a b",
        connectionArn: "connection",
        tokenSecretArn: "token",
        releaseStrategy: "slow",
        logRetentionDays: "2",
        buildTimeoutMinutes: "0",
        protect: "maybe",
      },
    });
    const failure = await refusedBy(failed);
    expect(failure.message).to.equal(
      refusal(
        `push-to-live:repository is "owner/name": it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"`,
        `push-to-live:connectionArn is "connection": it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>`,
        'push-to-live:tokenSecretArn is "***": connectionArn is set as well; exactly one of connectionArn, tokenSecretArn and token is allowed',
        `push-to-live:branch is "a b": it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)`,
        `push-to-live:releaseStrategy is "slow": it must be allAtOnce, canary<percent>Percent<minutes>Minutes, such as canary10Percent5Minutes, or linear<percent>PercentEvery<minutes>Minutes, such as linear10PercentEvery1Minute: 1 to 99 percent, 2155 minutes at most in all`,
        `push-to-live:logRetentionDays is "2": it must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653`,
        `push-to-live:buildTimeoutMinutes is "0": it must be a whole number from 5 to 2160`,
        `push-to-live:protect is "maybe": it must be one of true, false`,
        'project and stack are "push-to-live-dev.1": AWS names may hold only letters, digits, "-" and "_"; rename the stack',
      ),
    );
  });
});

/** What JSON there is in a text; anything else stays as it is. */
function parsed(item: unknown): unknown {
  try {
    return typeof item === "string" ? JSON.parse(item) : item;
  } catch {
    return item;
  }
}
