import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type {
  AutoRollbackConfiguration,
  CreateDeploymentInput,
  DeploymentInfo,
  DeploymentStatus,
  ErrorCode,
  TrafficRoutingConfig,
} from "@aws-sdk/client-codedeploy";
import * as schemas from "@aws-sdk/client-codedeploy";
import { z } from "zod";
import { AwsError, type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { Clock } from "../../aws/clock.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";

const version = z.string().regex(/^[1-9]\d*$/);
const appSpecSchema = z.strictObject({
  version: z.literal(0),
  Resources: z.tuple([
    z.record(
      z.string(),
      z.strictObject({
        Type: z.literal("AWS::Lambda::Function"),
        Properties: z.strictObject({
          name: z.string(),
          alias: z.string(),
          currentversion: version,
          targetversion: version,
        }),
      }),
    ),
  ]),
});

/** The configurations that CodeDeploy has by itself. @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html */
const predefinedConfigs: Readonly<Record<string, TrafficRoutingConfig>> = {
  "CodeDeployDefault.LambdaAllAtOnce": { type: "AllAtOnce" },
  "CodeDeployDefault.LambdaCanary10Percent5Minutes": canary(5),
  "CodeDeployDefault.LambdaCanary10Percent10Minutes": canary(10),
  "CodeDeployDefault.LambdaCanary10Percent15Minutes": canary(15),
  "CodeDeployDefault.LambdaCanary10Percent30Minutes": canary(30),
  "CodeDeployDefault.LambdaLinear10PercentEvery1Minute": linear(1),
  "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes": linear(2),
  "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes": linear(3),
  "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes": linear(10),
};

const minuteMs = 60_000;
/** How long a rollback takes, in ms on the local cloud's clock. */
const rollbackMs = 2000;
const activeStatuses: readonly DeploymentStatus[] = ["Created", "InProgress"];

/** A group of an application. */
export interface DeploymentGroup {
  readonly deploymentConfigName: string;
  readonly autoRollbackConfiguration: AutoRollbackConfiguration;
}

interface Deployment {
  info: DeploymentInfo;
  readonly shift: Shift;
  /** Whether it has moved the alias: what has not needs no rollback. */
  hasShifted: boolean;
  /** Ends what the deployment waits for: its start, the next shift, and alarms. */
  cancel: () => void;
}

/**
 * CodeDeploy for Lambda: moves an alias from one version to another, at once or bit by bit, and back when an alarm goes off or it is stopped.
 * Emits `deployment` whenever a deployment's status changes, and `traffic` when a version gets another share of it, in percent.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
 */
export class CodeDeploy extends EventEmitter<{
  deployment: [DeploymentInfo];
  traffic: [info: DeploymentInfo, version: string, percent: number];
}> {
  readonly #lambda: Lambda;
  readonly #cloudwatch: CloudWatch;
  readonly #clock: Clock;
  readonly #groups = new Map<string, DeploymentGroup>();
  readonly #configs = new Map<string, TrafficRoutingConfig>(Object.entries(predefinedConfigs));
  readonly #deployments = new Map<string, Deployment>();

  constructor(lambda: Lambda, cloudwatch: CloudWatch, clock: Clock) {
    super();
    this.#lambda = lambda;
    this.#cloudwatch = cloudwatch;
    this.#clock = clock;
  }

  createDeploymentConfig(name: string, routing: TrafficRoutingConfig): void {
    this.#configs.set(name, routing);
  }

  /** @throws {Error} when a group uses it. */
  deleteDeploymentConfig(name: string): void {
    const [user] = [...this.#groups].find(([, group]) => group.deploymentConfigName === name) ?? [];
    if (user !== undefined) {
      throw new Error(`DeploymentConfigInUseException: ${name} is in use by ${user}`);
    }
    this.#configs.delete(name);
  }

  /** Creates a group, or changes it. */
  putDeploymentGroup(application: string, name: string, group: DeploymentGroup): void {
    this.#routingOf(group.deploymentConfigName);
    this.#groups.set(`${application}/${name}`, group);
  }

  deleteDeploymentGroup(application: string, name: string): void {
    this.#groups.delete(`${application}/${name}`);
  }

  /** Ends what the deployments that are under way wait for. */
  close(): void {
    for (const { cancel } of this.#deployments.values()) {
      cancel();
    }
  }

  /** What the AWS endpoint serves of CodeDeploy. */
  get service(): AwsService {
    type Group = { applicationName: string; deploymentGroupName: string };
    return {
      signingName: "codedeploy",
      schemas,
      operations: {
        CreateDeployment: operation<CreateDeploymentInput>(
          [
            "applicationName",
            "autoRollbackConfiguration",
            "deploymentConfigName",
            "deploymentGroupName",
            "description",
            "overrideAlarmConfiguration",
            "revision",
          ],
          (input) => ({ deploymentId: this.#create(input) }),
        ),
        GetDeployment: operation<{ deploymentId: string }>(["deploymentId"], ({ deploymentId }) => ({
          deploymentInfo: this.#find(deploymentId).info,
        })),
        GetDeploymentConfig: operation<{ deploymentConfigName: string }>(
          ["deploymentConfigName"],
          ({ deploymentConfigName }) => ({
            deploymentConfigInfo: {
              deploymentConfigName,
              computePlatform: "Lambda",
              trafficRoutingConfig: this.#routingOf(deploymentConfigName),
            },
          }),
        ),
        GetDeploymentGroup: operation<Group>(["applicationName", "deploymentGroupName"], (input) => ({
          deploymentGroupInfo: { ...input, ...this.#group(input), computePlatform: "Lambda" },
        })),
        ListDeployments: operation<Group & { includeOnlyStatuses?: string[] }>(
          ["applicationName", "deploymentGroupName", "includeOnlyStatuses"],
          (input) => ({
            deployments: this.#of(input)
              .filter(({ info: { status = "" } }) => input.includeOnlyStatuses?.includes(status) ?? true)
              .map(({ info }) => info.deploymentId),
          }),
        ),
        StopDeployment: operation<{ deploymentId: string; autoRollbackEnabled?: boolean }>(
          ["deploymentId", "autoRollbackEnabled"],
          ({ deploymentId, autoRollbackEnabled }) => {
            const deployment = this.#find(deploymentId);
            if (!isActive(deployment)) {
              throw new AwsError("DeploymentAlreadyCompletedException", `${deploymentId} has ended`);
            }
            const error = { code: "MANUAL_STOP", message: "The deployment was stopped by a request" } as const;
            this.#end(deployment, "Stopped", error, autoRollbackEnabled);
            return { status: "Succeeded" };
          },
        ),
      },
    };
  }

  #find(deploymentId: string): Deployment {
    const deployment = this.#deployments.get(deploymentId);
    if (!deployment) {
      throw new AwsError("DeploymentDoesNotExistException", `The deployment ${deploymentId} could not be found`);
    }
    return deployment;
  }

  #group({ applicationName, deploymentGroupName }: CreateDeploymentInput): DeploymentGroup {
    const name = `${applicationName}/${deploymentGroupName}`;
    const group = this.#groups.get(name);
    if (!group) {
      throw new AwsError("DeploymentGroupDoesNotExistException", `No Deployment Group found for name: ${name}`);
    }
    return group;
  }

  /** A group's deployments, the newest first. */
  #of({ applicationName, deploymentGroupName }: CreateDeploymentInput): Deployment[] {
    return [...this.#deployments.values()]
      .filter(
        ({ info }) => info.applicationName === applicationName && info.deploymentGroupName === deploymentGroupName,
      )
      .reverse();
  }

  #routingOf(configName: string): TrafficRoutingConfig {
    const routing = this.#configs.get(configName);
    if (!routing) {
      throw new AwsError("DeploymentConfigDoesNotExistException", `there is no deployment configuration ${configName}`);
    }
    return routing;
  }

  #create(input: CreateDeploymentInput): string {
    const group = this.#group(input);
    const { deploymentConfigName = group.deploymentConfigName } = input;
    const routing = this.#routingOf(deploymentConfigName);
    const shift = shiftOf(input);
    checkAlarms(input);
    const active = this.#of(input).find(isActive);
    if (active) {
      const message = `The Deployment Group '${input.deploymentGroupName}' already has an active Deployment '${active.info.deploymentId}'`;
      throw new AwsError("DeploymentLimitExceededException", message);
    }
    const { autoRollbackConfiguration } = group;
    const deployment = this.#add({ autoRollbackConfiguration, ...input, deploymentConfigName, creator: "user" }, shift);
    const start = setImmediate(() => this.#start(deployment, stepsOf(routing)));
    deployment.cancel = () => clearImmediate(start);
    return deployment.info.deploymentId ?? "";
  }

  #add(info: DeploymentInfo, shift: Shift): Deployment {
    const deploymentId = `d-${randomBytes(5).toString("hex").slice(0, 9).toUpperCase()}`;
    const created = { deploymentId, status: "Created", computePlatform: "Lambda" } as const;
    const deployment: Deployment = {
      info: { ...info, ...created, createTime: new Date(this.#clock.now()) },
      shift,
      hasShifted: false,
      cancel: () => {},
    };
    this.#deployments.set(deploymentId, deployment);
    return deployment;
  }

  #change(deployment: Deployment, changes: Partial<DeploymentInfo>): void {
    deployment.info = { ...deployment.info, ...changes };
    this.emit("deployment", deployment.info);
  }

  #start(deployment: Deployment, steps: readonly Step[]): void {
    this.#change(deployment, { status: "InProgress", startTime: new Date(this.#clock.now()) });
    const { name, alias, currentversion, targetversion } = deployment.shift;
    const isReady = this.#attempt(deployment, () => {
      const { FunctionVersion: from, RoutingConfig } = this.#lambda.getAlias(name, alias);
      if (from !== currentversion) {
        throw new Error(`the alias ${alias} refers to version ${from}, the AppSpec file to version ${currentversion}`);
      }
      // Weights that are left over, as after a crash, have to be cleared first.
      if (Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0) {
        throw new Error(`the alias ${alias} refers to two versions already`);
      }
      if (steps.length > 1 && targetversion === currentversion) {
        throw new Error(`the target version is the current version, ${currentversion}`);
      }
      this.#lambda.resolve(name, targetversion);
    });
    if (isReady) {
      this.#watchAlarms(deployment);
    }
    if (isActive(deployment)) {
      this.#shift(deployment, steps);
    }
  }

  /** Whether something succeeded; the deployment has failed where not. */
  #attempt(deployment: Deployment, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#end(deployment, "Failed", { code: "INVALID_LAMBDA_CONFIGURATION", message });
      return false;
    }
  }

  /** Stops the deployment when one of its alarms is, or goes, in state ALARM. */
  #watchAlarms(deployment: Deployment): void {
    const { enabled, alarms = [] } = deployment.info.overrideAlarmConfiguration ?? {};
    const names = enabled ? alarms.map(({ name = "" }) => name) : [];
    const check = (): void => {
      const ringing = names.filter((name) => this.#cloudwatch.stateOf(name) === "ALARM");
      if (ringing.length > 0 && isActive(deployment)) {
        const message = `One or more alarms have been activated, and the deployment was stopped: ${ringing.join(", ")}`;
        this.#end(deployment, "Stopped", { code: "ALARM_ACTIVE", message });
      }
    };
    this.#cloudwatch.on("alarm", check);
    deployment.cancel = () => void this.#cloudwatch.off("alarm", check);
    check();
  }

  #shift(deployment: Deployment, [step, ...later]: readonly Step[]): void {
    if (!step) {
      this.#end(deployment, "Succeeded");
      return;
    }
    if (!this.#attempt(deployment, () => this.#moveAlias(deployment, step.percent))) {
      return;
    }
    const unwatch = deployment.cancel;
    const cancel = this.#clock.after(step.minutes * minuteMs, () => {
      deployment.cancel = unwatch;
      this.#shift(deployment, later);
    });
    deployment.cancel = () => {
      cancel();
      unwatch();
    };
  }

  /** Gives the target version a share of the traffic, in percent. */
  #moveAlias(deployment: Deployment, percent: number): void {
    const { name, alias, currentversion, targetversion } = deployment.shift;
    // An alias that was deleted meanwhile is not made anew.
    this.#lambda.getAlias(name, alias);
    if (percent < 100) {
      this.#lambda.putAlias(name, alias, currentversion, { [targetversion]: percent / 100 });
    } else {
      this.#lambda.putAlias(name, alias, targetversion);
    }
    deployment.hasShifted = true;
    this.emit("traffic", deployment.info, targetversion, percent);
  }

  #end(
    deployment: Deployment,
    status: "Failed" | "Stopped" | "Succeeded",
    error?: { code: ErrorCode; message: string },
    isAsked?: boolean,
  ): void {
    deployment.cancel();
    const { autoRollbackConfiguration: automatic } = deployment.info;
    const event =
      error?.code === "ALARM_ACTIVE"
        ? "DEPLOYMENT_STOP_ON_ALARM"
        : status === "Stopped"
          ? "DEPLOYMENT_STOP_ON_REQUEST"
          : "DEPLOYMENT_FAILURE";
    const rollsBack =
      status !== "Succeeded" &&
      deployment.hasShifted &&
      (isAsked ?? (automatic?.enabled && automatic.events?.includes(event)));
    const rollback = rollsBack ? this.#addRollback(deployment) : undefined;
    this.#change(deployment, {
      status,
      completeTime: new Date(this.#clock.now()),
      ...(error && { errorInformation: error }),
      ...(rollback && {
        rollbackInfo: {
          rollbackDeploymentId: rollback.info.deploymentId,
          rollbackMessage: "Rollback initiated",
        },
      }),
    });
    if (rollback) {
      this.#startRollback(rollback);
    }
  }

  /** A rollback is a deployment of its own, which puts the former version back all at once. */
  #addRollback({ info, shift }: Deployment): Deployment {
    const { applicationName, deploymentGroupName, deploymentId } = info;
    return this.#add(
      {
        applicationName,
        deploymentGroupName,
        creator: "codeDeployRollback",
        description: `Rollback of ${deploymentId}`,
        rollbackInfo: { rollbackTriggeringDeploymentId: deploymentId },
      },
      { ...shift, targetversion: shift.currentversion },
    );
  }

  #startRollback(rollback: Deployment): void {
    this.#change(rollback, { status: "InProgress", startTime: new Date(this.#clock.now()) });
    rollback.cancel = this.#clock.after(rollbackMs, () => {
      if (this.#attempt(rollback, () => this.#moveAlias(rollback, 100))) {
        this.#end(rollback, "Succeeded");
      }
    });
  }
}

function isActive({ info: { status } }: Deployment): boolean {
  return status !== undefined && activeStatuses.includes(status);
}

/** Refuses what a deployment's own alarms may not be. */
function checkAlarms({ overrideAlarmConfiguration: { enabled, alarms = [] } = {} }: CreateDeploymentInput): void {
  const names = new Set(alarms.map(({ name }) => name));
  if ((enabled && alarms.length === 0) || names.size < alarms.length || names.has(undefined)) {
    const message = "the alarms must be some when they are enabled, each with a name of its own";
    throw new AwsError("InvalidAlarmConfigException", message);
  }
}

/** A part of the traffic that the target version gets, and for how many minutes. */
interface Step {
  readonly percent: number;
  readonly minutes: number;
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html */
function stepsOf({ timeBasedCanary: canary, timeBasedLinear: linear }: TrafficRoutingConfig): Step[] {
  const all = { percent: 100, minutes: 0 };
  if (canary) {
    return [{ percent: canary.canaryPercentage ?? 0, minutes: canary.canaryInterval ?? 0 }, all];
  }
  const { linearPercentage: increment = 100, linearInterval: minutes = 0 } = linear ?? {};
  const count = Math.ceil(100 / increment) - 1;
  return [...Array.from({ length: count }, (_, index) => ({ percent: (index + 1) * increment, minutes })), all];
}

function canary(canaryInterval: number): TrafficRoutingConfig {
  return { type: "TimeBasedCanary", timeBasedCanary: { canaryPercentage: 10, canaryInterval } };
}

function linear(linearInterval: number): TrafficRoutingConfig {
  return { type: "TimeBasedLinear", timeBasedLinear: { linearPercentage: 10, linearInterval } };
}

type Shift = z.infer<typeof appSpecSchema>["Resources"][0][string]["Properties"];

function shiftOf({ revision }: CreateDeploymentInput): Shift {
  try {
    const appSpec = appSpecSchema.parse(
      JSON.parse(revision?.appSpecContent?.content ?? "the AppSpecContent is missing"),
    );
    const [resource] = Object.values(appSpec.Resources[0]);
    if (revision?.revisionType === "AppSpecContent" && resource) {
      return resource.Properties;
    }
    throw new Error("it is not of type AppSpecContent, or names no function");
  } catch (error) {
    throw new AwsError("InvalidRevisionException", `the local cloud does not take the revision: ${error}`);
  }
}
