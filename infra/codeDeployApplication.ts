import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type ApplicationSettings, predefined, type ReleaseStrategy } from "./settings/releaseStrategies.ts";

/**
 * A CodeDeploy application for Lambda, with a configuration for each strategy for which CodeDeploy has none by itself: one for all functions,
 * as an account may have 50.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
 */
export class CodeDeployApplication extends pulumi.ComponentResource {
  readonly applicationName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  /** By strategy: those that it is made from, and the one with which a rollback moves all traffic at once. */
  readonly #configNames = new Map<string, pulumi.Input<string>>([["allAtOnce", predefined("AllAtOnce")]]);

  constructor(name: string, settings: ApplicationSettings, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:CodeDeployApplication", name, {}, opts);
    const application = new aws.codedeploy.Application(
      name,
      { name: settings.applicationName, computePlatform: "Lambda" },
      { parent: this },
    );
    for (const strategy of settings.strategies) {
      if (!this.#configNames.has(strategy.name)) {
        this.#configNames.set(strategy.name, strategy.predefined ?? this.createConfig(strategy));
      }
    }
    this.applicationName = application.name;
    this.arn = application.arn;
    this.registerOutputs({ applicationName: this.applicationName });
  }

  /** The names of all configurations that a deployment may use. */
  get deploymentConfigNames(): readonly pulumi.Input<string>[] {
    return [...this.#configNames.values()];
  }

  /**
   * The name of the configuration of one of the strategies.
   * @throws {Error} when it is none of them.
   */
  deploymentConfigOf({ name }: ReleaseStrategy): pulumi.Input<string> {
    const configName = this.#configNames.get(name);
    if (configName === undefined) {
      const known = [...this.#configNames.keys()].join(", ");
      throw new Error(`there is no deployment configuration of ${name}; there are ${known}`);
    }
    return configName;
  }

  private createConfig({ name, routing }: ReleaseStrategy): pulumi.Output<string> {
    // Without a name of its own: each change is a replacement, and a configuration that a group uses cannot be deleted first.
    return new aws.codedeploy.DeploymentConfig(
      name,
      { computePlatform: "Lambda", trafficRoutingConfig: routing },
      { parent: this },
    ).deploymentConfigName;
  }
}
