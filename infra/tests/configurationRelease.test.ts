import { expect } from "chai";
import { configurationHash, inputsOf } from "./sampleProgram.ts";

describe("a changed configuration", () => {
  it("changes a parameter", async () => {
    expect(await inputsOf("ssm.Parameter configuration")).to.deep.equal({
      name: "/releases/push-to-live-dev/configuration",
      description: "A change starts the deploy build, which releases the functions' configuration",
      type: "String",
      insecureValue: configurationHash,
    });
  });

  it("which starts the deploy build of the branch when it is updated, not when it is created", async () => {
    const { eventPattern, ...rule } = await inputsOf("cloudwatch.EventRule configuration-rule");
    expect(rule).to.deep.equal({ description: "A changed configuration starts the deploy build" });
    expect(JSON.parse(String(eventPattern))).to.deep.equal({
      source: ["aws.ssm"],
      "detail-type": ["Parameter Store Change"],
      detail: { name: ["/releases/push-to-live-dev/configuration"], operation: ["Update"] },
    });
    expect(await inputsOf("cloudwatch.EventTarget configuration-target")).to.deep.equal({
      rule: "configuration-rule-0a1b2c3",
      arn: "arn:aws:codebuild:eu-west-1:123456789012:project/push-to-live-dev_deploy",
      roleArn: "arn:aws:iam::123456789012:role/configuration-role-0a1b2c3",
      input: '{"sourceVersion":"main"}',
    });
  });
});
