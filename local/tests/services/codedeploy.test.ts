import { CloudWatch, type PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { CodeDeploy, type CreateDeploymentInput, type DeploymentInfo } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { localProvider } from "../../program/provider.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";
import { type Refusal, refusal } from "../refusal.ts";

const allAtOnce = "CodeDeployDefault.LambdaAllAtOnce";
const canary = "CodeDeployDefault.LambdaCanary10Percent5Minutes";
/** A canary that no test waits for: only what stops it ends it. */
const endless = "endless";

describe("local CodeDeploy, called by the AWS SDK", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let lambda: Lambda;
  let codedeploy: CodeDeploy;
  let cloudwatch: CloudWatch;
  /** The deployments as they changed. */
  let changes: DeploymentInfo[];
  /** What decides which version a request gets. */
  let random: number;

  beforeEach(async () => {
    random = 0.5;
    cloud = await LocalCloud.start(await temporary(), 0, { timeScale: 600, random: () => random });
    lambda = new Lambda(clientOptions(cloud));
    codedeploy = new CodeDeploy(clientOptions(cloud));
    cloudwatch = new CloudWatch(clientOptions(cloud));
    const settings = functionSettings("fn");
    cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(settings, zipOf('"one"')));
    await publish('(() => { throw new Error("two") })()');
    cloud.codedeploy.createDeploymentConfig(endless, {
      type: "TimeBasedCanary",
      timeBasedCanary: { canaryPercentage: 10, canaryInterval: 100_000 },
    });
    cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings());
    changes = [];
    cloud.codedeploy.on("deployment", (info) => changes.push(info));
  });

  afterEach(async () => {
    for (const client of [lambda, codedeploy, cloudwatch]) {
      client.destroy();
    }
    await cloud.close();
  });

  async function publish(body: string): Promise<void> {
    await lambda.updateFunctionCode({ FunctionName: "fn", ZipFile: zipOf(body) });
    while ((await lambda.getFunctionConfiguration({ FunctionName: "fn" })).LastUpdateStatus === "InProgress") {}
    await lambda.publishVersion({ FunctionName: "fn" });
  }

  /** Deploys `fn` from a version to another, by an AppSpec file with these versions; returns the deployment's id. */
  async function deploy(from: string, to: string, options: Partial<CreateDeploymentInput> = {}): Promise<string> {
    const { deploymentId = "" } = await codedeploy.createDeployment({
      applicationName: "app",
      deploymentGroupName: "fn",
      revision: revisionOf({ currentversion: from, targetversion: to }),
      ...options,
    });
    return deploymentId;
  }

  /** The deployment once it has a status. */
  async function reached(id: string, ...statuses: string[]): Promise<DeploymentInfo> {
    for (;;) {
      const { deploymentInfo: info } = await codedeploy.getDeployment({ deploymentId: id });
      if (info && statuses.includes(info.status ?? "")) {
        return info;
      }
    }
  }

  const ended = (id: string): Promise<DeploymentInfo> => reached(id, "Succeeded", "Stopped", "Failed");

  /** The rollback of a deployment that has been stopped, once it has ended. */
  async function rollbackOf(info: DeploymentInfo): Promise<DeploymentInfo> {
    const id = info.rollbackInfo?.rollbackDeploymentId;
    if (id === undefined) {
      throw new Error(`${info.deploymentId} was not rolled back`);
    }
    return ended(id);
  }

  const statusesOf = (id: string): unknown[] =>
    changes.filter(({ deploymentId }) => deploymentId === id).map(({ status }) => status);

  /** What `live` refers to: `1`, or `1, 2 by 0.1`. */
  function live(): string {
    const { FunctionVersion, RoutingConfig } = cloud.lambda.getAlias("fn", "live");
    const weights = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
    return [FunctionVersion, ...weights.map(([version, weight]) => `${version} by ${weight}`)].join(", ");
  }

  /** Notes what `live` refers to whenever it changes, as long as `run` takes. */
  async function whileWatchingLive(run: () => Promise<unknown>): Promise<string[]> {
    const seen = [live()];
    const timer = setInterval(() => {
      if (live() !== seen.at(-1)) {
        seen.push(live());
      }
    }, 2);
    await run().finally(() => clearInterval(timer));
    return live() === seen.at(-1) ? seen : [...seen, live()];
  }

  describe("moves the alias", () => {
    it("at once", async () => {
      const seen = await whileWatchingLive(async () => {
        const { completeTime } = await ended(await deploy("1", "2", { description: "a commit" }));
        expect(completeTime).to.be.an.instanceOf(Date);
      });
      expect(seen).to.deep.equal(["1", "2"]);
      expect(changes.map(({ status, description, creator }) => [status, description, creator])).to.deep.equal([
        ["InProgress", "a commit", "user"],
        ["Succeeded", "a commit", "user"],
      ]);
    });

    it("by a canary: a part of the traffic, then the rest", async () => {
      const seen = await whileWatchingLive(async () => {
        const id = await deploy("1", "2", { deploymentConfigName: canary });
        expect((await ended(id)).status).to.equal("Succeeded");
      });
      expect(seen).to.deep.equal(["1", "1, 2 by 0.1", "2"]);
    });

    it("linearly: a part more at each step", async () => {
      const seen = await whileWatchingLive(async () => {
        const id = await deploy("1", "2", {
          deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
        });
        expect((await ended(id)).status).to.equal("Succeeded");
      });
      const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
      expect(seen).to.deep.equal(["1", ...shares.map((share) => `1, 2 by ${share}`), "2"]);
    });

    it("in steps that do not divide 100, the last of which takes the rest", async () => {
      const timeBasedLinear = { linearPercentage: 40, linearInterval: 1 };
      cloud.codedeploy.createDeploymentConfig("uneven", { type: "TimeBasedLinear", timeBasedLinear });
      const seen = await whileWatchingLive(async () =>
        ended(await deploy("1", "2", { deploymentConfigName: "uneven" })),
      );
      expect(seen).to.deep.equal(["1", "1, 2 by 0.4", "1, 2 by 0.8", "2"]);
    });

    it("as the group has it, where the deployment does not say", async () => {
      cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings(endless));
      const id = await deploy("1", "2");
      expect(await reached(id, "InProgress")).to.include({ deploymentConfigName: endless });
      expect(live()).to.equal("1, 2 by 0.1");
    });

    it("and keeps its description", async () => {
      await lambda.updateAlias({ FunctionName: "fn", Name: "live", Description: "the record" });
      await ended(await deploy("1", "2", { deploymentConfigName: canary }));
      expect(await lambda.getAlias({ FunctionName: "fn", Name: "live" })).to.deep.include({
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
        const info = await ended(await deploy(versions[0], versions[1], options));
        expect(info.errorInformation).to.deep.equal({ code: "INVALID_LAMBDA_CONFIGURATION", message });
        expect([info.status, info.rollbackInfo, live()]).to.deep.equal(["Failed", undefined, "1"]);
      });
    }

    it("of an alias that refers to two versions already", async () => {
      cloud.lambda.putAlias("fn", "live", "1", { 2: 0.1 });
      const info = await ended(await deploy("1", "2"));
      expect(info.errorInformation?.message).to.equal("the alias live refers to two versions already");
      expect([info.status, info.rollbackInfo, live()]).to.deep.equal(["Failed", undefined, "1, 2 by 0.1"]);
      await lambda.updateAlias({
        FunctionName: "fn",
        Name: "live",
        RoutingConfig: { AdditionalVersionWeights: {} },
      });
      expect((await ended(await deploy("1", "2"))).status).to.equal("Succeeded");
    });

    it("to a version that the alias refers to already, without a rollback to the one before", async () => {
      await ended(await deploy("1", "2"));
      const info = await ended(await deploy("1", "2"));
      expect([info.status, info.rollbackInfo, live()]).to.deep.equal(["Failed", undefined, "2"]);
    });

    it("when the alias is deleted on the way, and does not make it anew", async () => {
      const id = await deploy("1", "2", { deploymentConfigName: canary });
      await reached(id, "InProgress");
      cloud.lambda.deleteAlias("fn", "live");
      expect((await rollbackOf(await ended(id))).status).to.equal("Failed");
      expect((await refusal(lambda.getAlias({ FunctionName: "fn", Name: "live" }))).name).to.equal(
        "ResourceNotFoundException",
      );
    });
  });

  it("takes any version for the current one all at once, as after a change of the record only", async () => {
    expect((await ended(await deploy("1", "1"))).status).to.equal("Succeeded");
    expect(live()).to.equal("1");
  });

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

    const invoke = () => lambda.invoke({ FunctionName: "fn", Qualifier: "live", Payload: strToU8("{}") });

    it("stops at its start where one rings already, and moves nothing", async () => {
      await cloudwatch.putMetricAlarm(alarm);
      const dimensions = { FunctionName: "fn", Resource: "fn:live", ExecutedVersion: "2" };
      cloud.cloudwatch.putMetric("AWS/Lambda", "Errors", dimensions, 1);
      while ((await cloudwatch.describeAlarms({})).MetricAlarms?.[0]?.StateValue !== "ALARM") {}
      const seen = await whileWatchingLive(async () => {
        const info = await ended(await deploy("1", "2", guarded));
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
      await cloudwatch.putMetricAlarm(alarm);
      cloud.cloudwatch.putMetric(
        "AWS/Lambda",
        "Errors",
        { FunctionName: "fn", Resource: "fn:live", ExecutedVersion: "2" },
        1,
      );
      while ((await cloudwatch.describeAlarms({})).MetricAlarms?.[0]?.StateValue !== "ALARM") {}
      expect((await ended(await deploy("1", "2"))).status).to.equal("Succeeded");
      const overrideAlarmConfiguration = { ...guarded.overrideAlarmConfiguration, enabled: false };
      expect((await ended(await deploy("2", "1", { overrideAlarmConfiguration }))).status).to.equal("Succeeded");
    });

    it("is stopped and rolled back when one goes off on the way: a deployment of its own puts the traffic back", async () => {
      await cloudwatch.putMetricAlarm(alarm);
      const id = await deploy("1", "2", guarded);
      await reached(id, "InProgress");
      // Requests of the canary's share get version 2, which throws; the others do not.
      random = 0.1;
      expect((await invoke()).FunctionError).to.equal(undefined);
      random = 0.09;
      expect(await invoke()).to.include({ FunctionError: "Unhandled" });
      const info = await ended(id);
      expect([info.status, info.errorInformation?.code]).to.deep.equal(["Stopped", "ALARM_ACTIVE"]);
      const rollback = await rollbackOf(info);
      expect(rollback).to.deep.include({
        status: "Succeeded",
        creator: "codeDeployRollback",
        rollbackInfo: { rollbackTriggeringDeploymentId: id },
      });
      expect([rollback.applicationName, rollback.deploymentGroupName]).to.deep.equal(["app", "fn"]);
      expect(live()).to.equal("1");
      expect((await invoke()).FunctionError).to.equal(undefined);
      expect([statusesOf(id), statusesOf(rollback.deploymentId ?? "")]).to.deep.equal([
        ["InProgress", "Stopped"],
        ["InProgress", "Succeeded"],
      ]);
    });

    it("is stopped and left as it is where neither the group nor the deployment asks for a rollback", async () => {
      await cloudwatch.putMetricAlarm(alarm);
      const autoRollbackConfiguration = { enabled: true, events: ["DEPLOYMENT_STOP_ON_REQUEST" as const] };
      const id = await deploy("1", "2", { ...guarded, autoRollbackConfiguration });
      await reached(id, "InProgress");
      random = 0;
      await invoke();
      const info = await ended(id);
      expect([info.status, info.rollbackInfo, live()]).to.deep.equal(["Stopped", undefined, "1, 2 by 0.1"]);
    });

    for (const [what, overrideAlarmConfiguration] of [
      ["no alarms that are enabled", { enabled: true, alarms: [] }],
      ["an alarm without a name", { enabled: true, alarms: [{}] }],
      ["an alarm twice", { enabled: true, alarms: [{ name: "a" }, { name: "a" }] }],
    ] as const) {
      it(`is refused with ${what}`, async () => {
        const alarms = [...overrideAlarmConfiguration.alarms];
        const { name } = await refusal(deploy("1", "2", { overrideAlarmConfiguration: { enabled: true, alarms } }));
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
        const id = await deploy("1", "2", { deploymentConfigName: endless, autoRollbackConfiguration });
        await reached(id, "InProgress");
        const request = { deploymentId: id, ...(autoRollbackEnabled !== undefined && { autoRollbackEnabled }) };
        expect(await codedeploy.stopDeployment(request)).to.include({ status: "Succeeded" });
        const info = await ended(id);
        expect([info.status, info.errorInformation?.code]).to.deep.equal(["Stopped", "MANUAL_STOP"]);
        if (isRolledBack) {
          expect((await rollbackOf(info)).status).to.equal("Succeeded");
        }
        expect(info.rollbackInfo !== undefined).to.equal(isRolledBack);
        expect(live()).to.equal(isRolledBack ? "1" : "1, 2 by 0.1");
      });
    }

    it("but not one that has ended", async () => {
      const id = await deploy("1", "2");
      await ended(id);
      const { name, status } = await refusal(codedeploy.stopDeployment({ deploymentId: id }));
      expect([name, status]).to.deep.equal(["DeploymentAlreadyCompletedException", 400]);
    });
  });

  it("has one active deployment of a group, a rollback included, and one of each group at once", async () => {
    const id = await deploy("1", "2", { deploymentConfigName: endless });
    const second = await refusal(deploy("1", "2"));
    expect([second.name, second.message]).to.deep.equal([
      "DeploymentLimitExceededException",
      `The Deployment Group 'fn' already has an active Deployment '${id}'`,
    ]);
    cloud.codedeploy.putDeploymentGroup("app", "other", groupSettings());
    cloud.lambda.putAlias("fn", "other", "1");
    const revision = revisionOf({ alias: "other", currentversion: "1", targetversion: "2" });
    expect((await ended(await deploy("", "", { deploymentGroupName: "other", revision }))).status).to.equal(
      "Succeeded",
    );
    await reached(id, "InProgress");
    await codedeploy.stopDeployment({ deploymentId: id, autoRollbackEnabled: true });
    await rollbackOf(await ended(id));
    expect((await ended(await deploy("1", "2"))).status).to.equal("Succeeded");
  });

  it("lists a group's deployments, the newest first, also by status", async () => {
    const first = await deploy("1", "2");
    await ended(first);
    const second = await deploy("2", "1", { deploymentConfigName: endless });
    const group = { applicationName: "app", deploymentGroupName: "fn" };
    const list = async (...includeOnlyStatuses: ("Created" | "InProgress" | "Succeeded")[]) =>
      (await codedeploy.listDeployments({ ...group, ...(includeOnlyStatuses.length > 0 && { includeOnlyStatuses }) }))
        .deployments;
    expect(await list()).to.deep.equal([second, first]);
    expect(await list("Succeeded")).to.deep.equal([first]);
    expect(await list("Created", "InProgress")).to.deep.equal([second]);
    cloud.codedeploy.putDeploymentGroup("app", "other", groupSettings());
    expect((await codedeploy.listDeployments({ ...group, deploymentGroupName: "other" })).deployments).to.deep.equal(
      [],
    );
  });

  it("tells of a group how it moves traffic and when it rolls back", async () => {
    const { deploymentGroupInfo } = await codedeploy.getDeploymentGroup({
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
        () => deploy("1", "2", { deploymentGroupName: "x" }),
      ],
      [
        "an unknown deployment",
        "DeploymentDoesNotExistException",
        () => codedeploy.getDeployment({ deploymentId: "d-NONE" }),
      ],
      [
        "an unknown configuration",
        "DeploymentConfigDoesNotExistException",
        () => deploy("1", "2", { deploymentConfigName: "CodeDeployDefault.LambdaLinear10PercentEvery2Minute" }),
      ],
      ["a version that is none", "InvalidRevisionException", () => deploy("1", "$LATEST")],
      [
        "an AppSpec property that it does not know",
        "InvalidRevisionException: .*hooks",
        () => deploy("", "", { revision: revisionOf({ currentversion: "1", targetversion: "2", hooks: "x" }) }),
      ],
      [
        "a revision of another type",
        "InvalidRevisionException",
        () =>
          deploy("", "", {
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

  it("knows CodeDeploy's own configurations, each as its name says", async () => {
    const routingOf = async (name: string) => {
      const deploymentConfigName = `CodeDeployDefault.Lambda${name}`;
      const { deploymentConfigInfo } = await codedeploy.getDeploymentConfig({ deploymentConfigName });
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
    const provider = localProvider(cloud, root);
    const urn = "urn:pulumi:s::p::aws:codedeploy/deploymentConfig:DeploymentConfig::half";
    const inputs = {
      computePlatform: "Lambda",
      trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 50, interval: 1 } },
    };
    const { id, outs } = await provider.create(urn, inputs);
    expect(id).to.match(/^half-[0-9a-f]{7}$/);
    expect(outs).to.include({ deploymentConfigName: id });
    cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings(id));
    const seen = await whileWatchingLive(async () => ended(await deploy("1", "2")));
    expect(seen).to.deep.equal(["1", "1, 2 by 0.5", "2"]);
    const { deploymentConfigInfo } = await codedeploy.getDeploymentConfig({ deploymentConfigName: id });
    expect(deploymentConfigInfo?.trafficRoutingConfig).to.deep.equal({
      type: "TimeBasedCanary",
      timeBasedCanary: { canaryPercentage: 50, canaryInterval: 1 },
    });
    const inUse = await provider.delete(id, urn, outs).catch((error: Error) => error);
    expect(inUse)
      .to.be.an("error")
      .with.property("message", `DeploymentConfigInUseException: ${id} is in use by app/fn`);
    cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings(allAtOnce));
    await provider.delete(id, urn, outs);
    expect((await refusal(codedeploy.getDeploymentConfig({ deploymentConfigName: id }))).name).to.equal(
      "DeploymentConfigDoesNotExistException",
    );
  });

  it("watches alarms no longer than a deployment goes on, however that ends", async () => {
    const others = cloud.cloudwatch.listenerCount("alarm");
    const watching = () => cloud.cloudwatch.listenerCount("alarm") - others;
    await ended(await deploy("1", "2"));
    expect(watching()).to.equal(0);
    await ended(await deploy("1", "2"));
    expect(watching()).to.equal(0);
    const id = await deploy("2", "1", { deploymentConfigName: endless });
    await reached(id, "InProgress");
    expect(watching()).to.equal(1);
    await codedeploy.stopDeployment({ deploymentId: id, autoRollbackEnabled: false });
    expect(watching()).to.equal(0);
  });

  it("changes nothing any more once the cloud is closed", async () => {
    await deploy("1", "2", { deploymentConfigName: canary });
    await cloud.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(changes.filter(({ status }) => status !== "InProgress")).to.deep.equal([]);
  });
});

function zipOf(body: string): Uint8Array {
  return zipSync({ "handler.mjs": strToU8(`export const handler = async () => (${body});`) });
}

/** A revision of `fn`, whose alias is `live` unless told otherwise. */
function revisionOf(properties: object) {
  const Properties = { name: "fn", alias: "live", ...properties };
  const content = JSON.stringify({ version: 0, Resources: [{ fn: { Type: "AWS::Lambda::Function", Properties } }] });
  return { revisionType: "AppSpecContent", appSpecContent: { content } } as const;
}
