import { expect } from "chai";
import { dev, type Registration } from "./mocks.ts";
import { statementsOf } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

describe("the names of a stack", () => {
  it("have the partition, region and account of the stack in every ARN of its policies", async () => {
    const connectionArn = dev.config.connectionArn
      .replace("aws:", "aws-us-gov:")
      .replace("eu-west-1:123456789012", "us-gov-west-1:210987654321");
    const { registrations } = await loadProgram({
      ...withSettings({ connectionArn }),
      partition: "aws-us-gov",
      region: "us-gov-west-1",
      account: "210987654321",
    });
    const arns = statementsOf(registrations).flatMap(({ Resource }) => Resource);
    expect(arns).to.have.lengthOf(21);
    // CloudWatch's reads and StopDeployment, which take no ARN.
    expect(arns.filter((arn) => arn === "*")).to.have.lengthOf(3);
    expect(
      arns.filter((arn) => arn !== "*" && !/^arn:aws-us-gov:[a-z]+:us-gov-west-1:210987654321:/.test(arn)),
    ).to.deep.equal([]);
  });

  it("that it gives begin with <project>-<stack>", async () => {
    const { registrations } = await loadProgram({ ...dev, project: "shop", stack: "prod" });
    expect(physicalNames(registrations)).to.deep.equal([
      "apigatewayv2.Api shop-prod",
      "cloudwatch.LogGroup /aws/codebuild/shop-prod_deploy",
      "cloudwatch.LogGroup /aws/codebuild/shop-prod_pull-request",
      "cloudwatch.LogGroup /aws/lambda/shop-prod_hello-user",
      "cloudwatch.LogGroup /aws/vendedlogs/shop-prod",
      "codebuild.Project shop-prod_deploy",
      "codebuild.Project shop-prod_pull-request",
      "codedeploy.Application shop-prod",
      "codedeploy.DeploymentGroup shop-prod/hello-user",
      "lambda.Alias shop-prod_hello-user:live",
      "lambda.Function shop-prod_hello-user",
      "ssm.Parameter /releases/shop-prod/configuration",
    ]);
  });

  for (const [what, other] of [
    ["another stack of the project", { ...dev, stack: "prod" }],
    ["a stack of the same name in another project", { ...dev, project: "shop" }],
  ] as const) {
    it(`are none of ${what}`, async () => {
      const names = physicalNames((await loadProgram(dev)).registrations);
      const others = physicalNames((await loadProgram(other)).registrations);
      expect(others).to.have.lengthOf(names.length);
      expect(others.filter((name) => names.includes(name))).to.deep.equal([]);
    });
  }
});

/** The names by which AWS tells resources of one account and region apart; of the other types AWS or Pulumi makes the name up. */
function physicalNames(registrations: readonly Registration[]): string[] {
  const names: Record<string, (inputs: Registration["inputs"]) => string> = {
    "lambda.Alias": ({ functionName, name }) => `${functionName}:${name}`,
    "apigatewayv2.Api": ({ name }) => `${name}`,
    "codedeploy.Application": ({ name }) => `${name}`,
    "codedeploy.DeploymentGroup": ({ appName, deploymentGroupName }) => `${appName}/${deploymentGroupName}`,
    "lambda.Function": ({ name }) => `${name}`,
    "cloudwatch.LogGroup": ({ name }) => `${name}`,
    "codebuild.Project": ({ name }) => `${name}`,
    "ssm.Parameter": ({ name }) => `${name}`,
  };
  return registrations
    .filter(({ custom }) => custom)
    .flatMap(({ key, inputs }) => {
      const [type = ""] = key.split(" ");
      const name = names[type]?.(inputs);
      return name === undefined ? [] : [`${type} ${name}`];
    })
    .sort();
}
