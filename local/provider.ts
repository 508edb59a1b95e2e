import { readFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { account, arn } from "./account.ts";
import type { LocalCloud } from "./cloud.ts";
import { deploymentConfigs } from "./codedeploy.ts";

/** What the provider made of a resource: its id and its state, outputs included. */
export interface Created {
  readonly id: string;
  readonly state: Record<string, unknown>;
}

/** Creates the AWS resources that the program declares in the local cloud. */
export interface Provider {
  /**
   * Checks a resource's inputs and creates it.
   * @throws {Error} that names the type, property or value which the local cloud does not know.
   */
  create(type: string, name: string, inputs: unknown): Promise<Created>;
  /** Answers one of the provider's functions, e.g. `aws:index/getRegion:getRegion`. */
  invoke(token: string): Record<string, unknown>;
}

/** The provider of a local cloud. */
export function localProvider(cloud: LocalCloud): Provider {
  const resources = resourcesOf(cloud);
  return {
    async create(type, name, inputs) {
      const resource = resources[type];
      if (!resource) {
        throw new Error(`${name}: the local cloud has no resource of type ${type}`);
      }
      const checked = resource.inputs.safeParse(inputs);
      if (!checked.success) {
        const problems = checked.error.issues.map(({ path, message }) => [...path, message].join(": "));
        throw new Error(`${name} (${type}): the local cloud does not take ${problems.join("; ")}`);
      }
      const { id, ...outputs } = await resource.create(checked.data, name);
      return { id, state: { ...(inputs as object), ...outputs } };
    },
    invoke(token) {
      const result = functions[token];
      if (!result) {
        throw new Error(`the local cloud does not answer ${token}`);
      }
      return result;
    },
  };
}

const functions: Readonly<Record<string, Record<string, unknown>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: account.id, id: account.id, arn: arn("iam", "root") },
  "aws:index/getPartition:getPartition": { partition: account.partition, id: account.partition },
  "aws:index/getRegion:getRegion": { region: account.region, id: account.region },
};

interface Resource {
  readonly inputs: z.ZodType;
  readonly create: (inputs: unknown, name: string) => Outputs | Promise<Outputs>;
}

/** A resource's id, and the outputs that are not inputs. */
type Outputs = { readonly id: string; readonly [output: string]: unknown };

function resource<T extends z.ZodType>(
  inputs: T,
  create: (inputs: z.infer<T>, name: string) => Outputs | Promise<Outputs>,
): Resource {
  return { inputs, create: (checked, name) => create(checked as z.infer<T>, name) };
}

/** Every type and property that the program declares, and nothing else. */
function resourcesOf(cloud: LocalCloud): Readonly<Record<string, Resource>> {
  const { codebuild, codedeploy, httpApi, lambda, logs } = cloud;
  return {
    "aws:apigatewayv2/api:Api": resource(
      z.strictObject({ name: z.string(), description: z.string(), protocolType: z.literal("HTTP") }),
      () => {
        const id = httpApi.createApi();
        return {
          id,
          arn: `arn:aws:apigateway:${account.region}::/apis/${id}`,
          apiEndpoint: cloud.apiUrl,
          executionArn: arn("execute-api", id),
        };
      },
    ),
    "aws:apigatewayv2/stage:Stage": resource(
      z.strictObject({
        apiId: z.string(),
        name: z.literal("$default"),
        autoDeploy: z.literal(true),
        accessLogSettings: z.strictObject({ destinationArn: z.string(), format: z.string() }),
      }),
      ({ name, accessLogSettings }) => {
        const logGroup = accessLogSettings.destinationArn.split(":log-group:")[1] ?? "";
        httpApi.createStage(name, logGroup, accessLogSettings.format);
        return { id: name, invokeUrl: `${cloud.apiUrl}/` };
      },
    ),
    "aws:apigatewayv2/integration:Integration": resource(
      z.strictObject({
        apiId: z.string(),
        integrationType: z.literal("AWS_PROXY"),
        integrationUri: z.string().regex(/:function:[^:]+:[^:]+\/invocations$/),
        payloadFormatVersion: z.literal("2.0"),
      }),
      ({ integrationUri }) => {
        const [, functionName = "", qualifier = ""] =
          /:function:([^:]+):([^:]+)\/invocations$/.exec(integrationUri) ?? [];
        return { id: httpApi.createIntegration(functionName, qualifier) };
      },
    ),
    "aws:apigatewayv2/route:Route": resource(
      z.strictObject({
        apiId: z.string(),
        routeKey: z.string().regex(/^[A-Z]+ \/[\w/-]*$/),
        target: z.string().startsWith("integrations/"),
      }),
      ({ routeKey, target }) => {
        httpApi.createRoute(routeKey, target.replace("integrations/", ""));
        return { id: routeKey };
      },
    ),
    "aws:cloudwatch/logGroup:LogGroup": resource(
      z.strictObject({ name: z.string(), retentionInDays: z.number() }),
      ({ name }) => {
        logs.createLogGroup(name);
        return { id: name, arn: arn("logs", `log-group:${name}`) };
      },
    ),
    "aws:codebuild/project:Project": resource(
      z.strictObject({
        name: z.string(),
        description: z.string(),
        serviceRole: z.string(),
        source: z.strictObject({
          type: z.literal("GITHUB"),
          location: z.string(),
          gitCloneDepth: z.literal(0),
          buildspec: z.string(),
          auth: z.strictObject({ type: z.enum(["CODECONNECTIONS", "SECRETS_MANAGER"]), resource: z.string() }),
        }),
        sourceVersion: z.string(),
        environment: z.strictObject({
          type: z.literal("LINUX_CONTAINER"),
          computeType: z.string(),
          image: z.string(),
          environmentVariables: z.array(z.strictObject({ name: z.string(), value: z.string() })),
        }),
        artifacts: z.strictObject({ type: z.literal("NO_ARTIFACTS") }),
        logsConfig: z.strictObject({
          cloudwatchLogs: z.strictObject({ status: z.literal("ENABLED"), groupName: z.string() }),
        }),
        buildTimeout: z.number(),
      }),
      ({ name, source, environment, logsConfig, buildTimeout }) => {
        codebuild.createProject({
          name,
          location: source.location,
          buildspec: source.buildspec,
          environmentVariables: Object.fromEntries(environment.environmentVariables.map((v) => [v.name, v.value])),
          image: environment.image,
          timeoutMinutes: buildTimeout,
          logGroup: logsConfig.cloudwatchLogs.groupName,
        });
        return { id: arn("codebuild", `project/${name}`), arn: arn("codebuild", `project/${name}`) };
      },
    ),
    "aws:codebuild/webhook:Webhook": resource(
      z.strictObject({
        projectName: z.string(),
        buildType: z.literal("BUILD"),
        filterGroups: z.array(
          z.strictObject({
            filters: z.array(z.strictObject({ type: z.enum(["EVENT", "HEAD_REF"]), pattern: z.string() })),
          }),
        ),
      }),
      ({ projectName, filterGroups }) => {
        const payloadUrl = codebuild.createWebhook(
          projectName,
          filterGroups.map(({ filters }) => filters),
        );
        return { id: projectName, payloadUrl, url: payloadUrl };
      },
    ),
    "aws:codedeploy/application:Application": resource(
      z.strictObject({ name: z.string(), computePlatform: z.literal("Lambda") }),
      ({ name }) => ({ id: name, arn: arn("codedeploy", `application:${name}`) }),
    ),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": resource(
      z.strictObject({
        appName: z.string(),
        deploymentGroupName: z.string(),
        deploymentConfigName: z.enum(deploymentConfigs),
        serviceRoleArn: z.string(),
        deploymentStyle: z.strictObject({
          deploymentType: z.literal("BLUE_GREEN"),
          deploymentOption: z.literal("WITH_TRAFFIC_CONTROL"),
        }),
        autoRollbackConfiguration: z.strictObject({
          enabled: z.literal(true),
          events: z.array(z.enum(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"])),
        }),
      }),
      ({ appName, deploymentGroupName, deploymentConfigName }) => {
        codedeploy.createDeploymentGroup(appName, deploymentGroupName, deploymentConfigName);
        const id = `${appName}:${deploymentGroupName}`;
        return { id, arn: arn("codedeploy", `deploymentgroup:${appName}/${deploymentGroupName}`) };
      },
    ),
    // Roles and their policies are taken as they are: the local cloud enforces no permission but a function's own.
    "aws:iam/role:Role": resource(
      z.strictObject({ description: z.string(), assumeRolePolicy: z.unknown() }),
      (_, name) => ({ id: name, name, arn: `arn:aws:iam::${account.id}:role/${name}` }),
    ),
    "aws:iam/rolePolicy:RolePolicy": resource(
      z.strictObject({ role: z.string(), policy: z.unknown() }),
      ({ role }, name) => ({ id: `${role}:${name}`, name }),
    ),
    "aws:lambda/alias:Alias": resource(
      z.strictObject({ name: z.string(), functionName: z.string(), functionVersion: z.string() }),
      ({ name, functionName, functionVersion }) => {
        const aliasArn = lambda.putAlias(functionName, name, functionVersion);
        const path = `path/2015-03-31/functions/${aliasArn}/invocations`;
        return { id: aliasArn, arn: aliasArn, invokeArn: `arn:aws:apigateway:${account.region}:lambda:${path}` };
      },
    ),
    "aws:lambda/function:Function": resource(
      z.strictObject({
        name: z.string(),
        role: z.string(),
        runtime: z.literal("nodejs24.x"),
        architectures: z.tuple([z.enum(["arm64", "x86_64"])]),
        handler: z.string(),
        code: z.instanceof(pulumi.asset.FileArchive),
        memorySize: z.number(),
        timeout: z.number(),
        loggingConfig: z.strictObject({ logFormat: z.literal("JSON"), logGroup: z.string() }),
        publish: z.literal(true),
      }),
      async ({ code, loggingConfig, publish, ...args }) => {
        const zip = await readFile(await code.path);
        const version = lambda.createFunction({ ...args, logGroup: loggingConfig.logGroup, zip });
        return { id: args.name, arn: arn("lambda", `function:${args.name}`), version };
      },
    ),
    "aws:lambda/permission:Permission": resource(
      z.strictObject({
        action: z.literal("lambda:InvokeFunction"),
        principal: z.literal("apigateway.amazonaws.com"),
        function: z.string(),
        qualifier: z.string(),
        sourceArn: z.string(),
      }),
      (inputs, name) => {
        lambda.addPermission(inputs.function, inputs.qualifier, inputs.sourceArn);
        return { id: name };
      },
    ),
  };
}
