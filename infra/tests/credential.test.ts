import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { only } from "./mocks.ts";
import { statementsOf } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { secretArn, token, withToken, withTokenSecret } from "./stacks.ts";

describe("what the builds read the repository with", () => {
  it("is a token from Secrets Manager when the settings name one", async () => {
    const { registrations } = await loadProgram(withTokenSecret);
    expect(only(registrations, "codebuild.Project deploy").inputs.source).to.have.deep.property("auth", {
      type: "SECRETS_MANAGER",
      resource: secretArn,
    });
    const statement = {
      Sid: "ReadSource",
      Effect: "Allow",
      Action: ["secretsmanager:GetSecretValue"],
      Resource: secretArn,
    };
    expect(statementsOf(registrations).filter(({ Sid }) => Sid === "ReadSource")).to.deep.equal([statement, statement]);
  });

  it("keeps a token in a secret of the stack's own, and never shows it", async () => {
    const { registrations } = await loadProgram(withToken);
    expect(only(registrations, "secretsmanager.Secret token").inputs).to.deep.equal({
      description: "CodeBuild of push-to-live-dev reads its repository with it",
      recoveryWindowInDays: 0,
      tags: {
        "codebuild:source": "",
        "codebuild:source:type": "personal_access_token",
        "codebuild:source:provider": "github",
      },
    });
    const made = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-0a1b2c3-AbCdEf";
    const { secretId, secretString } = only(registrations, "secretsmanager.SecretVersion token-value").inputs;
    expect(secretId).to.equal(made);
    expect(pulumi.runtime.isRpcSecret(secretString)).to.equal(true);
    expect(JSON.parse(pulumi.runtime.unwrapRpcSecret(secretString))).to.deep.equal({
      ServerType: "GITHUB",
      AuthType: "PERSONAL_ACCESS_TOKEN",
      Token: token,
    });
    const { source } = only(registrations, "codebuild.Project deploy").inputs;
    expect(source).to.have.deep.property("auth", { type: "SECRETS_MANAGER", resource: made });
    expect(statementsOf(registrations).find(({ Sid }) => Sid === "ReadSource")?.Resource).to.equal(made);
    // The project's policy, and so the project, wait for the secret's value.
    expect(only(registrations, "iam.RolePolicy deploy-source-policy").dependencies).to.include(
      "secretsmanager.SecretVersion token-value",
    );
  });
});
