import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { buildComputes } from "../settings/buildComputes.ts";
import type { FunctionSettings } from "../settings/functions.ts";
import { settingKeys } from "../settings/known.ts";
import { parseStrategy } from "../settings/releaseStrategies.ts";
import { readSettings, retentionDays, type Settings } from "../settings/settings.ts";
import { dev, type EvaluationError, evaluate, failureOf, type Stack, valueFrom } from "./mocks.ts";
import { loadProgram } from "./sampleProgram.ts";

const { repository, connectionArn } = dev.config;
const secretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-token-AbCdEf";
const token = "ghp_0123456789abcdefghij";

const allowed = {
  repository: 'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
  branch:
    'it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)',
  connectionArn: "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
  tokenSecretArn:
    "it must be the ARN of a Secrets Manager secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
  token: "it must be a personal access token, set with: pulumi config set --secret token",
  releaseStrategy:
    "it must be allAtOnce, canary<percent>Percent<minutes>Minutes, such as canary10Percent5Minutes, or linear<percent>PercentEvery<minutes>Minutes, such as linear10PercentEvery1Minute: 1 to 99 percent, 2155 minutes at most in all",
  buildCompute: "it must be one of x86, arm, x86Lambda, armLambda",
  corsOrigins: 'it must be a list of origins, such as ["https://www.example.com"] or ["https://*"], or ["*"]',
  throttlingRateLimit: "it must be a whole number from 1 to 1000000",
  throttlingBurstLimit: "it must be a whole number from 1 to 1000000",
  protect: "it must be one of true, false",
  logRetentionDays:
    "it must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
  buildTimeoutMinutes: "it must be a whole number from 5 to 2160",
} as const;

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

describe("the settings", () => {
  describe("that are usable", () => {
    it("have these defaults beside the repository and its credential", async () => {
      const { functionSettings, ...settings } = await settingsOf(dev.config);
      expect(functionSettings("hello-user")).to.deep.equal({
        memorySize: 128,
        timeout: 10,
        environment: {},
        releaseStrategy: allAtOnce,
      });
      expect(settings).to.deep.equal({
        prefix: "push-to-live-dev",
        repository: { type: "GITHUB", cloneUrl: "https://github.com/owner/name.git" },
        branch: "main",
        credential: { type: "CODECONNECTIONS", arn: connectionArn },
        pullRequests: true,
        pullRequestCredential: { type: "CODECONNECTIONS", arn: connectionArn },
        releaseStrategies: [allAtOnce],
        logRetentionDays: 30,
        compute: {
          type: "LINUX_CONTAINER",
          computeType: "BUILD_GENERAL1_SMALL",
          image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        },
        buildTimeoutMinutes: 5,
        corsOrigins: [],
        throttling: { rateLimit: 100, burstLimit: 200 },
        protect: false,
        jwt: undefined,
        domain: undefined,
        defaultEndpoint: true,
        tracing: false,
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
      });
    });

    it("are read from the project's own namespace", async () => {
      const { result } = await evaluate({ ...dev, project: "shop", stack: "prod" }, () => readSettings(["hello-user"]));
      expect(result.prefix).to.equal("shop-prod");
      expect(result.repository.cloneUrl).to.equal("https://github.com/owner/name.git");
    });

    for (const [url, type, cloneUrl] of [
      ["https://github.com/owner/name.git", "GITHUB", "https://github.com/owner/name.git"],
      ["https://github.com/owner/name/", "GITHUB", "https://github.com/owner/name.git"],
      ["https://github.com/owner/name.git/", "GITHUB", "https://github.com/owner/name.git"],
      ["https://GitHub.com/Owner-1/na_me.js", "GITHUB", "https://github.com/Owner-1/na_me.js.git"],
      ["https://github.com:443/owner/name", "GITHUB", "https://github.com/owner/name.git"],
      ["https://git.example.com/owner/name", "GITHUB_ENTERPRISE", "https://git.example.com/owner/name.git"],
      ["https://git.example.com:8443/owner/name", "GITHUB_ENTERPRISE", "https://git.example.com:8443/owner/name.git"],
      ["https://notgithub.com/owner/name", "GITHUB_ENTERPRISE", "https://notgithub.com/owner/name.git"],
      [
        "https://github.com.example.com/owner/name",
        "GITHUB_ENTERPRISE",
        "https://github.com.example.com/owner/name.git",
      ],
    ] as const) {
      it(`take the repository ${url} as ${type}, cloned from ${cloneUrl}`, async () => {
        expect((await settingsOf({ ...dev.config, repository: url })).repository).to.deep.equal({ type, cloneUrl });
      });
    }

    for (const branch of ["main", "release/1.x", "feature_1+2-3"]) {
      it(`take the branch ${branch}`, async () => {
        expect((await settingsOf({ ...dev.config, branch })).branch).to.equal(branch);
      });
    }

    for (const arn of [
      connectionArn,
      connectionArn.replace("codeconnections", "codestar-connections"),
      "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    ]) {
      it(`take the connection ${arn}`, async () => {
        const { credential } = await settingsOf({ repository, connectionArn: arn });
        expect(credential).to.deep.equal({ type: "CODECONNECTIONS", arn });
      });
    }

    for (const arn of [
      secretArn,
      "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:team/github_token+x=y.z@w-AbCdEf",
    ]) {
      it(`take the token's secret ${arn}`, async () => {
        const { credential } = await settingsOf({ repository, tokenSecretArn: arn });
        expect(credential).to.deep.equal({ type: "SECRETS_MANAGER", arn });
      });
    }

    it("take a token that is encrypted, and keep it a secret", async () => {
      const { credential } = await settingsOf({ repository }, { secretConfig: { token } });
      if (credential.type !== "TOKEN") {
        throw new Error(credential.type);
      }
      expect(await pulumi.isSecret(credential.token)).to.equal(true);
      expect(await valueFrom(pulumi.unsecret(credential.token))).to.equal(token);
    });

    for (const [releaseStrategy, predefined, minutes] of predefinedStrategies) {
      it(`take the release strategy ${releaseStrategy} in builds of ${minutes + 5} minutes, and of no less`, async () => {
        const { releaseStrategies } = await settingsOf(strategies(releaseStrategy, {}, minutes + 5));
        expect(releaseStrategies).to.have.lengthOf(1);
        expect(releaseStrategies[0]).to.include({ name: releaseStrategy, predefined, minutes });
        if (minutes > 0) {
          const { message } = await refusalOf({ ...dev, config: strategies(releaseStrategy, {}, minutes + 4) });
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
      [
        "linear10PercentEvery5Minutes",
        50,
        { type: "TimeBasedLinear", timeBasedLinear: { percentage: 10, interval: 5 } },
      ],
      ["linear30PercentEvery1Minute", 4, { type: "TimeBasedLinear", timeBasedLinear: { percentage: 30, interval: 1 } }],
      [
        "linear99PercentEvery2Minutes",
        4,
        { type: "TimeBasedLinear", timeBasedLinear: { percentage: 99, interval: 2 } },
      ],
      [
        "linear1PercentEvery21Minutes",
        2100,
        { type: "TimeBasedLinear", timeBasedLinear: { percentage: 1, interval: 21 } },
      ],
    ] as const) {
      it(`take the strategy ${releaseStrategy}, which CodeDeploy does not have by itself and takes ${minutes} minutes`, async () => {
        const { releaseStrategies } = await settingsOf(strategies(releaseStrategy, {}, minutes + 5));
        expect(releaseStrategies).to.deep.equal([{ name: releaseStrategy, routing, minutes }]);
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
      const { functionSettings, releaseStrategies } = await settingsOf(
        strategies("linear10PercentEvery1Minute", own, 15),
        { folders: ["one", "two"] },
      );
      expect(["one", "two"].map((folder) => functionSettings(folder).releaseStrategy.name)).to.deep.equal([
        "canary10Percent5Minutes",
        "linear10PercentEvery1Minute",
      ]);
      expect(releaseStrategies.map(({ name }) => name)).to.deep.equal([
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
        const config = (minutes: number) => strategies(stack, { one: { releaseStrategy: own } }, minutes);
        const folders = ["one", "two"];
        expect((await settingsOf(config(least), { folders })).buildTimeoutMinutes).to.equal(least);
        const { message } = await refusalOf({ ...dev, config: config(least - 1) }, folders);
        expect(message).to.equal(tooShort(least - 1, least));
      });
    }

    it("ask no time for a strategy that every function has replaced", async () => {
      const own = { "hello-user": { releaseStrategy: "allAtOnce" } };
      const { releaseStrategies } = await settingsOf(strategies("canary10Percent30Minutes", own, 5));
      expect(releaseStrategies).to.deep.equal([allAtOnce]);
    });

    for (const [buildCompute, compute] of Object.entries(buildComputes)) {
      it(`take builds on ${buildCompute}, whose image has Node.js 24`, async () => {
        expect((await settingsOf({ ...dev.config, buildCompute })).compute).to.deep.equal(compute);
      });
    }

    for (const origins of [
      ["https://www.example.com"],
      ["https://a.example.com:8443", "http://localhost:5173"],
      ["*"],
      ["https://*"],
      ["http://*", "https://*"],
    ]) {
      it(`take the origins ${origins.join(" and ")}`, async () => {
        const { corsOrigins } = await settingsOf({ ...dev.config, corsOrigins: JSON.stringify(origins) });
        expect(corsOrigins).to.deep.equal(origins);
      });
    }

    it("take limits on requests", async () => {
      const config = { ...dev.config, throttlingRateLimit: "1", throttlingBurstLimit: "1000000" };
      expect((await settingsOf(config)).throttling).to.deep.equal({ rateLimit: 1, burstLimit: 1_000_000 });
    });

    for (const protect of [true, false]) {
      it(`take protect = ${protect}`, async () => {
        expect((await settingsOf({ ...dev.config, protect: String(protect) })).protect).to.equal(protect);
      });
    }

    for (const settings of [
      { memorySize: 128, timeout: 1, environment: {} },
      { memorySize: 10_240, timeout: 29, environment: { GREETING: "hi", A_1: "x".repeat(4096 - 13) } },
    ]) {
      it(`take a function's ${settings.memorySize} MB and ${settings.timeout} s`, async () => {
        expect(await functionSettingsOf({ "hello-user": settings })).to.deep.equal({
          ...settings,
          releaseStrategy: allAtOnce,
        });
      });
    }

    it("leave what is not set of a function at its default", async () => {
      expect(await functionSettingsOf({ "hello-user": { memorySize: 256 } })).to.deep.equal({
        memorySize: 256,
        timeout: 10,
        environment: {},
        releaseStrategy: allAtOnce,
      });
    });

    it("keep a function's environment secret when any of it is encrypted", async () => {
      const functions = JSON.stringify({ "hello-user": { environment: { KEY: "value" } } });
      const { functionSettings } = await settingsOf(dev.config, { secretConfig: { functions } });
      const { KEY } = functionSettings("hello-user").environment;
      expect(await pulumi.isSecret(pulumi.output(KEY))).to.equal(true);
    });

    it("take the variables of a function that AWS's own list does not keep, and numbers as text", async () => {
      const environment = { AWS_ENDPOINT_URL: "https://example.com", LAMBDA_X: "x", PORT: 8080, DEBUG: true };
      expect((await functionSettingsOf({ "hello-user": { environment } })).environment).to.deep.equal({
        AWS_ENDPOINT_URL: "https://example.com",
        LAMBDA_X: "x",
        PORT: "8080",
        DEBUG: "true",
      });
    });

    it("take an owner whose name has a _, as a managed user's has", async () => {
      const { repository: found } = await settingsOf({ ...dev.config, repository: "https://github.com/jo_shop/name" });
      expect(found).to.deep.equal({ type: "GITHUB", cloneUrl: "https://github.com/jo_shop/name.git" });
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

    it("know no function beside the stack's", async () => {
      const { functionSettings } = await settingsOf(dev.config);
      expect(() => functionSettings("goodbye")).to.throw(
        'there is no function "goodbye"; the folders with a handler.ts are: hello-user',
      );
    });

    for (const tags of [
      {},
      { project: "push-to-live", "cost centre": "4711 + tax @ 20" },
      { ["k".repeat(127)]: "v".repeat(255) },
    ]) {
      it(`take the tags ${JSON.stringify(tags)} for every resource`, async () => {
        await settingsOf(dev.config, { awsConfig: { "aws:defaultTags": JSON.stringify({ tags }) } });
      });
    }

    it("take each retention that CloudWatch Logs accepts", async () => {
      const taken: number[] = [];
      for (const days of retentionDays) {
        taken.push((await settingsOf({ ...dev.config, logRetentionDays: String(days) })).logRetentionDays);
      }
      expect(taken).to.deep.equal([
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
      ]);
    });

    for (const minutes of [5, 60, 2160]) {
      it(`take a build timeout of ${minutes} minutes`, async () => {
        const settings = await settingsOf({ ...dev.config, buildTimeoutMinutes: String(minutes) });
        expect(settings.buildTimeoutMinutes).to.equal(minutes);
      });
    }
  });

  describe("that are not usable, and of which nothing is registered:", () => {
    const refused = {
      repository: [
        "",
        "owner/name",
        "http://github.com/owner/name",
        "git@github.com:owner/name.git",
        "https://www.github.com/owner/name",
        "https://github.com:8443/owner/name",
        "https://github.com/owner/.git",
        "https://github.com/owner/...",
        "https://github.com/owner",
        "https://github.com/owner/",
        "https://github.com/owner/name/tree/main",
        "https://github.com/owner/name?tab=readme",
        "https://github.com/owner/name#readme",
        "https://github.com/-owner/name",
        "https://github.com/owner/na me",
        "https://github.com/owner/name:x",
      ],
      branch: ["", "HEAD", "two words", "a..b", "refs/heads/main", "ma*n"],
      connectionArn: [
        "",
        "connection",
        secretArn,
        connectionArn.replace("codeconnections", "codecommit"),
        connectionArn.replace("codeconnections", "codestar"),
        connectionArn.replace("123456789012", "12345678901"),
        connectionArn.replace("eu-west-1", ""),
        connectionArn.replace("arn:aws", "arn:"),
        connectionArn.slice(0, -1),
        `${connectionArn}0`,
        `x${connectionArn}`,
        connectionArn.replace("connection/", "host/"),
        connectionArn.replace("5555", "555*"),
      ],
      releaseStrategy: [
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
      ],
      buildCompute: ["", "X86", "toString", "LINUX_CONTAINER"],
      corsOrigins: [
        "",
        "https://www.example.com",
        '["https://www.example.com/"]',
        '["https://www.example.com/page"]',
        '["www.example.com"]',
        '["*", "https://www.example.com"]',
        '["https://*.example.com"]',
        '["ftp://www.example.com"]',
        '["null"]',
        "[1]",
        "{}",
      ],
      throttlingRateLimit: ["", "0", "-1", "0.5", "1000001", "many"],
      throttlingBurstLimit: ["", "0", "1e3"],
      protect: ["", "yes", "True", "toString", "1"],
      logRetentionDays: ["", "0", "2", "31", "030", "30.0", " 30", "-1", "never"],
      buildTimeoutMinutes: ["", "4", "2161", "-5", "5.5", "1e2", "0x10", " 5", "ten"],
    } as const;

    for (const [key, values] of Object.entries(refused) as [keyof typeof refused, readonly string[]][]) {
      for (const value of values) {
        it(`${key} = ${JSON.stringify(value)}`, async () => {
          const failure = await refusalOf({ ...dev, config: { ...dev.config, [key]: value } });
          expect(failure.message).to.equal(refusal(`push-to-live:${key} is ${JSON.stringify(value)}: ${allowed[key]}`));
        });
      }
    }

    for (const tokenSecretArn of [
      "",
      "ghp_0123456789",
      connectionArn,
      secretArn.replace("123456789012", "1234567890123"),
      secretArn.replace("secret:", "parameter:"),
      secretArn.replace("eu-west-1", ""),
      `${secretArn}*`,
      secretArn.replace("-AbCdEf", ""),
      `x${secretArn}`,
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
    ]) {
      it(`tokenSecretArn = ${JSON.stringify(tokenSecretArn)}`, async () => {
        const failure = await refusalOf({ ...dev, config: { repository, tokenSecretArn } });
        expect(failure.message).to.equal(
          refusal(`push-to-live:tokenSecretArn is ${JSON.stringify(tokenSecretArn)}: ${allowed.tokenSecretArn}`),
        );
      });
    }

    it("a repository with a token in it, which the message does not repeat", async () => {
      for (const [scheme, userinfo] of [
        ["https", "user"],
        ["https", ":ghp_secret"],
        ["https", "user:ghp_secret"],
        ["ssh", "git"],
      ]) {
        const config = { ...dev.config, repository: `${scheme}://${userinfo}@github.com/owner/name` };
        const { message } = await refusalOf({ ...dev, config });
        expect(message).to.equal(
          refusal(`push-to-live:repository is "${scheme}://***@github.com/owner/name": ${allowed.repository}`),
        );
      }
    });

    it("no repository", async () => {
      const failure = await refusalOf({ ...dev, config: { connectionArn } });
      expect(failure.message).to.equal(refusal(`push-to-live:repository is not set: ${allowed.repository}`));
    });

    it("neither a connection nor a token's secret", async () => {
      const failure = await refusalOf({ ...dev, config: { repository } });
      expect(failure.message).to.equal(
        refusal(
          "push-to-live:connectionArn is not set: set it, tokenSecretArn or token, so that CodeBuild can read the repository",
        ),
      );
    });

    for (const [given, refused, config] of [
      ["connectionArn", "tokenSecretArn", { ...dev.config, tokenSecretArn: secretArn }],
      ["connectionArn", "token", dev.config],
      ["tokenSecretArn", "token", { repository, tokenSecretArn: secretArn }],
    ] as const) {
      it(`both ${given} and ${refused}`, async () => {
        const failure = await refusalOf({ ...dev, config, ...(refused === "token" && { secretConfig: { token } }) });
        expect(failure.message).to.equal(
          refusal(
            `push-to-live:${refused} is "***": ${given} is set as well; exactly one of connectionArn, tokenSecretArn and token is allowed`,
          ),
        );
      });
    }

    for (const [what, stack] of [
      ["in plain text", { config: { repository, token } }],
      ["that is empty", { config: { repository }, secretConfig: { token: "" } }],
      ["that is too short to be one", { config: { repository }, secretConfig: { token: "password" } }],
      ["with white space around it", { config: { repository }, secretConfig: { token: `${token}\n` } }],
    ] as const) {
      it(`a token ${what}, which the message does not repeat`, async () => {
        const { message } = await refusalOf({ ...dev, ...stack });
        expect(message).to.equal(refusal(`push-to-live:token is "***": ${allowed.token}`));
      });
    }

    it("a timeout on Lambda compute, which takes none", async () => {
      const config = { ...dev.config, buildCompute: "armLambda", buildTimeoutMinutes: "10" };
      expect((await refusalOf({ ...dev, config })).message).to.equal(
        refusal(
          "push-to-live:buildTimeoutMinutes is 10: remove it: buildCompute is Lambda compute, which takes no timeout",
        ),
      );
    });

    it("a strategy that takes longer than Lambda compute lets a build run", async () => {
      const lasting = { ...dev.config, buildCompute: "x86Lambda", releaseStrategy: "canary10Percent10Minutes" };
      expect((await settingsOf(lasting)).releaseStrategies[0]?.name).to.equal("canary10Percent10Minutes");
      const config = { ...lasting, releaseStrategy: "canary10Percent15Minutes" };
      expect((await refusalOf({ ...dev, config })).message).to.equal(
        refusal(
          'push-to-live:buildCompute is "x86Lambda": a build with its release takes up to 20 minutes with the releaseStrategy that takes longest, Lambda compute stops it after 15; choose x86 or arm, or a faster strategy',
        ),
      );
    });

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
      ...["", "fast", "canary10Percent5Minute", 5, null, ["allAtOnce"], { name: "allAtOnce" }].map(
        (releaseStrategy) => [
          { "hello-user": { releaseStrategy } },
          `.hello-user.releaseStrategy is ${JSON.stringify(releaseStrategy)}: ${allowed.releaseStrategy}`,
        ],
      ),
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
        const { message } = await refusalOf({ ...dev, config: { ...dev.config, functions: text } });
        expect(message).to.equal(refusal(`push-to-live:functions${problem}`));
      });
    }

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

    for (const [key, nearest] of [
      ["repositry", "repository"],
      ["logRetention", "logRetentionDays"],
      ["TRACING", "tracing"],
      ["pullRequest", "pullRequests"],
    ] as const) {
      it(`the misspelt key ${key}, with the nearest that there is`, async () => {
        const failure = await refusalOf({ ...dev, config: { ...dev.config, [key]: "x" } });
        expect(failure.message).to.equal(
          refusal(`push-to-live:${key} is no setting: remove it, or did you mean ${nearest}?`),
        );
      });
    }

    it("an encrypted value, which the message does not repeat", async () => {
      const failure = await refusalOf({ ...dev, secretConfig: { domainName: "a secret" } });
      expect(failure.message).to.contain("domainName").and.not.contain("a secret");
    });

    it("a folder whose name is none for a Lambda function", async () => {
      const failure = await refusalOf(dev, ["hello.user"]);
      expect(failure.message).to.contain("the folder functions/hello.user names a Lambda function");
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

    it("a stack whose name holds what separates it from a function's name", async () => {
      const failure = await refusalOf({ ...dev, stack: "dev_2" });
      expect(failure.message).to.equal(
        refusal('the stack is "dev_2": its name must hold no "_"; rename it, with "-" for instance'),
      );
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
          `push-to-live:repository is "owner/name": ${allowed.repository}`,
          `push-to-live:branch is "a b": ${allowed.branch}`,
          'push-to-live:tokenSecretArn is "***": connectionArn is set as well; exactly one of connectionArn, tokenSecretArn and token is allowed',
          `push-to-live:connectionArn is "connection": ${allowed.connectionArn}`,
          `push-to-live:releaseStrategy is "slow": ${allowed.releaseStrategy}`,
          `push-to-live:logRetentionDays is "2": ${allowed.logRetentionDays}`,
          `push-to-live:buildTimeoutMinutes is "0": ${allowed.buildTimeoutMinutes}`,
          `push-to-live:protect is "maybe": ${allowed.protect}`,
          'project and stack are "push-to-live-dev.1": AWS names may hold only letters, digits, "-" and "_"; rename the stack',
        ),
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
      const read = (folder: string) => evaluate({ ...dev, project: "p", stack: "s" }, () => readSettings([folder]));
      await read("f".repeat(39));
      expect((await failureOf(read("f".repeat(40)))).message).to.equal(
        refusal(
          `the folder functions/${"f".repeat(40)} has 40 characters; the names of its roles leave 39: shorten it`,
        ),
      );
    });
  });
});

async function settingsOf(
  config: Stack["config"],
  { folders = ["hello-user"], ...others }: Partial<Stack> & { folders?: string[] } = {},
): Promise<Settings> {
  return (await evaluate({ ...dev, ...others, config }, () => readSettings(folders))).result;
}

/** The settings of a stack with a release strategy, others for some functions, and a limit on its builds. */
function strategies(releaseStrategy: string, functions: object, buildTimeoutMinutes: number): Stack["config"] {
  return {
    ...dev.config,
    releaseStrategy,
    functions: JSON.stringify(functions),
    buildTimeoutMinutes: String(buildTimeoutMinutes),
  };
}

function tooShort(minutes: number, needed: number): string {
  return refusal(
    `push-to-live:buildTimeoutMinutes is ${minutes}: a build with its release takes up to ${needed} minutes with the releaseStrategy that takes longest: set at least that, or a faster strategy`,
  );
}

async function functionSettingsOf(functions: object): Promise<FunctionSettings> {
  const { functionSettings } = await settingsOf({ ...dev.config, functions: JSON.stringify(functions) });
  return functionSettings("hello-user");
}

/** The error with which a stack's settings are refused. */
async function refusalOf(stack: Stack, folders = ["hello-user"]): Promise<EvaluationError> {
  return refusedBy(evaluate(stack, () => readSettings(folders)));
}

async function refusedBy(evaluation: Promise<unknown>): Promise<EvaluationError> {
  const failure = await failureOf(evaluation);
  expect(failure.registrations).to.deep.equal([]);
  // Pulumi shows a RunError without a stack trace.
  expect(pulumi.RunError.isInstance(failure.cause)).to.equal(true);
  return failure;
}

function refusal(...problems: string[]): string {
  return [
    `${problems.length === 1 ? "1 setting is" : `${problems.length} settings are`} not usable; nothing was changed.`,
    ...problems.map((problem) => `  - ${problem}`),
    "Set a value with: pulumi config set <key> <value>",
  ].join("\n");
}
