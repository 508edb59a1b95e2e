import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { dev, valueFrom } from "./mocks.ts";
import { refusal, refusalOf, refusesEach, settingsOf } from "./readSettings.ts";
import { keyArn, secretArn, token, withSettings, withToken } from "./stacks.ts";

const { repository, connectionArn } = dev.config;

const rules = {
  connectionArn: "it must be the ARN of a connection: arn:aws:codeconnections:<region>:<account>:connection/<id>",
  tokenSecretArn:
    "it must be the ARN of a Secrets Manager secret: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>",
  token: "it must be a personal access token, set with: pulumi config set --secret token",
} as const;

describe("the settings of the credential", () => {
  for (const arn of [
    connectionArn,
    connectionArn.replace("codeconnections", "codestar-connections"),
    "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
  ]) {
    it(`take the connection ${arn}`, async () => {
      const { credential } = await settingsOf(withSettings({ connectionArn: arn }));
      expect(credential).to.deep.equal({ type: "CODECONNECTIONS", arn });
    });
  }

  for (const arn of [
    secretArn,
    "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:team/github_token+x=y.z@w-AbCdEf",
  ]) {
    it(`take the token's secret ${arn}`, async () => {
      const { credential } = await settingsOf({ ...dev, config: { repository, tokenSecretArn: arn } });
      expect(credential).to.deep.equal({ type: "SECRETS_MANAGER", arn });
    });
  }

  it("take a token that is encrypted, and keep it a secret", async () => {
    const { credential } = await settingsOf(withToken);
    if (credential.type !== "TOKEN") {
      throw new Error(credential.type);
    }
    expect(await pulumi.isSecret(credential.secret.token)).to.equal(true);
    expect(await valueFrom(pulumi.unsecret(credential.secret.token))).to.equal(token);
  });
});

describe("the settings of the credential that are not usable:", () => {
  refusesEach("connectionArn", rules.connectionArn, [
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
  ]);

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
        refusal(`push-to-live:tokenSecretArn is ${JSON.stringify(tokenSecretArn)}: ${rules.tokenSecretArn}`),
      );
    });
  }

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
      expect(message).to.equal(refusal(`push-to-live:token is "***": ${rules.token}`));
    });
  }

  it("a token of pull requests in plain text, which the message does not repeat", async () => {
    expect((await refusalOf(withSettings({ pullRequestToken: token }))).message).to.equal(
      refusal(`push-to-live:pullRequestToken is "***": ${rules.token.replace(/token$/, "pullRequestToken")}`),
    );
  });

  it("two forms of pull requests' own credential", async () => {
    const stack = withSettings({ pullRequestConnectionArn: connectionArn, pullRequestTokenSecretArn: secretArn });
    expect((await refusalOf(stack)).message).to.equal(
      refusal(
        'push-to-live:pullRequestTokenSecretArn is "***": pullRequestConnectionArn is set as well; exactly one of pullRequestConnectionArn, pullRequestTokenSecretArn and pullRequestToken is allowed',
      ),
    );
  });

  it("a credential of pull requests that are not built", async () => {
    const stack = withSettings({ pullRequests: "false", pullRequestConnectionArn: connectionArn });
    expect((await refusalOf(stack)).message).to.equal(
      refusal(
        'push-to-live:pullRequestConnectionArn is "***": pullRequests is false, so that nothing would use it: remove one of the two',
      ),
    );
  });

  for (const [key, forms] of [
    ["tokenKmsKeyArn", "tokenSecretArn or token"],
    ["pullRequestTokenKmsKeyArn", "pullRequestTokenSecretArn or pullRequestToken"],
  ] as const) {
    it(`${key} without ${forms}`, async () => {
      expect((await refusalOf(withSettings({ [key]: keyArn }))).message).to.equal(
        refusal(
          `push-to-live:${key} is "${keyArn}": it is of no use without ${forms}, whose secret it encrypts: set one, or remove this`,
        ),
      );
    });
  }

  it("an alias of a key, which cannot be granted", async () => {
    const tokenKmsKeyArn = keyArn.replace(/key.*$/, "alias/token");
    const stack = { ...withToken, config: { ...withToken.config, tokenKmsKeyArn } };
    expect((await refusalOf(stack)).message).to.equal(
      refusal(
        `push-to-live:tokenKmsKeyArn is "${tokenKmsKeyArn}": it must be the ARN of a key: arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be granted`,
      ),
    );
  });
});
