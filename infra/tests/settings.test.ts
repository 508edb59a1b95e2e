import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { settingKeys } from "../settings/known.ts";
import { readSettings } from "../settings/settings.ts";
import { dev, evaluate, failureOf } from "./mocks.ts";
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

  it("are all listed where an unknown key is looked for", async () => {
    const folder = join(import.meta.dirname, "../settings");
    const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), "utf8")));
    const reads = /(?:config\.(?:get|require|getSecret|requireSecret)|\bread|refuse)\(\s*"(\w+)"/g;
    const read = new Set(texts.flatMap((text) => [...text.matchAll(reads)].map(([, key]) => key)));
    read.delete("defaultTags");
    expect(settingKeys).to.include.members([...read]);
    expect(read.size).to.be.above(20);
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

  it("a setting of another project's namespace", async () => {
    const failure = await failureOf(
      evaluate({ ...dev, config: {} }, () => {
        pulumi.runtime.setAllConfig({ "shop:repository": repository, "shop:connectionArn": connectionArn });
        return readSettings([]);
      }),
    );
    expect(failure.message).to.contain("push-to-live:repository is not set").and.contain("connectionArn is not set");
  });

  it("every problem at once, each named, in one error, before the program has registered anything", async () => {
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
        `push-to-live:branch is "a b": it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)`,
        'push-to-live:tokenSecretArn is "***": connectionArn is set as well; exactly one of connectionArn, tokenSecretArn and token is allowed',
        `push-to-live:connectionArn is "connection": it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>`,
        `push-to-live:releaseStrategy is "slow": it must be allAtOnce, canary<percent>Percent<minutes>Minutes, such as canary10Percent5Minutes, or linear<percent>PercentEvery<minutes>Minutes, such as linear10PercentEvery1Minute: 1 to 99 percent, 2155 minutes at most in all`,
        `push-to-live:logRetentionDays is "2": it must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653`,
        `push-to-live:buildTimeoutMinutes is "0": it must be a whole number from 5 to 2160`,
        `push-to-live:protect is "maybe": it must be one of true, false`,
        'project and stack are "push-to-live-dev.1": AWS names may hold only letters, digits, "-" and "_"; rename the stack',
      ),
    );
  });
});
