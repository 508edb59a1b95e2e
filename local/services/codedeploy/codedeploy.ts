import { EventEmitter } from "node:events";
import type {
  AutoRollbackConfiguration,
  CreateDeploymentInput,
  DeploymentInfo,
  TrafficRoutingConfig,
} from "@aws-sdk/client-codedeploy";
import { AwsError } from "../../aws/awsEndpoint.ts";
import type { Clock } from "../../aws/clock.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";
import { type Shift, shiftOf } from "./appSpec.ts";
import { Deployment, type DeploymentContext } from "./deployment.ts";
import { predefinedConfigs, stepsOf } from "./deploymentConfig.ts";

/** A group of an application. */
export interface DeploymentGroup {
  readonly deploymentConfigName: string;
  readonly autoRollbackConfiguration: AutoRollbackConfiguration;
}

/** What names a group. */
export type GroupName = Pick<CreateDeploymentInput, "applicationName" | "deploymentGroupName">;

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
  readonly #context: DeploymentContext;
  readonly #groups = new Map<string, DeploymentGroup>();
  readonly #configs = new Map<string, TrafficRoutingConfig>(Object.entries(predefinedConfigs));
  readonly #deployments = new Map<string, Deployment>();

  constructor(lambda: Lambda, cloudwatch: CloudWatch, clock: Clock) {
    super();
    this.#context = {
      lambda,
      cloudwatch,
      clock,
      onChange: (info) => this.emit("deployment", info),
      onTraffic: (info, version, percent) => this.emit("traffic", info, version, percent),
      add: (info, shift) => this.#add(info, shift),
    };
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

  /**
   * How a configuration moves traffic.
   * @throws {AwsError} when there is no such configuration.
   */
  routingOf(deploymentConfigName: string): TrafficRoutingConfig {
    const routing = this.#configs.get(deploymentConfigName);
    if (!routing) {
      const message = `there is no deployment configuration ${deploymentConfigName}`;
      throw new AwsError("DeploymentConfigDoesNotExistException", message);
    }
    return routing;
  }

  /** Creates a group, or changes it. */
  putDeploymentGroup(application: string, name: string, group: DeploymentGroup): void {
    this.routingOf(group.deploymentConfigName);
    this.#groups.set(`${application}/${name}`, group);
  }

  deleteDeploymentGroup(application: string, name: string): void {
    this.#groups.delete(`${application}/${name}`);
  }

  /** @throws {AwsError} when there is no such group. */
  deploymentGroup({ applicationName, deploymentGroupName }: GroupName): DeploymentGroup {
    const name = `${applicationName}/${deploymentGroupName}`;
    const group = this.#groups.get(name);
    if (!group) {
      throw new AwsError("DeploymentGroupDoesNotExistException", `No Deployment Group found for name: ${name}`);
    }
    return group;
  }

  /**
   * Creates a deployment, which starts by itself.
   * @throws {AwsError} when there is no such group or configuration, the revision or the alarms are not right, or another is active.
   */
  createDeployment(input: CreateDeploymentInput): Deployment {
    const group = this.deploymentGroup(input);
    const { deploymentConfigName = group.deploymentConfigName } = input;
    const routing = this.routingOf(deploymentConfigName);
    const shift = shiftOf(input);
    checkAlarms(input);
    const active = this.deploymentsOf(input).find(({ isActive }) => isActive);
    if (active) {
      const message = `The Deployment Group '${input.deploymentGroupName}' already has an active Deployment '${active.id}'`;
      throw new AwsError("DeploymentLimitExceededException", message);
    }
    const { autoRollbackConfiguration } = group;
    const deployment = this.#add({ autoRollbackConfiguration, ...input, deploymentConfigName, creator: "user" }, shift);
    deployment.startSoon(stepsOf(routing));
    return deployment;
  }

  /** @throws {AwsError} when there is no such deployment. */
  deployment(id: string): Deployment {
    const deployment = this.#deployments.get(id);
    if (!deployment) {
      throw new AwsError("DeploymentDoesNotExistException", `The deployment ${id} could not be found`);
    }
    return deployment;
  }

  /** A group's deployments, the newest first. */
  deploymentsOf({ applicationName, deploymentGroupName }: GroupName): Deployment[] {
    return [...this.#deployments.values()]
      .filter(
        ({ info }) => info.applicationName === applicationName && info.deploymentGroupName === deploymentGroupName,
      )
      .reverse();
  }

  /** Ends what the deployments that are under way wait for. */
  close(): void {
    for (const deployment of this.#deployments.values()) {
      deployment.cancel();
    }
  }

  #add(info: DeploymentInfo, shift: Shift): Deployment {
    const deployment = new Deployment(info, shift, this.#context);
    this.#deployments.set(deployment.id, deployment);
    return deployment;
  }
}

/** Refuses what a deployment's own alarms may not be. */
function checkAlarms({ overrideAlarmConfiguration: { enabled, alarms = [] } = {} }: CreateDeploymentInput): void {
  const names = new Set(alarms.map(({ name }) => name));
  if ((enabled && alarms.length === 0) || names.size < alarms.length || names.has(undefined)) {
    const message = "the alarms must be some when they are enabled, each with a name of its own";
    throw new AwsError("InvalidAlarmConfigException", message);
  }
}
