import { expect } from "chai";
import { BuildProject } from "../buildProject.ts";
import { CodeDeployApplication } from "../codeDeployApplication.ts";
import { credentialOf } from "../credential.ts";
import { DeploymentGroup } from "../deploymentGroup.ts";
import { HttpApi } from "../httpApi.ts";
import { LiveFunction } from "../liveFunction.ts";
import { parseStrategy, type ReleaseStrategy } from "../settings/releaseStrategies.ts";
import { declareStack } from "./components.ts";
import { dev, evaluate, only } from "./mocks.ts";

describe("each component", () => {
  it("takes resource options: a parent of its own", async () => {
    const { registrations } = await evaluate(dev, () => {
      const { settings, api, application } = declareStack(["one"]);
      const parent = { parent: api };
      new HttpApi("inner", settings.api, parent);
      new CodeDeployApplication("app", settings.application, parent);
      new LiveFunction("fn", { settings: settings.function("one"), zip: "no.zip", application }, parent);
      const build = { description: "Tests", buildspec: "buildspec.yml", filterGroups: [], after: [] };
      const credential = credentialOf("other-token", settings.credential);
      new BuildProject("build", { settings: settings.deploy, credential, ...build }, parent);
      const group = {
        groupName: "g",
        functionArn: "arn:fn",
        releaseStrategy: parseStrategy("allAtOnce") as ReleaseStrategy,
      };
      new DeploymentGroup("group", { application, ...group }, parent);
    });
    const keys = ["HttpApi inner", "CodeDeployApplication app", "LiveFunction fn", "BuildProject build"];
    expect([...keys, "DeploymentGroup group"].map((key) => only(registrations, key).parent)).to.deep.equal(
      Array(5).fill("HttpApi http"),
    );
  });
});
