/**
 * How a release shifts traffic, by the setting's value: the CodeDeploy configuration that does it, and how many minutes it takes.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
 */
export const releaseStrategies = {
  allAtOnce: predefined("AllAtOnce", 0),
  canary10Percent5Minutes: predefined("Canary10Percent5Minutes", 5),
  canary10Percent10Minutes: predefined("Canary10Percent10Minutes", 10),
  canary10Percent15Minutes: predefined("Canary10Percent15Minutes", 15),
  canary10Percent30Minutes: predefined("Canary10Percent30Minutes", 30),
  linear10PercentEvery1Minute: predefined("Linear10PercentEvery1Minute", 10),
  linear10PercentEvery2Minutes: predefined("Linear10PercentEvery2Minutes", 20),
  linear10PercentEvery3Minutes: predefined("Linear10PercentEvery3Minutes", 30),
  linear10PercentEvery10Minutes: predefined("Linear10PercentEvery10Minutes", 100),
} as const;

/** A strategy that CodeDeploy knows by itself. */
export interface ReleaseStrategy {
  readonly deploymentConfigName: string;
  /** How long it shifts traffic. */
  readonly minutes: number;
}

function predefined(name: string, minutes: number): ReleaseStrategy {
  return { deploymentConfigName: `CodeDeployDefault.Lambda${name}`, minutes };
}
