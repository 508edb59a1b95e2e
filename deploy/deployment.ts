import { createHash, randomUUID } from "node:crypto";
import type { DeploymentInfo, DeploymentStatus, TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import type { atMost } from "./atMost.ts";
import { isNamed, messageOf, Overtaken, ReleaseError } from "./failures.ts";
import { countErrors } from "./guard.ts";
import { clearWeights, type Live, type LiveAlias, liveAlias, percent, readAlias, readLive } from "./live.ts";
import { pause } from "./pause.ts";
import { patiently } from "./rateLimit.ts";
import type { Stack } from "./stack.ts";

/** A move of the alias `live` from one version of a function to another. */
export interface Deployment {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly functionName: string;
  readonly from: string;
  readonly to: string;
  /** The commit that is released; left out where a version is put back. */
  readonly commit?: string;
  /** How traffic moves. */
  readonly strategy: Strategy;
  /** The alarms that stop it. */
  readonly alarms: readonly string[];
  /** Called when it has started; the deployment goes on whatever comes of it, so it does not throw. */
  readonly onStarted?: () => Promise<void>;
}

/** A CodeDeploy configuration. */
export interface Strategy {
  readonly deploymentConfigName: string;
  readonly routing: TrafficRoutingConfig;
}

/** The strategy of a rollback. */
export const allAtOnce: Strategy = {
  deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
  routing: { type: "AllAtOnce" },
};

/** How a deployment ended. */
export interface Ended {
  readonly id: string;
  readonly info: DeploymentInfo;
  /** Whether the new version had any traffic. */
  readonly hadTraffic: boolean;
  /** The alias once everything that the deployment has started has ended: it refers to one version. */
  readonly live: Live;
}

/** A deployment that is under way. */
export interface Active {
  readonly id: string;
  /** The commit that it releases; undefined for a rollback, and for what somebody else has started. */
  readonly commit: string | undefined;
}

/** A deployment of somebody else's that is in the way. */
export interface Waiting extends Pick<Deployment, "functionName" | "name"> {
  readonly id: string;
  /** Whether to stop it first. */
  readonly isToBeStopped: boolean;
}

type Limit = ReturnType<typeof atMost>;

const activeStatuses: readonly DeploymentStatus[] = ["Created", "Queued", "InProgress", "Baking", "Ready"];
const longestPollMs = 15_000;
/** How often in a row a deployment may not be readable before it is no longer watched; the SDK has tried each time more than once. */
const maxUnreadable = 5;
/** How long a rollback may take to show up, in ms: AWS does not document whether a stopped deployment has it at once. */
const rollbackWaitMs = 10_000;

/** How a function's releases move traffic, as its CodeDeploy group has it. */
export async function strategyOf({ application, codedeploy }: Stack, name: string): Promise<Strategy> {
  const { deploymentGroupInfo: { deploymentConfigName } = {} } = await codedeploy.getDeploymentGroup({
    applicationName: application,
    deploymentGroupName: name,
  });
  if (!deploymentConfigName) {
    throw new ReleaseError(`the CodeDeploy group ${name} of ${application} has no deployment configuration`);
  }
  const { deploymentConfigInfo } = await codedeploy.getDeploymentConfig({ deploymentConfigName });
  return { deploymentConfigName, routing: deploymentConfigInfo?.trafficRoutingConfig ?? { type: "AllAtOnce" } };
}

/** Whether a strategy moves traffic bit by bit. */
export function isGradual({ routing }: Strategy): boolean {
  return routing.type !== "AllAtOnce";
}

/**
 * Has CodeDeploy move the alias `live`, and waits until it has, or has moved it back. The caller reads from the alias what came of it.
 *
 * @param isWanted Whether the move is still wanted by what the alias records; when it is not, the deployment is stopped.
 * @param limit Has as few functions as it says settle at once.
 * @throws {Overtaken} when another deployment of the function is under way.
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments.html
 */
export async function runDeployment(
  stack: Stack,
  deployment: Deployment,
  isWanted: (live: LiveAlias) => boolean,
  limit: Limit,
): Promise<Ended> {
  const { log, signal } = stack;
  const { name, functionName, from, to } = deployment;
  const id = await create(stack, deployment);
  log(`${name}: deployment ${id} from version ${from} to ${to} began`);
  const progress = new Progress(stack, deployment);
  const stopping = new Stopping(stack, name, id);
  await deployment.onStarted?.();
  const look = async (now: DeploymentInfo): Promise<void> => {
    if (stopping.isAskedFor) {
      return;
    }
    if (signal?.aborted) {
      return stopping.ask();
    }
    const live = isGradual(deployment.strategy)
      ? await patiently(() => readAlias(stack.lambda, functionName))
      : undefined;
    if (live) {
      await progress.show(live, now);
      if (!isWanted(live)) {
        await stopping.ask();
      }
    }
  };
  const info = await ended(stack, id, look).catch((error: unknown) => {
    throw new ReleaseError(
      `deployment ${id} cannot be watched any more, and goes on by itself: ${messageOf(error)}; the next release sees what has come of it`,
    );
  });
  const live = await limit(() => settle(stack, deployment, { ...info, deploymentId: id }));
  return { id, info, live, hadTraffic: progress.hadTraffic || info.rollbackInfo?.rollbackDeploymentId !== undefined };
}

/** Starts a deployment, once: a try whose answer was lost may have started it. */
async function create({ application, codedeploy }: Stack, deployment: Deployment): Promise<string> {
  const { name, functionName, from, to, commit, strategy, alarms } = deployment;
  // CreateDeployment has no idempotency token, and a description has at most 100 characters.
  const description = `${commit ?? "rollback"}, version ${from} to ${to}, ${randomUUID().slice(0, 8)}`;
  try {
    const { deploymentId } = await codedeploy.createDeployment({
      applicationName: application,
      deploymentGroupName: name,
      deploymentConfigName: strategy.deploymentConfigName,
      description,
      revision: appSpec(functionName, from, to),
      ...(alarms.length > 0 && {
        overrideAlarmConfiguration: { enabled: true, alarms: alarms.map((alarm) => ({ name: alarm })) },
        autoRollbackConfiguration: {
          enabled: true,
          events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
      }),
    });
    if (!deploymentId) {
      throw new ReleaseError("CodeDeploy created a deployment without an id");
    }
    return deploymentId;
  } catch (error) {
    // Whatever the error: it may have been started by a try whose answer was lost.
    const active = await findActiveInfo({ application, codedeploy }, name).catch(() => undefined);
    if (active?.deploymentId && active.description === description) {
      return active.deploymentId;
    }
    throw isNamed(error, "DeploymentLimitExceededException")
      ? new Overtaken(`another deployment is under way: ${error instanceof Error ? error.message : error}`)
      : error;
  }
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html */
function appSpec(functionName: string, currentversion: string, targetversion: string) {
  const Properties = { name: functionName, alias: liveAlias, currentversion, targetversion };
  const content = JSON.stringify({
    version: 0.0,
    Resources: [{ [functionName]: { Type: "AWS::Lambda::Function", Properties } }],
  });
  return {
    revisionType: "AppSpecContent",
    appSpecContent: { content, sha256: createHash("sha256").update(content).digest("hex") },
  } as const;
}

/** The deployment of a function that is under way; undefined when none is. */
export async function findActive(stack: Stack, name: string): Promise<Active | undefined> {
  const info = await findActiveInfo(stack, name);
  const [, commit] = /^([0-9a-f]{40,64}), version /.exec(info?.description ?? "") ?? [];
  return info?.deploymentId ? { id: info.deploymentId, commit } : undefined;
}

async function findActiveInfo(
  { application, codedeploy }: Pick<Stack, "application" | "codedeploy">,
  name: string,
): Promise<DeploymentInfo | undefined> {
  const { deployments: [deploymentId] = [] } = await codedeploy.listDeployments({
    applicationName: application,
    deploymentGroupName: name,
    includeOnlyStatuses: [...activeStatuses],
  });
  return deploymentId ? (await codedeploy.getDeployment({ deploymentId })).deploymentInfo : undefined;
}

/**
 * Stops a deployment and has its traffic returned, once that is asked for; where CodeDeploy does not take it, it is asked again. A deployment
 * that has just ended is left as it ended.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
 */
class Stopping {
  readonly #stack: Stack;
  readonly #name: string;
  readonly #id: string;
  #isAskedFor = false;

  constructor(stack: Stack, name: string, id: string) {
    this.#stack = stack;
    this.#name = name;
    this.#id = id;
  }

  /** Whether CodeDeploy has been asked, and has taken it. */
  get isAskedFor(): boolean {
    return this.#isAskedFor;
  }

  /** @throws when CodeDeploy does not take it: the next look asks again. */
  async ask(): Promise<void> {
    const { codedeploy, log } = this.#stack;
    try {
      await codedeploy.stopDeployment({ deploymentId: this.#id, autoRollbackEnabled: true });
      log(`${this.#name}: stopping deployment ${this.#id}`);
    } catch (error) {
      if (!isNamed(error, "DeploymentAlreadyCompletedException")) {
        log(`${this.#name}: deployment ${this.#id} could not be stopped: ${messageOf(error)}`);
        throw error;
      }
    }
    this.#isAskedFor = true;
  }
}

/**
 * Waits until a deployment of somebody else's has ended, and all that it has started: the alias then refers to one version.
 *
 * @param limit Has as few functions as it says settle at once.
 */
export async function waitFor(
  stack: Stack,
  { name, functionName, id, isToBeStopped }: Waiting,
  limit: Limit,
): Promise<Live> {
  const stopping = new Stopping(stack, name, id);
  const info = await ended(stack, id, async () => {
    stack.signal?.throwIfAborted();
    if (isToBeStopped && !stopping.isAskedFor) {
      await stopping.ask();
    }
  });
  return limit(() => settle(stack, { name, functionName }, { ...info, deploymentId: id }));
}

/** Looks at a deployment again and again until it has ended. */
async function ended(
  { codedeploy, signal }: Pick<Stack, "codedeploy" | "signal">,
  deploymentId: string,
  look: (info: DeploymentInfo) => Promise<void> = async () => {},
): Promise<DeploymentInfo> {
  let unreadable = 0;
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 1.5, longestPollMs)) {
    try {
      const { deploymentInfo: info = {} } = await codedeploy.getDeployment({ deploymentId });
      if (!info.status || !activeStatuses.includes(info.status)) {
        return info;
      }
      await look(info);
      unreadable = 0;
    } catch (error) {
      unreadable += 1;
      const isFinal = error === signal?.reason || isNamed(error, "AccessDeniedException");
      if (isFinal || unreadable === maxUnreadable) {
        throw error;
      }
    }
    // Not all functions' looks at the same time. An aborted signal ends no further pause: the deployment has to be waited for all the same.
    await pause(waitMs * (0.75 + Math.random() / 2), signal?.aborted ? undefined : signal);
  }
}

/** A rollback is a deployment of its own: waits for it, and takes away weights that none is left to move. */
async function settle(
  stack: Stack,
  { name, functionName, to }: Pick<Deployment, "name" | "functionName"> & { readonly to?: string },
  info: DeploymentInfo,
): Promise<Live> {
  const { codedeploy } = stack;
  const { deploymentId } = info;
  let { rollbackInfo } = info;
  for (const began = Date.now(); ; await pause(500)) {
    if (rollbackInfo?.rollbackDeploymentId) {
      await ended(stack, rollbackInfo.rollbackDeploymentId);
    }
    const live = await readLive(stack.lambda, functionName);
    if (!live) {
      throw new ReleaseError(`${functionName} or its alias ${liveAlias} does not exist any more, or may not be read`);
    }
    const isWeighted = Object.keys(live.weights).length > 0;
    const isExpected = info.status !== "Succeeded" && (isWeighted || live.version === to);
    if (!rollbackInfo?.rollbackDeploymentId && isExpected && Date.now() - began < rollbackWaitMs) {
      rollbackInfo = (await codedeploy.getDeployment({ deploymentId })).deploymentInfo?.rollbackInfo;
      continue;
    }
    if (!isWeighted) {
      return live;
    }
    const active = await findActive(stack, name);
    if (active) {
      await ended(stack, active.id);
    } else {
      await takeAway(stack, name, live);
    }
  }
}

/** Takes away the weights of an alias that no deployment is left to move. */
export async function takeAway({ lambda, log }: Stack, name: string, live: LiveAlias): Promise<void> {
  try {
    await clearWeights(lambda, live);
    const left = Object.entries(live.weights).map(([version, weight]) => `${percent(weight)} for version ${version}`);
    log(`${name}: took away what a deployment had left: ${left.join(", ")}`);
  } catch (error) {
    if (!(error instanceof Overtaken)) {
      throw error;
    }
  }
}

/** Why CodeDeploy ended a deployment. */
export function reasonOf({ status, errorInformation: { code, message } = {} }: DeploymentInfo): string {
  const how = status === "Stopped" ? "was stopped" : "failed";
  return `${how}: ${[code, message].filter(Boolean).join(", ") || "CodeDeploy gave no reason"}`;
}

const minuteMs = 60_000;

/** Tells how a deployment goes on: when its weight changes, and every minute. */
class Progress {
  readonly #stack: Stack;
  readonly #deployment: Deployment;
  #weight = 0;
  /** When the weight changed, by this machine's clock, in ms. */
  #changed = 0;
  #told = 0;

  constructor(stack: Stack, deployment: Deployment) {
    this.#stack = stack;
    this.#deployment = deployment;
  }

  get hadTraffic(): boolean {
    return this.#weight > 0;
  }

  async show(live: LiveAlias, { createTime = new Date() }: DeploymentInfo): Promise<void> {
    const { name, functionName, to, strategy } = this.#deployment;
    const weight = live.weights[to] ?? 0;
    const now = Date.now();
    if (weight === 0 || (weight === this.#weight && now - this.#told < minuteMs)) {
      return;
    }
    if (weight !== this.#weight) {
      this.#weight = weight;
      this.#changed = now;
    }
    this.#told = now;
    const errors = await countErrors(this.#stack, functionName, to, createTime);
    const minutes = minutesLeft(strategy.routing, weight) - Math.floor((now - this.#changed) / minuteMs);
    this.#stack.log(
      `${name}: version ${to} has ${percent(weight)} of traffic, ${errors ?? "an unknown number of"} errors; ${Math.max(minutes, 0)} min left`,
    );
  }
}

/** How many minutes a deployment takes from the moment at which the new version got a weight. */
function minutesLeft({ timeBasedCanary: canary, timeBasedLinear: linear }: TrafficRoutingConfig, weight: number) {
  const { linearPercentage = 100, linearInterval = 0 } = linear ?? {};
  return canary?.canaryInterval ?? Math.ceil((100 - weight * 100) / linearPercentage) * linearInterval;
}
