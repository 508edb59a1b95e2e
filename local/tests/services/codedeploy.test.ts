import { expect } from "chai";
import { groupSettings } from "../localFunction.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { canary, DeploymentScene, endless, revisionOf } from "./deploymentScene.ts";

describe("local CodeDeploy, called by the AWS SDK", () => {
  const scene = new DeploymentScene();

  describe("moves the alias", () => {
    it("at once", async () => {
      const seen = await scene.whileWatchingLive(async () => {
        const { completeTime } = await scene.ended(await scene.deploy("1", "2", { description: "a commit" }));
        expect(completeTime).to.be.an.instanceOf(Date);
      });
      expect(seen).to.deep.equal(["1", "2"]);
      expect(scene.changes.map(({ status, description, creator }) => [status, description, creator])).to.deep.equal([
        ["InProgress", "a commit", "user"],
        ["Succeeded", "a commit", "user"],
      ]);
    });

    it("by a canary: a part of the traffic, then the rest", async () => {
      const seen = await scene.whileWatchingLive(async () => {
        const id = await scene.deploy("1", "2", { deploymentConfigName: canary });
        expect((await scene.ended(id)).status).to.equal("Succeeded");
      });
      expect(seen).to.deep.equal(["1", "1, 2 by 0.1", "2"]);
    });

    it("linearly: a part more at each step", async () => {
      const seen = await scene.whileWatchingLive(async () => {
        const id = await scene.deploy("1", "2", {
          deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
        });
        expect((await scene.ended(id)).status).to.equal("Succeeded");
      });
      const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
      expect(seen).to.deep.equal(["1", ...shares.map((share) => `1, 2 by ${share}`), "2"]);
    });

    it("in steps that do not divide 100, the last of which takes the rest", async () => {
      const timeBasedLinear = { linearPercentage: 40, linearInterval: 1 };
      scene.cloud.codedeploy.createDeploymentConfig("uneven", { type: "TimeBasedLinear", timeBasedLinear });
      const seen = await scene.whileWatchingLive(async () =>
        scene.ended(await scene.deploy("1", "2", { deploymentConfigName: "uneven" })),
      );
      expect(seen).to.deep.equal(["1", "1, 2 by 0.4", "1, 2 by 0.8", "2"]);
    });

    it("as the group has it, where the deployment does not say", async () => {
      scene.cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings(endless));
      const id = await scene.deploy("1", "2");
      expect(await scene.reached(id, "InProgress")).to.include({ deploymentConfigName: endless });
      expect(scene.live()).to.equal("1, 2 by 0.1");
    });

    it("and keeps its description", async () => {
      await scene.lambda.updateAlias({ FunctionName: "fn", Name: "live", Description: "the record" });
      await scene.ended(await scene.deploy("1", "2", { deploymentConfigName: canary }));
      expect(await scene.lambda.getAlias({ FunctionName: "fn", Name: "live" })).to.deep.include({
        FunctionVersion: "2",
        Description: "the record",
      });
    });
  });

  describe("fails a deployment, and leaves the alias,", () => {
    for (const [what, versions, options, message] of [
      [
        "whose current version is not the alias's",
        ["2", "1"],
        {},
        "the alias live refers to version 1, the AppSpec file to version 2",
      ],
      [
        "whose target version does not exist",
        ["1", "9"],
        {},
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:fn:9",
      ],
      [
        "a canary to the current version",
        ["1", "1"],
        { deploymentConfigName: canary },
        "the target version is the current version, 1",
      ],
    ] as const) {
      it(what, async () => {
        const info = await scene.ended(await scene.deploy(versions[0], versions[1], options));
        expect(info.errorInformation).to.deep.equal({ code: "INVALID_LAMBDA_CONFIGURATION", message });
        expect([info.status, info.rollbackInfo, scene.live()]).to.deep.equal(["Failed", undefined, "1"]);
      });
    }

    it("of an alias that refers to two versions already", async () => {
      scene.cloud.lambda.putAlias("fn", "live", "1", { 2: 0.1 });
      const info = await scene.ended(await scene.deploy("1", "2"));
      expect(info.errorInformation?.message).to.equal("the alias live refers to two versions already");
      expect([info.status, info.rollbackInfo, scene.live()]).to.deep.equal(["Failed", undefined, "1, 2 by 0.1"]);
      await scene.lambda.updateAlias({
        FunctionName: "fn",
        Name: "live",
        RoutingConfig: { AdditionalVersionWeights: {} },
      });
      expect((await scene.ended(await scene.deploy("1", "2"))).status).to.equal("Succeeded");
    });

    it("to a version that the alias refers to already, without a rollback to the one before", async () => {
      await scene.ended(await scene.deploy("1", "2"));
      const info = await scene.ended(await scene.deploy("1", "2"));
      expect([info.status, info.rollbackInfo, scene.live()]).to.deep.equal(["Failed", undefined, "2"]);
    });

    it("when the alias is deleted on the way, and does not make it anew", async () => {
      const id = await scene.deploy("1", "2", { deploymentConfigName: canary });
      await scene.reached(id, "InProgress");
      scene.cloud.lambda.deleteAlias("fn", "live");
      expect((await scene.rollbackOf(await scene.ended(id))).status).to.equal("Failed");
      expect((await refusal(scene.lambda.getAlias({ FunctionName: "fn", Name: "live" }))).name).to.equal(
        "ResourceNotFoundException",
      );
    });
  });

  it("takes any version for the current one all at once, as after a change of the record only", async () => {
    expect((await scene.ended(await scene.deploy("1", "1"))).status).to.equal("Succeeded");
    expect(scene.live()).to.equal("1");
  });

  it("has one active deployment of a group, a rollback included, and one of each group at once", async () => {
    const id = await scene.deploy("1", "2", { deploymentConfigName: endless });
    const second = await refusal(scene.deploy("1", "2"));
    expect([second.name, second.message]).to.deep.equal([
      "DeploymentLimitExceededException",
      `The Deployment Group 'fn' already has an active Deployment '${id}'`,
    ]);
    scene.cloud.codedeploy.putDeploymentGroup("app", "other", groupSettings());
    scene.cloud.lambda.putAlias("fn", "other", "1");
    const revision = revisionOf({ alias: "other", currentversion: "1", targetversion: "2" });
    expect((await scene.ended(await scene.deploy("", "", { deploymentGroupName: "other", revision }))).status).to.equal(
      "Succeeded",
    );
    await scene.reached(id, "InProgress");
    await scene.codedeploy.stopDeployment({ deploymentId: id, autoRollbackEnabled: true });
    await scene.rollbackOf(await scene.ended(id));
    expect((await scene.ended(await scene.deploy("1", "2"))).status).to.equal("Succeeded");
  });

  it("lists a group's deployments, the newest first, also by status", async () => {
    const first = await scene.deploy("1", "2");
    await scene.ended(first);
    const second = await scene.deploy("2", "1", { deploymentConfigName: endless });
    const group = { applicationName: "app", deploymentGroupName: "fn" };
    const list = async (...includeOnlyStatuses: ("Created" | "InProgress" | "Succeeded")[]) =>
      (
        await scene.codedeploy.listDeployments({
          ...group,
          ...(includeOnlyStatuses.length > 0 && { includeOnlyStatuses }),
        })
      ).deployments;
    expect(await list()).to.deep.equal([second, first]);
    expect(await list("Succeeded")).to.deep.equal([first]);
    expect(await list("Created", "InProgress")).to.deep.equal([second]);
    scene.cloud.codedeploy.putDeploymentGroup("app", "other", groupSettings());
    expect(
      (await scene.codedeploy.listDeployments({ ...group, deploymentGroupName: "other" })).deployments,
    ).to.deep.equal([]);
  });

  it("tells of a group how it moves traffic and when it rolls back", async () => {
    const { deploymentGroupInfo } = await scene.codedeploy.getDeploymentGroup({
      applicationName: "app",
      deploymentGroupName: "fn",
    });
    expect(deploymentGroupInfo).to.deep.equal({
      applicationName: "app",
      deploymentGroupName: "fn",
      computePlatform: "Lambda",
      ...groupSettings(),
    });
  });

  describe("refuses", () => {
    for (const [what, expected, call] of [
      [
        "an unknown group",
        "DeploymentGroupDoesNotExistException",
        () => scene.deploy("1", "2", { deploymentGroupName: "x" }),
      ],
      [
        "an unknown deployment",
        "DeploymentDoesNotExistException",
        () => scene.codedeploy.getDeployment({ deploymentId: "d-NONE" }),
      ],
      [
        "an unknown configuration",
        "DeploymentConfigDoesNotExistException",
        () => scene.deploy("1", "2", { deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery2Minute" }),
      ],
      ["a version that is none", "InvalidRevisionException", () => scene.deploy("1", "$LATEST")],
      [
        "an AppSpec property that it does not know",
        "InvalidRevisionException: .*hooks",
        () => scene.deploy("", "", { revision: revisionOf({ currentversion: "1", targetversion: "2", hooks: "x" }) }),
      ],
      [
        "a revision of another type",
        "InvalidRevisionException",
        () =>
          scene.deploy("", "", {
            revision: { ...revisionOf({ currentversion: "1", targetversion: "2" }), revisionType: "String" },
          }),
      ],
    ] as const) {
      it(what, async () => {
        const { name, message }: Refusal = await refusal(call());
        expect(`${name}: ${message}`).to.match(new RegExp(`^${expected}`, "s"));
      });
    }
  });

  it("changes nothing any more once the cloud is closed", async () => {
    await scene.deploy("1", "2", { deploymentConfigName: canary });
    await scene.cloud.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(scene.changes.filter(({ status }) => status !== "InProgress")).to.deep.equal([]);
  });
});
