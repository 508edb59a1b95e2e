import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { assumableBy } from "./assumeRole.ts";
import type { CodeDeployApplication } from "./codeDeployApplication.ts";
import { DeploymentGroup } from "./deploymentGroup.ts";
import type { FunctionSettings } from "./settings/functions.ts";

/** What a `LiveFunction` is made from. */
export interface LiveFunctionArgs {
  readonly settings: FunctionSettings;
  /** The zip with `handler.mjs`, which exports `handler`. Only the first `up` uploads it: code then belongs to the pipeline. */
  readonly zip: string;
  /** The application whose deployments release the function. */
  readonly application: CodeDeployApplication;
  /** What the function may do beside writing its log. @default nothing */
  readonly policyStatements?: aws.iam.PolicyStatement[];
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

    const { fn, configuration } = this.createFunction(name, args);
    const group = new DeploymentGroup(
      `${name}-deployments`,
      {
        application: args.application,
        groupName: name,
        functionArn: fn.arn,
        releaseStrategy: args.settings.releaseStrategy,
      },
      { parent: this },
    );

    this.folder = name;
    this.functionName = fn.name;
    this.functionArn = fn.arn;
    this.alias = this.createLiveAlias(name, args.settings, fn);
    this.deploymentGroupArn = group.arn;
    this.configuration = configuration;
    this.registerOutputs({ functionName: this.functionName, functionArn: this.functionArn });
  }

  private createFunction(
    name: string,
    { settings, zip, policyStatements = [] }: LiveFunctionArgs,
  ): { fn: aws.lambda.Function; configuration: pulumi.Output<object> } {
    const parent = { parent: this };
    const { functionName, memorySize, timeout, tracing, environment } = settings;
    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      { name: `/aws/lambda/${functionName}`, retentionInDays: settings.logRetentionDays },
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
    const statements = [writeLog(log.arn), ...(tracing ? [writeTraces] : []), ...policyStatements];
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      { role: role.id, policy: { Version: "2012-10-17", Statement: statements } },
      parent,
    );
    const configuration = {
      role: role.arn,
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      handler: "handler.handler",
      memorySize,
      timeout,
      loggingConfig: { logFormat: "JSON", logGroup: log.name },
      // Left out, the provider would keep what was before.
      tracingConfig: { mode: tracing ? "Active" : "PassThrough" },
      ...(Object.keys(environment).length > 0 && { environment: { variables: environment } }),
    };
    const fn = new aws.lambda.Function(
      name,
      { name: functionName, ...configuration, code: new pulumi.asset.FileArchive(zip), publish: true },
      // Without its rights a function called at once would run, and its log be lost.
      { ...parent, protect: settings.protect, dependsOn: [policy], ignoreChanges: ["code"] },
    );
    return { fn, configuration: pulumi.output(configuration) };
  }

  private createLiveAlias(name: string, { protect }: FunctionSettings, fn: aws.lambda.Function): aws.lambda.Alias {
    return new aws.lambda.Alias(
      `${name}-live`,
      { name: "live", functionName: fn.name, functionVersion: fn.version },
      { parent: this, protect, ignoreChanges: ["functionVersion", "routingConfig", "description"] },
    );
  }
}

function writeLog(logGroupArn: pulumi.Input<string>): aws.iam.PolicyStatement {
  return {
    Sid: "WriteLog",
    Effect: "Allow",
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Resource: pulumi.interpolate`${logGroupArn}:*`,
  };
}

/** X-Ray's actions take no narrower resource. @see https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html */
const writeTraces: aws.iam.PolicyStatement = {
  Sid: "WriteTraces",
  Effect: "Allow",
  Action: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
  Resource: "*",
};
