import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import { strToU8 } from "fflate";
import { refusal } from "../refusal.ts";
import { DeploymentScene, endless } from "./deploymentScene.ts";

describe("a deployment of the local CodeDeploy", () => {
  const scene = new DeploymentScene();

  describe("with alarms", () => {
    /** An alarm on the errors of version 2 behind the alias, in a period that is longer than a test. */
    const alarm: PutMetricAlarmInput = {
      AlarmName: "fn-version-2",
      Namespace: "AWS/Lambda",
      MetricName: "Errors",
      Dimensions: [
        { Name: "FunctionName", Value: "fn" },
        { Name: "Resource", Value: "fn:live" },
        { Name: "ExecutedVersion", Value: "2" },
      ],
      Statistic: "Sum",
      Period: 3600,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      TreatMissingData: "notBreaching",
    };
    const guarded = {
      deploymentConfigName: endless,
      overrideAlarmConfiguration: { enabled: true, alarms: [{ name: alarm.AlarmName }] },
    };

    const invoke = () => scene.lambda.invoke({ FunctionName: "fn", Qualifier: "live", Payload: strToU8("{}") });

    it("stops at its start where one rings already, and moves nothing", async () => {
      await scene.cloudwatch.putMetricAlarm(alarm);
      const dimensions = { FunctionName: "fn", Resource: "fn:live", ExecutedVersion: "2" };
      scene.cloud.cloudwatch.putMetric("AWS/Lambda", "Errors", dimensions, 1);
      while ((await scene.cloudwatch.describeAlarms({})).MetricAlarms?.[0]?.StateValue !== "ALARM") {}
      const seen = await scene.whileWatchingLive(async () => {
        const info = await scene.ended(await scene.deploy("1", "2", guarded));
        expect(info.status).to.equal("Stopped");
        expect(info.errorInformation).to.deep.equal({
          code: "ALARM_ACTIVE",
          message: "One or more alarms have been activated, and the deployment was stopped: fn-version-2",
        });
        expect(info.rollbackInfo).to.equal(undefined);
      });
      expect(seen).to.deep.equal(["1"]);
    });

    it("takes a ringing alarm that is not its own for nothing, and its own when they are not enabled", async () => {
      await scene.cloudwatch.putMetricAlarm(alarm);
      scene.cloud.cloudwatch.putMetric(
        "AWS/Lambda",
        "Errors",
        { FunctionName: "fn", Resource: "fn:live", ExecutedVersion: "2" },
        1,
      );
      while ((await scene.cloudwatch.describeAlarms({})).MetricAlarms?.[0]?.StateValue !== "ALARM") {}
      expect((await scene.ended(await scene.deploy("1", "2"))).status).to.equal("Succeeded");
      const overrideAlarmConfiguration = { ...guarded.overrideAlarmConfiguration, enabled: false };
      expect((await scene.ended(await scene.deploy("2", "1", { overrideAlarmConfiguration }))).status).to.equal(
        "Succeeded",
      );
    });

    it("is stopped and rolled back when one goes off on the way: a deployment of its own puts the traffic back", async () => {
      await scene.cloudwatch.putMetricAlarm(alarm);
      const id = await scene.deploy("1", "2", guarded);
      await scene.reached(id, "InProgress");
      // Requests of the canary's share get version 2, which throws; the others do not.
      scene.random = 0.1;
      expect((await invoke()).FunctionError).to.equal(undefined);
      scene.random = 0.09;
      expect(await invoke()).to.include({ FunctionError: "Unhandled" });
      const info = await scene.ended(id);
      expect([info.status, info.errorInformation?.code]).to.deep.equal(["Stopped", "ALARM_ACTIVE"]);
      const rollback = await scene.rollbackOf(info);
      expect(rollback).to.deep.include({
        status: "Succeeded",
        creator: "codeDeployRollback",
        rollbackInfo: { rollbackTriggeringDeploymentId: id },
      });
      expect([rollback.applicationName, rollback.deploymentGroupName]).to.deep.equal(["app", "fn"]);
      expect(scene.live()).to.equal("1");
      expect((await invoke()).FunctionError).to.equal(undefined);
      expect([scene.statusesOf(id), scene.statusesOf(rollback.deploymentId ?? "")]).to.deep.equal([
        ["InProgress", "Stopped"],
        ["InProgress", "Succeeded"],
      ]);
    });

    it("is stopped and left as it is where neither the group nor the deployment asks for a rollback", async () => {
      await scene.cloudwatch.putMetricAlarm(alarm);
      const autoRollbackConfiguration = { enabled: true, events: ["DEPLOYMENT_STOP_ON_REQUEST" as const] };
      const id = await scene.deploy("1", "2", { ...guarded, autoRollbackConfiguration });
      await scene.reached(id, "InProgress");
      scene.random = 0;
      await invoke();
      const info = await scene.ended(id);
      expect([info.status, info.rollbackInfo, scene.live()]).to.deep.equal(["Stopped", undefined, "1, 2 by 0.1"]);
    });

    for (const [what, overrideAlarmConfiguration] of [
      ["no alarms that are enabled", { enabled: true, alarms: [] }],
      ["an alarm without a name", { enabled: true, alarms: [{}] }],
      ["an alarm twice", { enabled: true, alarms: [{ name: "a" }, { name: "a" }] }],
    ] as const) {
      it(`is refused with ${what}`, async () => {
        const alarms = [...overrideAlarmConfiguration.alarms];
        const { name } = await refusal(
          scene.deploy("1", "2", { overrideAlarmConfiguration: { enabled: true, alarms } }),
        );
        expect(name).to.equal("InvalidAlarmConfigException");
      });
    }
  });

  describe("stops a deployment on request", () => {
    for (const [what, autoRollbackEnabled, events, isRolledBack] of [
      ["and rolls it back where the request says so", true, ["DEPLOYMENT_FAILURE"], true],
      ["and leaves it as it is where the request says so", false, ["DEPLOYMENT_STOP_ON_REQUEST"], false],
      ["and rolls it back where the group does so on a request", undefined, ["DEPLOYMENT_STOP_ON_REQUEST"], true],
      ["and leaves it as it is where the group does not", undefined, ["DEPLOYMENT_STOP_ON_ALARM"], false],
    ] as const) {
      it(what, async () => {
        const autoRollbackConfiguration = { enabled: true, events: [...events] };
        const id = await scene.deploy("1", "2", { deploymentConfigName: endless, autoRollbackConfiguration });
        await scene.reached(id, "InProgress");
        const request = { deploymentId: id, ...(autoRollbackEnabled !== undefined && { autoRollbackEnabled }) };
        expect(await scene.codedeploy.stopDeployment(request)).to.include({ status: "Succeeded" });
        const info = await scene.ended(id);
        expect([info.status, info.errorInformation?.code]).to.deep.equal(["Stopped", "MANUAL_STOP"]);
        if (isRolledBack) {
          expect((await scene.rollbackOf(info)).status).to.equal("Succeeded");
        }
        expect(info.rollbackInfo !== undefined).to.equal(isRolledBack);
        expect(scene.live()).to.equal(isRolledBack ? "1" : "1, 2 by 0.1");
      });
    }

    it("but not one that has ended", async () => {
      const id = await scene.deploy("1", "2");
      await scene.ended(id);
      const { name, status } = await refusal(scene.codedeploy.stopDeployment({ deploymentId: id }));
      expect([name, status]).to.deep.equal(["DeploymentAlreadyCompletedException", 400]);
    });
  });

  it("watches alarms no longer than a deployment goes on, however that ends", async () => {
    const others = scene.cloud.cloudwatch.listenerCount("alarm");
    const watching = () => scene.cloud.cloudwatch.listenerCount("alarm") - others;
    await scene.ended(await scene.deploy("1", "2"));
    expect(watching()).to.equal(0);
    await scene.ended(await scene.deploy("1", "2"));
    expect(watching()).to.equal(0);
    const id = await scene.deploy("2", "1", { deploymentConfigName: endless });
    await scene.reached(id, "InProgress");
    expect(watching()).to.equal(1);
    await scene.codedeploy.stopDeployment({ deploymentId: id, autoRollbackEnabled: false });
    expect(watching()).to.equal(0);
  });
});
