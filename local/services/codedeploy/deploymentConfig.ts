import type { TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";

/** The configurations that CodeDeploy has by itself. @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html */
export const predefinedConfigs: Readonly<Record<string, TrafficRoutingConfig>> = {
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

/** A part of the traffic that the target version gets, and for how many minutes. */
export interface Step {
  readonly percent: number;
  readonly minutes: number;
}

/**
 * The steps by which a configuration moves traffic; the last gives the target version all of it.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html
 */
export function stepsOf({ timeBasedCanary: canary, timeBasedLinear: linear }: TrafficRoutingConfig): Step[] {
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
