import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CodeDeploy, type CreateDeploymentInput, type DeploymentInfo } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { strToU8, zipSync } from "fflate";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";

export const canary = "CodeDeployDefault.LambdaCanary10Percent5Minutes";
/** A canary that no test waits for: only what stops it ends it. */
export const endless = "endless";

/**
 * A local cloud, made anew for each test of the enclosing `describe`, with AWS clients of it, and a function `fn` of two versions, of which
 * the second throws.
 */
export class DeploymentScene {
  cloud!: LocalCloud;
  lambda!: Lambda;
  codedeploy!: CodeDeploy;
  cloudwatch!: CloudWatch;
  /** The deployments as they changed. */
  changes: DeploymentInfo[] = [];
  /** What decides which version a request gets. */
  random = 0.5;

  constructor() {
    const temporary = temporaryDirectories();
    beforeEach(async () => {
      this.random = 0.5;
      this.cloud = await LocalCloud.start(await temporary(), 0, { timeScale: 600, random: () => this.random });
      this.lambda = new Lambda(clientOptions(this.cloud));
      this.codedeploy = new CodeDeploy(clientOptions(this.cloud));
      this.cloudwatch = new CloudWatch(clientOptions(this.cloud));
      const settings = functionSettings("fn");
      this.cloud.lambda.putAlias("fn", "live", this.cloud.lambda.createFunction(settings, zipOf('"one"')));
      await this.#publish('(() => { throw new Error("two") })()');
      this.cloud.codedeploy.createDeploymentConfig(endless, {
        type: "TimeBasedCanary",
        timeBasedCanary: { canaryPercentage: 10, canaryInterval: 100_000 },
      });
      this.cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings());
      this.changes = [];
      this.cloud.codedeploy.on("deployment", (info) => this.changes.push(info));
    });
    afterEach(async () => {
      for (const client of [this.lambda, this.codedeploy, this.cloudwatch]) {
        client.destroy();
      }
      await this.cloud.close();
    });
  }

  async #publish(body: string): Promise<void> {
    await this.lambda.updateFunctionCode({ FunctionName: "fn", ZipFile: zipOf(body) });
    while ((await this.lambda.getFunctionConfiguration({ FunctionName: "fn" })).LastUpdateStatus === "InProgress") {}
    await this.lambda.publishVersion({ FunctionName: "fn" });
  }

  /** Deploys `fn` from a version to another, by an AppSpec file with these versions; returns the deployment's id. */
  async deploy(from: string, to: string, options: Partial<CreateDeploymentInput> = {}): Promise<string> {
    const { deploymentId = "" } = await this.codedeploy.createDeployment({
      applicationName: "app",
      deploymentGroupName: "fn",
      revision: revisionOf({ currentversion: from, targetversion: to }),
      ...options,
    });
    return deploymentId;
  }

  /** The deployment once it has a status. */
  async reached(id: string, ...statuses: string[]): Promise<DeploymentInfo> {
    for (;;) {
      const { deploymentInfo: info } = await this.codedeploy.getDeployment({ deploymentId: id });
      if (info && statuses.includes(info.status ?? "")) {
        return info;
      }
    }
  }

  ended(id: string): Promise<DeploymentInfo> {
    return this.reached(id, "Succeeded", "Stopped", "Failed");
  }

  /** The rollback of a deployment that has been stopped, once it has ended. */
  async rollbackOf(info: DeploymentInfo): Promise<DeploymentInfo> {
    const id = info.rollbackInfo?.rollbackDeploymentId;
    if (id === undefined) {
      throw new Error(`${info.deploymentId} was not rolled back`);
    }
    return this.ended(id);
  }

  statusesOf(id: string): unknown[] {
    return this.changes.filter(({ deploymentId }) => deploymentId === id).map(({ status }) => status);
  }

  /** What `live` refers to: `1`, or `1, 2 by 0.1`. */
  live(): string {
    const { FunctionVersion, RoutingConfig } = this.cloud.lambda.getAlias("fn", "live");
    const weights = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
    return [FunctionVersion, ...weights.map(([version, weight]) => `${version} by ${weight}`)].join(", ");
  }

  /** Notes what `live` refers to whenever it changes, as long as `run` takes. */
  async whileWatchingLive(run: () => Promise<unknown>): Promise<string[]> {
    const seen = [this.live()];
    const timer = setInterval(() => {
      if (this.live() !== seen.at(-1)) {
        seen.push(this.live());
      }
    }, 2);
    await run().finally(() => clearInterval(timer));
    return this.live() === seen.at(-1) ? seen : [...seen, this.live()];
  }
}

function zipOf(body: string): Uint8Array {
  return zipSync({ "handler.mjs": strToU8(`export const handler = async () => (${body});`) });
}

/** A revision of `fn`, whose alias is `live` unless told otherwise. */
export function revisionOf(properties: object) {
  const Properties = { name: "fn", alias: "live", ...properties };
  const content = JSON.stringify({ version: 0, Resources: [{ fn: { Type: "AWS::Lambda::Function", Properties } }] });
  return { revisionType: "AppSpecContent", appSpecContent: { content } } as const;
}
