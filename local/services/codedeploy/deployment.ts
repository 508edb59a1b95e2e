import { randomBytes } from "node:crypto";
import type { DeploymentInfo, ErrorCode } from "@aws-sdk/client-codedeploy";
import { AwsError } from "../../aws/awsEndpoint.ts";
import type { Clock } from "../../aws/clock.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { Lambda } from "../lambda/lambda.ts";
import type { Shift } from "./appSpec.ts";
import type { Step } from "./deploymentConfig.ts";

const minuteMs = 60_000;
/** How long a rollback takes, in ms on the local cloud's clock. */
const rollbackMs = 2000;

/** What a deployment works with. */
export interface DeploymentContext {
  readonly lambda: Lambda;
  readonly cloudwatch: CloudWatch;
  readonly clock: Clock;
  /** Called when the deployment's status changes. */
  readonly onChange: (info: DeploymentInfo) => void;
  /** Called when a version gets another share of the traffic, in percent. */
  readonly onTraffic: (info: DeploymentInfo, version: string, percent: number) => void;
  /** Makes the deployment that rolls this one back. */
  readonly add: (info: DeploymentInfo, shift: Shift) => Deployment;
}

/** A deployment: it moves an alias step by step, watches its alarms, and ends by success, a failure or a stop, which may be rolled back. */
export class Deployment {
  readonly id = `d-${randomBytes(5).toString("hex").slice(0, 9).toUpperCase()}`;
  readonly #shift: Shift;
  readonly #context: DeploymentContext;
  #info: DeploymentInfo;
  /** Whether it has moved the alias: what has not needs no rollback. */
  #hasShifted = false;
  /** Ends what the deployment waits for: its start, the next shift, and alarms. */
  #cancel: () => void = () => {};

  constructor(info: DeploymentInfo, shift: Shift, context: DeploymentContext) {
    const created = { deploymentId: this.id, status: "Created", computePlatform: "Lambda" } as const;
    this.#info = { ...info, ...created, createTime: new Date(context.clock.now()) };
    this.#shift = shift;
    this.#context = context;
  }

  get info(): DeploymentInfo {
    return this.#info;
  }

  get isActive(): boolean {
    return this.#info.status === "Created" || this.#info.status === "InProgress";
  }

  /** Starts once its caller has had an answer. */
  startSoon(steps: readonly Step[]): void {
    const start = setImmediate(() => this.#start(steps));
    this.#cancel = () => clearImmediate(start);
  }

  /**
   * Stops the deployment.
   * @param rollsBack Whether the alias goes back; left out, as the group has it.
   * @throws {AwsError} when it has ended.
   */
  stop(rollsBack?: boolean): void {
    if (!this.isActive) {
      throw new AwsError("DeploymentAlreadyCompletedException", `${this.id} has ended`);
    }
    this.#end("Stopped", { code: "MANUAL_STOP", message: "The deployment was stopped by a request" }, rollsBack);
  }

  /** Ends what the deployment waits for, and leaves all as it is. */
  cancel(): void {
    this.#cancel();
  }

  #change(changes: Partial<DeploymentInfo>): void {
    this.#info = { ...this.#info, ...changes };
    this.#context.onChange(this.#info);
  }

  #start(steps: readonly Step[]): void {
    const { lambda, clock } = this.#context;
    this.#change({ status: "InProgress", startTime: new Date(clock.now()) });
    const { name, alias, currentversion, targetversion } = this.#shift;
    const isReady = this.#attempt(() => {
      const { FunctionVersion: from, RoutingConfig } = lambda.getAlias(name, alias);
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
      lambda.resolve(name, targetversion);
    });
    if (isReady) {
      this.#watchAlarms();
    }
    if (this.isActive) {
      this.#moveBy(steps);
    }
  }

  /** Whether something succeeded; the deployment has failed where not. */
  #attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#end("Failed", { code: "INVALID_LAMBDA_CONFIGURATION", message });
      return false;
    }
  }

  /** Stops the deployment when one of its alarms is, or goes, in state ALARM. */
  #watchAlarms(): void {
    const { cloudwatch } = this.#context;
    const { enabled, alarms = [] } = this.#info.overrideAlarmConfiguration ?? {};
    const names = enabled ? alarms.map(({ name = "" }) => name) : [];
    const check = (): void => {
      const ringing = names.filter((name) => cloudwatch.stateOf(name) === "ALARM");
      if (ringing.length > 0 && this.isActive) {
        const message = `One or more alarms have been activated, and the deployment was stopped: ${ringing.join(", ")}`;
        this.#end("Stopped", { code: "ALARM_ACTIVE", message });
      }
    };
    cloudwatch.on("alarm", check);
    this.#cancel = () => void cloudwatch.off("alarm", check);
    check();
  }

  #moveBy([step, ...later]: readonly Step[]): void {
    if (!step) {
      this.#end("Succeeded");
      return;
    }
    if (!this.#attempt(() => this.#moveAlias(step.percent))) {
      return;
    }
    const unwatch = this.#cancel;
    const cancel = this.#context.clock.after(step.minutes * minuteMs, () => {
      this.#cancel = unwatch;
      this.#moveBy(later);
    });
    this.#cancel = () => {
      cancel();
      unwatch();
    };
  }

  /** Gives the target version a share of the traffic, in percent. */
  #moveAlias(percent: number): void {
    const { lambda, onTraffic } = this.#context;
    const { name, alias, currentversion, targetversion } = this.#shift;
    // An alias that was deleted meanwhile is not made anew.
    lambda.getAlias(name, alias);
    if (percent < 100) {
      lambda.putAlias(name, alias, currentversion, { [targetversion]: percent / 100 });
    } else {
      lambda.putAlias(name, alias, targetversion);
    }
    this.#hasShifted = true;
    onTraffic(this.#info, targetversion, percent);
  }

  #end(
    status: "Failed" | "Stopped" | "Succeeded",
    error?: { readonly code: ErrorCode; readonly message: string },
    isAsked?: boolean,
  ): void {
    this.#cancel();
    const { autoRollbackConfiguration: automatic } = this.#info;
    const event =
      error?.code === "ALARM_ACTIVE"
        ? "DEPLOYMENT_STOP_ON_ALARM"
        : status === "Stopped"
          ? "DEPLOYMENT_STOP_ON_REQUEST"
          : "DEPLOYMENT_FAILURE";
    const rollsBack =
      status !== "Succeeded" &&
      this.#hasShifted &&
      (isAsked ?? (automatic?.enabled && automatic.events?.includes(event)));
    const rollback = rollsBack ? this.#addRollback() : undefined;
    this.#change({
      status,
      completeTime: new Date(this.#context.clock.now()),
      ...(error && { errorInformation: error }),
      ...(rollback && {
        rollbackInfo: {
          rollbackDeploymentId: rollback.id,
          rollbackMessage: "Rollback initiated",
        },
      }),
    });
    if (rollback) {
      rollback.#startRollback();
    }
  }

  /** A rollback is a deployment of its own, which puts the former version back all at once. */
  #addRollback(): Deployment {
    const { applicationName, deploymentGroupName } = this.#info;
    return this.#context.add(
      {
        applicationName,
        deploymentGroupName,
        creator: "codeDeployRollback",
        description: `Rollback of ${this.id}`,
        rollbackInfo: { rollbackTriggeringDeploymentId: this.id },
      },
      { ...this.#shift, targetversion: this.#shift.currentversion },
    );
  }

  #startRollback(): void {
    const { clock } = this.#context;
    this.#change({ status: "InProgress", startTime: new Date(clock.now()) });
    this.#cancel = clock.after(rollbackMs, () => {
      if (this.#attempt(() => this.#moveAlias(100))) {
        this.#end("Succeeded");
      }
    });
  }
}
