import { readFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import {
  array,
  instanceof as instanceOf,
  literal,
  number,
  enum as oneOf,
  strictObject,
  string,
  unknown,
  type z,
} from "zod";
import { account, arn } from "./account.ts";
import type { LocalCloud } from "./cloud.ts";

/** Creates the AWS resources that the program declares in the local cloud. */
export interface Provider {
  /**
   * Checks a resource's inputs and creates it; the state is the inputs and what the cloud adds.
   * @throws {Error} that names the type, property or value which the local cloud does not know.
   */
  create(type: string, name: string, inputs: object): Promise<{ readonly id: string; readonly state: object }>;
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
      return { id, state: { ...inputs, ...outputs } };
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
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: account.id },
  "aws:index/getPartition:getPartition": { partition: account.partition },
  "aws:index/getRegion:getRegion": { region: account.region },
};

/** A resource's id, and the outputs that are not inputs. */
type Outputs = { readonly id: string; readonly [output: string]: unknown };

interface Resource {
  readonly inputs: z.ZodType;
  readonly create: (inputs: unknown, name: string) => Outputs | Promise<Outputs>;
}

function resource<T extends z.ZodType>(
  inputs: T,
  create: (inputs: z.infer<T>, name: string) => Outputs | Promise<Outputs>,
): Resource {
  return { inputs, create: (checked, name) => create(checked as z.infer<T>, name) };
}

/** Every type and property that the program declares, and nothing else. */
function resourcesOf({ apiUrl, codebuild, codedeploy, httpApi, lambda, logs }: LocalCloud): Record<string, Resource> {
  return {
    "aws:apigatewayv2/api:Api": resource(
      strictObject({ name: string(), description: string(), protocolType: literal("HTTP") }),
      () => {
        const id = httpApi.createApi();
        return { id, apiEndpoint: apiUrl, executionArn: arn("execute-api", id) };
      },
    ),
    "aws:apigatewayv2/stage:Stage": resource(
      strictObject({
        apiId: string(),
        name: literal("$default"),
        autoDeploy: literal(true),
        accessLogSettings: strictObject({ destinationArn: string(), format: string() }),
      }),
      ({ name, accessLogSettings: { destinationArn, format } }) => {
        httpApi.createStage(name, destinationArn.split(":log-group:")[1] ?? "", format);
        return { id: name };
      },
    ),
    "aws:apigatewayv2/integration:Integration": resource(
      strictObject({
        apiId: string(),
        integrationType: literal("AWS_PROXY"),
        integrationUri: string().regex(/:function:[^:]+:[^:]+\/invocations$/),
        payloadFormatVersion: literal("2.0"),
      }),
      ({ integrationUri }) => {
        const [functionName = "", qualifier = ""] = integrationUri.replace("/invocations", "").split(":").slice(-2);
        return { id: httpApi.createIntegration(functionName, qualifier) };
      },
    ),
    "aws:apigatewayv2/route:Route": resource(
      strictObject({
        apiId: string(),
        routeKey: string().regex(/^[A-Z]+ \/[\w/-]*$/),
        target: string().startsWith("integrations/"),
      }),
      ({ routeKey, target }) => {
        httpApi.createRoute(routeKey, target.replace("integrations/", ""));
        return { id: routeKey };
      },
    ),
    "aws:cloudwatch/logGroup:LogGroup": resource(
      strictObject({ name: string(), retentionInDays: number() }),
      ({ name }) => {
        logs.createLogGroup(name);
        return { id: name, arn: arn("logs", `log-group:${name}`) };
      },
    ),
    "aws:codebuild/project:Project": resource(
      strictObject({
        name: string(),
        description: string(),
        serviceRole: string(),
        source: strictObject({
          type: literal("GITHUB"),
          location: string(),
          gitCloneDepth: literal(0),
          buildspec: string(),
          auth: strictObject({ type: oneOf(["CODECONNECTIONS", "SECRETS_MANAGER"]), resource: string() }),
        }),
        sourceVersion: string(),
        environment: strictObject({
          type: literal("LINUX_CONTAINER"),
          computeType: string(),
          image: string(),
          environmentVariables: array(strictObject({ name: string(), value: string() })),
        }),
        artifacts: strictObject({ type: literal("NO_ARTIFACTS") }),
        logsConfig: strictObject({
          cloudwatchLogs: strictObject({ status: literal("ENABLED"), groupName: string() }),
        }),
        buildTimeout: number(),
      }),
      (project) => {
        codebuild.createProject(project);
        return { id: arn("codebuild", `project/${project.name}`) };
      },
    ),
    "aws:codebuild/webhook:Webhook": resource(
      strictObject({
        projectName: string(),
        buildType: literal("BUILD"),
        filterGroups: array(
          strictObject({ filters: array(strictObject({ type: oneOf(["EVENT", "HEAD_REF"]), pattern: string() })) }),
        ),
      }),
      ({ projectName, filterGroups }) => ({
        id: projectName,
        payloadUrl: codebuild.createWebhook(projectName, filterGroups),
      }),
    ),
    "aws:codedeploy/application:Application": resource(
      strictObject({ name: string(), computePlatform: literal("Lambda") }),
      ({ name }) => ({ id: name, arn: arn("codedeploy", `application:${name}`) }),
    ),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": resource(
      strictObject({
        appName: string(),
        deploymentGroupName: string(),
        deploymentConfigName: literal("CodeDeployDefault.LambdaAllAtOnce"),
        serviceRoleArn: string(),
        deploymentStyle: strictObject({
          deploymentType: literal("BLUE_GREEN"),
          deploymentOption: literal("WITH_TRAFFIC_CONTROL"),
        }),
        autoRollbackConfiguration: strictObject({
          enabled: literal(true),
          events: array(oneOf(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"])),
        }),
      }),
      ({ appName, deploymentGroupName: group, deploymentConfigName }) => {
        codedeploy.createDeploymentGroup(appName, group, deploymentConfigName);
        return { id: `${appName}:${group}`, arn: arn("codedeploy", `deploymentgroup:${appName}/${group}`) };
      },
    ),
    // Roles and their policies are taken as they are: the local cloud enforces no permission but a function's own.
    "aws:iam/role:Role": resource(strictObject({ description: string(), assumeRolePolicy: unknown() }), (_, name) => ({
      id: name,
      name,
      arn: `arn:aws:iam::${account.id}:role/${name}`,
    })),
    "aws:iam/rolePolicy:RolePolicy": resource(
      strictObject({ role: string(), policy: unknown() }),
      ({ role }, name) => ({ id: `${role}:${name}` }),
    ),
    "aws:lambda/alias:Alias": resource(
      strictObject({ name: string(), functionName: string(), functionVersion: string() }),
      ({ name, functionName, functionVersion }) => {
        const aliasArn = lambda.putAlias(functionName, name, functionVersion);
        const path = `path/2015-03-31/functions/${aliasArn}/invocations`;
        return { id: aliasArn, invokeArn: `arn:aws:apigateway:${account.region}:lambda:${path}` };
      },
    ),
    "aws:lambda/function:Function": resource(
      strictObject({
        name: string(),
        role: string(),
        runtime: literal("nodejs24.x"),
        architectures: array(oneOf(["arm64", "x86_64"])),
        handler: string(),
        code: instanceOf(pulumi.asset.FileArchive),
        memorySize: number(),
        timeout: number(),
        loggingConfig: strictObject({ logFormat: literal("JSON"), logGroup: string() }),
        publish: literal(true),
      }),
      async ({ code, loggingConfig, ...fn }) => {
        const settings = {
          FunctionName: fn.name,
          Role: fn.role,
          Runtime: fn.runtime,
          Architectures: fn.architectures,
          Handler: fn.handler,
          MemorySize: fn.memorySize,
          Timeout: fn.timeout,
          LoggingConfig: { LogFormat: loggingConfig.logFormat, LogGroup: loggingConfig.logGroup },
        };
        const version = lambda.createFunction(settings, await readFile(await code.path));
        return { id: fn.name, arn: arn("lambda", `function:${fn.name}`), version };
      },
    ),
    "aws:lambda/permission:Permission": resource(
      strictObject({
        action: literal("lambda:InvokeFunction"),
        principal: literal("apigateway.amazonaws.com"),
        function: string(),
        qualifier: string(),
        sourceArn: string(),
      }),
      (permission, name) => {
        lambda.addPermission(permission.function, permission.qualifier, permission.sourceArn);
        return { id: name };
      },
    ),
  };
}
