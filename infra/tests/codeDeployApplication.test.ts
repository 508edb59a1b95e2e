import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { CodeDeployApplication } from "../codeDeployApplication.ts";
import { parseStrategy, type ReleaseStrategy } from "../settings/releaseStrategies.ts";
import { dev, evaluate, failureOf, only, type Registration, valueFrom } from "./mocks.ts";
import { statementsOf } from "./policies.ts";
import { inputsOf, loadProgram } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

const canary = strategyOf("canary10Percent5Minutes");

describe("the releases", () => {
  it("belong to a CodeDeploy application of the stack's name", async () => {
    expect(await inputsOf("codedeploy.Application releases")).to.deep.equal({
      name: "push-to-live-dev",
      computePlatform: "Lambda",
    });
  });

  it("have a group per function, which shifts traffic and rolls back what fails or is stopped", async () => {
    expect(await inputsOf("codedeploy.DeploymentGroup hello-user-deployments")).to.deep.equal({
      appName: "push-to-live-dev",
      deploymentGroupName: "hello-user",
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
      serviceRoleArn: "arn:aws:iam::123456789012:role/hello-user-deployments-role-0a1b2c3",
      deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
      autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
    });
  });

  it("move traffic by CodeDeploy's own configuration where it has one, and declare none", async () => {
    const { registrations } = await loadProgram(
      withSettings({ releaseStrategy: "linear10PercentEvery1Minute", buildTimeoutMinutes: "15" }),
    );
    const linear = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute";
    const group = only(registrations, "codedeploy.DeploymentGroup hello-user-deployments").inputs;
    expect(group.deploymentConfigName).to.equal(linear);
    expect(configsIn(registrations)).to.deep.equal([]);
    expect(readableConfigs(registrations)).to.deep.equal(["CodeDeployDefault.LambdaAllAtOnce", linear]);
  });

  it("move a function's traffic by a strategy of its own, with a configuration that the stack declares without a name", async () => {
    const functions = { "hello-user": { releaseStrategy: "canary25Percent2Minutes" } };
    const { registrations } = await loadProgram(
      withSettings({ functions: JSON.stringify(functions), buildTimeoutMinutes: "7" }),
    );
    const declared = only(registrations, "codedeploy.DeploymentConfig canary25Percent2Minutes");
    expect(declared.parent).to.equal("CodeDeployApplication releases");
    expect(declared.inputs).to.deep.equal({
      computePlatform: "Lambda",
      trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 25, interval: 2 } },
    });
    const group = only(registrations, "codedeploy.DeploymentGroup hello-user-deployments");
    expect(group.inputs.deploymentConfigName).to.equal("canary25Percent2Minutes-0a1b2c3");
    expect(group.dependencies).to.include(declared.key);
    expect(readableConfigs(registrations)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "canary25Percent2Minutes-0a1b2c3",
    ]);
  });
});

describe("the deployment configurations of a stack", () => {
  const namesOf = (strategies: readonly ReleaseStrategy[]) =>
    evaluate(dev, () => {
      const application = new CodeDeployApplication("releases", { applicationName: "app", strategies });
      return pulumi.output([...application.deploymentConfigNames]);
    });

  it("are CodeDeploy's own for predefined strategies, each once, and the one for a rollback", async () => {
    const { registrations, result } = await namesOf([canary, strategyOf("linear10PercentEvery1Minute"), canary]);
    expect(configsIn(registrations)).to.deep.equal([]);
    expect(await valueFrom(result)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
    ]);
  });

  it("are declared for others: one for each that differs", async () => {
    const [slow, wide] = [strategyOf("linear5PercentEvery4Minutes"), strategyOf("canary50Percent2Minutes")];
    const { registrations, result } = await namesOf([slow, wide, slow]);
    expect(configsIn(registrations).map(({ key, inputs }) => ({ key, inputs }))).to.deep.equal([
      {
        key: "codedeploy.DeploymentConfig linear5PercentEvery4Minutes",
        inputs: {
          computePlatform: "Lambda",
          trafficRoutingConfig: { type: "TimeBasedLinear", timeBasedLinear: { percentage: 5, interval: 4 } },
        },
      },
      {
        key: "codedeploy.DeploymentConfig canary50Percent2Minutes",
        inputs: {
          computePlatform: "Lambda",
          trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 50, interval: 2 } },
        },
      },
    ]);
    expect(await valueFrom(result)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "linear5PercentEvery4Minutes-0a1b2c3",
      "canary50Percent2Minutes-0a1b2c3",
    ]);
  });

  it("know no strategy that they were not declared for", async () => {
    const { message } = await failureOf(
      evaluate(dev, () => {
        const application = new CodeDeployApplication("releases", { applicationName: "app", strategies: [canary] });
        application.deploymentConfigOf(strategyOf("canary10Percent10Minutes"));
      }),
    );
    expect(message).to.equal(
      "there is no deployment configuration of canary10Percent10Minutes; there are allAtOnce, canary10Percent5Minutes",
    );
  });
});

function strategyOf(name: string): ReleaseStrategy {
  const strategy = parseStrategy(name);
  if (!strategy) {
    throw new Error(`${name} is no strategy`);
  }
  return strategy;
}

function configsIn(registrations: readonly Registration[]): Registration[] {
  return registrations.filter(({ type }) => type.includes("DeploymentConfig"));
}

/** The deployment configurations that the deploy build may use. */
function readableConfigs(registrations: readonly Registration[]): string[] {
  const statement = statementsOf(registrations).find(({ Sid }) => Sid === "ReadDeploymentConfig");
  return [statement?.Resource ?? []].flat().map((arn) => arn.replace(/^.*:deploymentconfig:/, ""));
}
