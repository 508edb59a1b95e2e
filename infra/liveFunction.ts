import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import type { DeploymentConfigs } from "./deploymentConfigs.ts";
import { DeploymentGroup } from "./deploymentGroup.ts";
import type { Environment } from "./settings/functions.ts";
import type { ReleaseStrategy } from "./settings/releaseStrategies.ts";

/** What a `LiveFunction` is made from. */
export interface LiveFunctionArgs {
  /** The zip with `handler.mjs`, which exports `handler`. Only the first `up` uploads it: code then belongs to the pipeline. */
  readonly zip: string;
  readonly application: aws.codedeploy.Application;
  readonly deploymentConfigs: DeploymentConfigs;
  /** How a release moves traffic: one of those for which there is a configuration. */
  readonly releaseStrategy: ReleaseStrategy;
  /** `<project>-<stack>`, what the function's name begins with. */
  readonly prefix: string;
  /** How long the function's log keeps its events, in days. */
  readonly logRetentionDays: number;
  /** MB, which also gives the share of a processor. */
  readonly memorySize: number;
  /** Seconds after which an invocation fails. */
  readonly timeout: number;
  readonly environment: Environment;
  /** Whether X-Ray records requests. @default false */
  readonly tracing?: boolean;
  /** What the function may do beside writing its log. @default nothing */
  readonly policyStatements?: aws.iam.PolicyStatement[];
  /** Whether Pulumi refuses to delete or replace the function and its alias, with which the versions go. */
  readonly protect: boolean;
}

/**
 * A Lambda function with its log, its role, its alias `live` and the CodeDeploy group that releases it. What calls it calls the alias, never
 * `$LATEST`; only a release moves the alias.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
 */
export class LiveFunction extends pulumi.ComponentResource {
  /** The function's folder in `functions/`. */
  readonly folder: string;
  readonly functionName: pulumi.Output<string>;
  readonly functionArn: pulumi.Output<string>;
  /** The alias `live`: what a route or any other trigger calls. */
  readonly alias: aws.lambda.Alias;
  readonly deploymentGroupArn: pulumi.Output<string>;
  /** What a version is made of beside its code. */
  readonly configuration: pulumi.Output<object>;

  constructor(name: string, args: LiveFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("infra:index:LiveFunction", name, {}, opts);

    const { fn, configuration } = this.createFunction(name, `${args.prefix}_${name}`, args);
    const group = new DeploymentGroup(
      `${name}-deployments`,
      {
        application: args.application,
        groupName: name,
        functionArn: fn.arn,
        deploymentConfigName: args.deploymentConfigs.nameOf(args.releaseStrategy),
      },
      { parent: this },
    );

    this.folder = name;
    this.functionName = fn.name;
    this.functionArn = fn.arn;
    this.alias = this.createLiveAlias(name, args, fn);
    this.deploymentGroupArn = group.arn;
    this.configuration = configuration;
    this.registerOutputs({ functionName: this.functionName, functionArn: this.functionArn });
  }

  private createFunction(
    name: string,
    physicalName: string,
    args: LiveFunctionArgs,
  ): { fn: aws.lambda.Function; configuration: pulumi.Output<object> } {
    const parent = { parent: this };
    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      { name: `/aws/lambda/${physicalName}`, retentionInDays: args.logRetentionDays },
      parent,
    );
    const role = new aws.iam.Role(
      `${name}-role`,
      {
        description: "The function runs as this role",
        assumeRolePolicy: assumableBy("lambda.amazonaws.com"),
      },
      parent,
    );
    const policy = new aws.iam.RolePolicy(`${name}-policy`, { role: role.id, policy: rightsOf(args, log.arn) }, parent);
    const configuration = {
      role: role.arn,
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      handler: "handler.handler",
      memorySize: args.memorySize,
      timeout: args.timeout,
      loggingConfig: { logFormat: "JSON", logGroup: log.name },
      // Left out, the provider would keep what was before.
      tracingConfig: { mode: args.tracing ? "Active" : "PassThrough" },
      ...(Object.keys(args.environment).length > 0 && { environment: { variables: args.environment } }),
    };
    const fn = new aws.lambda.Function(
      name,
      { name: physicalName, ...configuration, code: new pulumi.asset.FileArchive(args.zip), publish: true },
      // Without its rights a function called at once would run, and its log be lost.
      { ...parent, protect: args.protect, dependsOn: [policy], ignoreChanges: ["code"] },
    );
    return { fn, configuration: pulumi.output(configuration) };
  }

  private createLiveAlias(name: string, { protect }: LiveFunctionArgs, fn: aws.lambda.Function): aws.lambda.Alias {
    return new aws.lambda.Alias(
      `${name}-live`,
      { name: "live", functionName: fn.name, functionVersion: fn.version },
      { parent: this, protect, ignoreChanges: ["functionVersion", "routingConfig", "description"] },
    );
  }
}

function rightsOf(
  { policyStatements = [], tracing }: LiveFunctionArgs,
  logGroupArn: pulumi.Input<string>,
): aws.iam.PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "WriteLog",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: pulumi.interpolate`${logGroupArn}:*`,
      },
      ...(tracing ? [writeTraces] : []),
      ...policyStatements,
    ],
  };
}

/** X-Ray's actions take no narrower resource. @see https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html */
const writeTraces: aws.iam.PolicyStatement = {
  Sid: "WriteTraces",
  Effect: "Allow",
  Action: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
  Resource: "*",
};
