import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { readSettings, releaseStrategies, retentionDays, type Settings } from "../../infra/settings.ts";
import { dev, type EvaluationError, evaluate, failureOf, loadProgram, type Stack } from "./mocks.ts";

const { repository, connectionArn } = dev.config;
const secretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-token-AbCdEf";

const allowed = {
  repository: 'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
  branch:
    'it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)',
  connectionArn: "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
  tokenSecretArn:
    "it must be the ARN of a Secrets Manager secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
  releaseStrategy: "it must be one of allAtOnce",
  logRetentionDays:
    "it must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
  buildTimeoutMinutes: "it must be a whole number from 5 to 2160",
} as const;

describe("the settings", () => {
  describe("that are usable", () => {
    it("have these defaults beside the repository and its credential", async () => {
      expect(await settingsOf(dev.config)).to.deep.equal({
        prefix: "push-to-live-dev",
        repository: { type: "GITHUB", cloneUrl: "https://github.com/owner/name.git" },
        branch: "main",
        credential: { type: "CODECONNECTIONS", arn: connectionArn },
        deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
        logRetentionDays: 30,
        buildTimeoutMinutes: 5,
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

    it("know these release strategies", () => {
      expect(releaseStrategies).to.deep.equal({ allAtOnce: "CodeDeployDefault.LambdaAllAtOnce" });
    });

    for (const [releaseStrategy, deploymentConfigName] of Object.entries(releaseStrategies)) {
      it(`take the release strategy ${releaseStrategy} as ${deploymentConfigName}`, async () => {
        const settings = await settingsOf({ ...dev.config, releaseStrategy });
        expect(settings.deploymentConfigName).to.equal(deploymentConfigName);
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
        connectionArn.replace("codeconnections", "codestar-connections"),
        connectionArn.replace("123456789012", "12345678901"),
        connectionArn.replace("eu-west-1", ""),
        connectionArn.replace("arn:aws", "arn:"),
        connectionArn.slice(0, -1),
        `${connectionArn}0`,
        `x${connectionArn}`,
        connectionArn.replace("connection/", "host/"),
        connectionArn.replace("5555", "555*"),
      ],
      releaseStrategy: ["", "AllAtOnce", "toString", "CodeDeployDefault.LambdaAllAtOnce"],
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
          "push-to-live:connectionArn is not set: set it or tokenSecretArn, so that CodeBuild can read the repository",
        ),
      );
    });

    it("both a connection and a token's secret", async () => {
      const failure = await refusalOf({ ...dev, config: { ...dev.config, tokenSecretArn: secretArn } });
      expect(failure.message).to.equal(
        refusal(
          `push-to-live:tokenSecretArn is "${secretArn}": connectionArn is set as well; exactly one of the two is allowed`,
        ),
      );
    });

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

    it("a setting of another project's namespace", async () => {
      const failure = await failureOf(
        evaluate({ ...dev, config: {} }, () => {
          pulumi.runtime.setAllConfig({ "shop:repository": repository, "shop:connectionArn": connectionArn });
          return readSettings([]);
        }),
      );
      expect(failure.message).to.contain("push-to-live:repository is not set").and.contain("connectionArn is not set");
    });

    it("every problem at once, each named, in one error", async () => {
      const failure = await refusalOf({
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
        },
      });
      expect(failure.message).to.equal(
        refusal(
          `push-to-live:repository is "owner/name": ${allowed.repository}`,
          `push-to-live:branch is "a b": ${allowed.branch}`,
          'push-to-live:tokenSecretArn is "token": connectionArn is set as well; exactly one of the two is allowed',
          `push-to-live:connectionArn is "connection": ${allowed.connectionArn}`,
          `push-to-live:tokenSecretArn is "token": ${allowed.tokenSecretArn}`,
          `push-to-live:releaseStrategy is "slow": ${allowed.releaseStrategy}`,
          `push-to-live:logRetentionDays is "2": ${allowed.logRetentionDays}`,
          `push-to-live:buildTimeoutMinutes is "0": ${allowed.buildTimeoutMinutes}`,
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
        .to.equal(`push-to-live-${"s".repeat(40)}-hello-user`)
        .with.lengthOf(64);
    });

    it("of 65 characters is refused, before anything is registered, with what to shorten", async () => {
      const prefix = `push-to-live-${"s".repeat(41)}`;
      const { message } = await refusalOf({ ...dev, stack: "s".repeat(41) });
      expect(message).to.equal(
        refusal(
          `the function's name "${prefix}-hello-user" has 65 characters; Lambda allows 64: shorten the folder's, the stack's or the project's name`,
        ),
      );
    });
  });
});

async function settingsOf(config: Stack["config"]): Promise<Settings> {
  return (await evaluate({ ...dev, config }, () => readSettings(["hello-user"]))).result;
}

/** The error with which the whole program refuses a stack's settings, before it has registered anything. */
async function refusalOf(stack: Stack): Promise<EvaluationError> {
  const failure = await failureOf(loadProgram(stack));
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
