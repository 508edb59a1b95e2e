import type { TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import { prefixOf, type Stage } from "./stage.ts";

/** How a function's releases move traffic. */
export interface Strategy {
  /** As the setting `releaseStrategy` names it, e.g. `canary10Percent5Minutes`. */
  readonly name: string;
  /** The shares of traffic that a new version gets, one after the other, each in percent and for how many minutes; the last is all of it. */
  readonly steps: readonly { readonly percent: number; readonly minutes: number }[];
}

/** The strategies of a stack's functions, by their folders, as their CodeDeploy groups have them. */
export async function readStrategies(stage: Stage): Promise<Map<string, Strategy>> {
  const { codedeploy, stack } = stage;
  const applicationName = prefixOf(stage);
  const read = async (folder: string): Promise<[string, Strategy]> => {
    const group = await codedeploy.getDeploymentGroup({ applicationName, deploymentGroupName: folder });
    const { deploymentConfigName } = group.deploymentGroupInfo ?? {};
    const { deploymentConfigInfo } = await codedeploy.getDeploymentConfig({ deploymentConfigName });
    return [folder, strategyOf(deploymentConfigInfo?.trafficRoutingConfig)];
  };
  return new Map(await Promise.all(Object.keys(stack.outputs.functionNames).map(read)));
}

/** @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html */
export function strategyOf({ timeBasedCanary, timeBasedLinear }: TrafficRoutingConfig = {}): Strategy {
  const all = { percent: 100, minutes: 0 };
  if (timeBasedCanary) {
    const { canaryPercentage: percent = 0, canaryInterval: minutes = 0 } = timeBasedCanary;
    return { name: `canary${percent}Percent${inWords(minutes)}`, steps: [{ percent, minutes }, all] };
  }
  if (timeBasedLinear) {
    const { linearPercentage: percent = 100, linearInterval: minutes = 0 } = timeBasedLinear;
    const before = Array.from({ length: Math.ceil(100 / percent) - 1 }, (_, index) => (index + 1) * percent);
    return {
      name: `linear${percent}PercentEvery${inWords(minutes)}`,
      steps: [...before.map((each) => ({ percent: each, minutes })), all],
    };
  }
  return { name: "allAtOnce", steps: [all] };
}

function inWords(minutes: number): string {
  return `${minutes}Minute${minutes === 1 ? "" : "s"}`;
}

/** Whether a strategy moves traffic bit by bit, so that a bad release can be taken back before all have it. */
export function isGradual({ steps }: Strategy): boolean {
  return steps.length > 1;
}

/** How long shifting traffic is to take, in seconds. */
const wantedSeconds = 3;
/** How many requests a bad release is to get at least, of which one would do. */
const wantedRequests = 3;

/** How many times as fast as on AWS traffic is shifted where nothing asks for something else: a canary of five minutes takes a second. */
export const usualTimeScale = 300;

/**
 * How many times as fast as on AWS a strategy shifts traffic in a few seconds; slower where too few requests would meet a bad release.
 *
 * @param requestsPerSecond How often the function is asked meanwhile.
 */
export function timeScaleFor({ steps }: Strategy, requestsPerSecond: number): number {
  const seconds = steps.reduce((sum, { minutes }) => sum + minutes * 60, 0);
  const asIfAlone = steps.reduce((sum, { minutes, percent }) => sum + (minutes * 60 * percent) / 100, 0);
  const fast = Math.min(Math.max(usualTimeScale, seconds / wantedSeconds), 3600);
  const slowEnough = (asIfAlone * requestsPerSecond) / wantedRequests;
  return steps.length > 1 ? Math.max(Math.ceil(Math.min(fast, slowEnough)), 1) : usualTimeScale;
}
