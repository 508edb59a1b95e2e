import { expect } from "chai";
import { root } from "../../../sample/project.ts";
import { localProvider } from "../../program/provider.ts";
import { groupSettings } from "../localFunction.ts";
import { refusal } from "../refusal.ts";
import { DeploymentScene } from "./deploymentScene.ts";

describe("the local CodeDeploy's configurations", () => {
  const scene = new DeploymentScene();

  it("knows CodeDeploy's own configurations, each as its name says", async () => {
    const routingOf = async (name: string) => {
      const deploymentConfigName = `CodeDeployDefault.Lambda${name}`;
      const { deploymentConfigInfo } = await scene.codedeploy.getDeploymentConfig({ deploymentConfigName });
      return deploymentConfigInfo?.trafficRoutingConfig;
    };
    expect(await routingOf("AllAtOnce")).to.deep.equal({ type: "AllAtOnce" });
    for (const minutes of [5, 10, 15, 30]) {
      expect(await routingOf(`Canary10Percent${minutes}Minutes`)).to.deep.equal({
        type: "TimeBasedCanary",
        timeBasedCanary: { canaryPercentage: 10, canaryInterval: minutes },
      });
    }
    for (const [every, linearInterval] of [
      ["1Minute", 1],
      ["2Minutes", 2],
      ["3Minutes", 3],
      ["10Minutes", 10],
    ] as const) {
      expect(await routingOf(`Linear10PercentEvery${every}`)).to.deep.equal({
        type: "TimeBasedLinear",
        timeBasedLinear: { linearPercentage: 10, linearInterval },
      });
    }
  });

  it("deploys by a configuration of the stack's, which cannot be deleted as long as a group uses it", async () => {
    const provider = localProvider(scene.cloud, root);
    const urn = "urn:pulumi:s::p::aws:codedeploy/deploymentConfig:DeploymentConfig::half";
    const inputs = {
      computePlatform: "Lambda",
      trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 50, interval: 1 } },
    };
    const { id, outs } = await provider.create(urn, inputs);
    expect(id).to.match(/^half-[0-9a-f]{7}$/);
    expect(outs).to.include({ deploymentConfigName: id });
    scene.cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings(id));
    const seen = await scene.whileWatchingLive(async () => scene.ended(await scene.deploy("1", "2")));
    expect(seen).to.deep.equal(["1", "1, 2 by 0.5", "2"]);
    const { deploymentConfigInfo } = await scene.codedeploy.getDeploymentConfig({ deploymentConfigName: id });
    expect(deploymentConfigInfo?.trafficRoutingConfig).to.deep.equal({
      type: "TimeBasedCanary",
      timeBasedCanary: { canaryPercentage: 50, canaryInterval: 1 },
    });
    const inUse = await provider.delete(id, urn, outs).catch((error: Error) => error);
    expect(inUse)
      .to.be.an("error")
      .with.property("message", `DeploymentConfigInUseException: ${id} is in use by app/fn`);
    scene.cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings("CodeDeployDefault.LambdaAllAtOnce"));
    await provider.delete(id, urn, outs);
    expect((await refusal(scene.codedeploy.getDeploymentConfig({ deploymentConfigName: id }))).name).to.equal(
      "DeploymentConfigDoesNotExistException",
    );
  });
});
