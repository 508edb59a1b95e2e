import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { predefined, type ReleaseStrategy } from "./settings/releaseStrategies.ts";

/** The CodeDeploy configurations of a stack's release strategies. */
export interface DeploymentConfigs {
  /** All that a deployment may use: those of the strategies, and the one with which a rollback moves all traffic at once. */
  readonly names: readonly pulumi.Input<string>[];
  /**
   * The configuration of one of the strategies.
   * @throws {Error} when it is none of them.
   */
  nameOf(strategy: ReleaseStrategy): pulumi.Input<string>;
}

/**
 * Declares a CodeDeploy configuration for each strategy for which CodeDeploy has none by itself: one for all functions, as an account may
 * have 50.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
 */
export function deploymentConfigs(strategies: readonly ReleaseStrategy[]): DeploymentConfigs {
  const names = new Map<string, pulumi.Input<string>>([["allAtOnce", predefined("AllAtOnce")]]);
  for (const strategy of strategies) {
    if (!names.has(strategy.name)) {
      names.set(strategy.name, strategy.predefined ?? declare(strategy));
    }
  }
  return {
    names: [...names.values()],
    nameOf({ name }) {
      const configName = names.get(name);
      if (configName === undefined) {
        throw new Error(`there is no deployment configuration of ${name}; there are ${[...names.keys()].join(", ")}`);
      }
      return configName;
    },
  };
}

function declare({ name, routing }: ReleaseStrategy): pulumi.Output<string> {
  // Without a name of its own: each change is a replacement, and a configuration that a group uses cannot be deleted first.
  return new aws.codedeploy.DeploymentConfig(name, { computePlatform: "Lambda", trafficRoutingConfig: routing })
    .deploymentConfigName;
}
