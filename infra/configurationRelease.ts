import { createHash } from "node:crypto";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import type { BuildProject } from "./buildProject.ts";
import type { LiveFunction } from "./liveFunction.ts";

/** What a `ConfigurationRelease` is made from. */
export interface ConfigurationReleaseArgs {
  /** `<project>-<stack>`, part of the parameter's name. */
  readonly prefix: string;
  /** The functions whose configuration counts. */
  readonly functions: readonly LiveFunction[];
  /** The project whose build releases. */
  readonly project: BuildProject;
}

/**
 * Releases a changed configuration: what `pulumi up` changes of a function makes a new version, and the alias `live` stays where it is. A
 * parameter holds the hash of all that the versions are made of beside their code; when it changes, a rule starts the deploy build.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
 */
export class ConfigurationRelease extends pulumi.ComponentResource {
  /** The hash of what the functions' versions are made of beside their code. */
  readonly hash: pulumi.Output<string>;

  constructor(name: string, args: ConfigurationReleaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:ConfigurationRelease", name, {}, opts);
    const parent = { parent: this };
    const parameterName = `/releases/${args.prefix}/configuration`;

    const role = new aws.iam.Role(
      `${name}-role`,
      {
        description: "A changed configuration starts the deploy build",
        assumeRolePolicy: assumableBy("events.amazonaws.com", aws.getCallerIdentityOutput({}, parent).accountId),
      },
      parent,
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      { role: role.id, policy: startBuildOf(args.project.projectArn) },
      parent,
    );
    const rule = new aws.cloudwatch.EventRule(
      `${name}-rule`,
      {
        description: "A changed configuration starts the deploy build",
        eventPattern: JSON.stringify({
          source: ["aws.ssm"],
          "detail-type": ["Parameter Store Change"],
          // The first value is of functions that `up` has just put live.
          detail: { name: [parameterName], operation: ["Update"] },
        }),
      },
      parent,
    );
    const target = new aws.cloudwatch.EventTarget(
      `${name}-target`,
      {
        rule: rule.name,
        arn: args.project.projectArn,
        roleArn: role.arn,
        input: JSON.stringify({ sourceVersion: args.project.branch }),
      },
      { ...parent, dependsOn: [policy] },
    );

    this.hash = pulumi
      .output(Object.fromEntries(args.functions.map((fn) => [fn.folder, fn.configuration])))
      .apply((configuration) => createHash("sha256").update(JSON.stringify(configuration)).digest("hex"));
    new aws.ssm.Parameter(
      name,
      {
        name: parameterName,
        description: "A change starts the deploy build, which releases the functions' configuration",
        type: "String",
        // `value` would hide it; where it is made from a secret, Pulumi hides it all the same.
        insecureValue: this.hash,
      },
      // The build must find the functions as they are now, and all that it needs to release them.
      { ...parent, dependsOn: [...args.functions, args.project, target] },
    );
    this.registerOutputs({ hash: this.hash });
  }
}

function startBuildOf(projectArn: pulumi.Input<string>): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [{ Sid: "StartBuild", Effect: "Allow", Action: ["codebuild:StartBuild"], Resource: projectArn }],
  };
}
