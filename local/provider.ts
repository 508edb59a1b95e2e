import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { Provider } from "@pulumi/pulumi/provider/index.js";
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

/** A provider with the whole life cycle of custom resources. */
export type LifeCycle = Required<Pick<Provider, "check" | "diff" | "create" | "read" | "update" | "delete" | "invoke">>;

/**
 * The AWS provider of a local cloud, for the in-process monitor and for Pulumi's engine. A resource type, a property or a value which the
 * local cloud does not know is an error that names it.
 *
 * @see https://www.pulumi.com/docs/iac/concepts/providers/
 */
export function localProvider(cloud: LocalCloud): LifeCycle {
  const types = typesOf(cloud);
  /** The ids of the resources there are, by type and id. */
  const existing = new Set<string>();
  const resourceOf = (urn: string): { type: string; name: string; kind: Kind } => {
    const [, , qualifiedType = "", name = ""] = urn.split("::");
    const type = qualifiedType.split("$").at(-1) ?? "";
    const kind = types[type];
    if (!kind) {
      throw new Error(`${name}: the local cloud has no resource of type ${type}`);
    }
    return { type, name, kind };
  };
  return {
    async check(urn, _, news) {
      const { type, name, kind } = resourceOf(urn);
      const checked = kind.inputs.safeParse(plain(news));
      const issues = checked.success ? [] : checked.error.issues;
      return {
        inputs: news,
        failures: issues.map(({ path, message }) => ({
          property: path.join("."),
          reason: `${name} (${type}): the local cloud does not take ${[...path, message].join(": ")}`,
        })),
      };
    },
    async diff(_id, urn, olds, news) {
      const { kind } = resourceOf(urn);
      const changed = kind.properties.filter((property) => !isDeepStrictEqual(olds[property], news[property]));
      return { changes: changed.length > 0, replaces: changed.filter((property) => kind.replaceOn.includes(property)) };
    },
    async create(urn, inputs) {
      const { type, name, kind } = resourceOf(urn);
      const { id, ...outputs } = await kind.put(plain(inputs), name);
      existing.add(`${type} ${id}`);
      return { id, outs: { ...inputs, ...outputs } };
    },
    async read(id, urn, props) {
      return existing.has(`${resourceOf(urn).type} ${id}`) ? { id, props } : {};
    },
    async update(id, urn, _, news) {
      const { name, kind } = resourceOf(urn);
      const { id: _same, ...outputs } = await kind.put(plain(news), name, id);
      return { outs: { ...news, ...outputs } };
    },
    async delete(id, urn, props) {
      const { type, kind } = resourceOf(urn);
      await kind.delete?.(plain(props), id);
      existing.delete(`${type} ${id}`);
    },
    async invoke(token) {
      const outputs = functions[token];
      if (!outputs) {
        throw new Error(`the local cloud does not answer ${token}`);
      }
      return { outputs };
    },
  };
}

const functions: Readonly<Record<string, Record<string, unknown>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: account.id },
  "aws:index/getPartition:getPartition": { partition: account.partition },
  "aws:index/getRegion:getRegion": { region: account.region },
};

/** A value without the engine's marks: secrets as their values, archives as objects. An unknown value stays the engine's word for it. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value !== "object" || value === null || value instanceof pulumi.asset.Archive) {
    return value;
  }
  const properties: Record<string, unknown> = { ...value };
  switch (properties[pulumi.runtime.specialSigKey]) {
    case pulumi.runtime.specialSecretSig:
      return plain(properties.value);
    case pulumi.runtime.specialArchiveSig:
      return new pulumi.asset.FileArchive(String(properties.path));
    default:
      return Object.fromEntries(Object.entries(properties).map(([key, item]) => [key, plain(item)]));
  }
}

/** A resource's id, and the outputs that are not inputs. */
type Outputs = { readonly id: string; readonly [output: string]: unknown };

/** What the local cloud does for resources of one type. */
interface Kind {
  readonly inputs: z.ZodType;
  readonly properties: readonly string[];
  /** The properties whose change takes a new resource. */
  readonly replaceOn: readonly string[];
  /** Creates a resource, or changes the one with the id. */
  readonly put: (inputs: unknown, name: string, id?: string) => Outputs | Promise<Outputs>;
  readonly delete: ((inputs: unknown, id: string) => void | Promise<void>) | undefined;
}

function kind<Shape extends z.ZodRawShape>(
  shape: Shape,
  replaceOn: readonly (keyof Shape & string)[],
  put: (inputs: z.infer<z.ZodObject<Shape>>, name: string, id?: string) => Outputs | Promise<Outputs>,
  remove?: (inputs: z.infer<z.ZodObject<Shape>>, id: string) => void | Promise<void>,
): Kind {
  type Inputs = z.infer<z.ZodObject<Shape>>;
  return {
    inputs: strictObject(shape),
    properties: Object.keys(shape),
    replaceOn,
    put: (inputs, name, id) => put(inputs as Inputs, name, id),
    delete: remove && ((inputs, id) => remove(inputs as Inputs, id)),
  };
}

/** Every type and property that the program declares, and nothing else. */
function typesOf({ apiGateway, codebuild, codedeploy, lambda, logs }: LocalCloud): Record<string, Kind> {
  return {
    "aws:apigatewayv2/api:Api": kind(
      { name: string(), description: string(), protocolType: literal("HTTP") },
      ["protocolType"],
      async (_inputs, _name, existing) => {
        const { id, url } = existing ? apiGateway.api(existing) : await apiGateway.createApi();
        return { id, apiEndpoint: url, executionArn: arn("execute-api", id) };
      },
      (_, id) => apiGateway.deleteApi(id),
    ),
    "aws:apigatewayv2/stage:Stage": kind(
      {
        apiId: string(),
        name: literal("$default"),
        autoDeploy: literal(true),
        accessLogSettings: strictObject({ destinationArn: string(), format: string() }),
      },
      ["apiId", "name"],
      ({ apiId, name, accessLogSettings: { destinationArn, format } }) => {
        apiGateway.api(apiId).putStage(name, destinationArn.split(":log-group:")[1] ?? "", format);
        return { id: name };
      },
      ({ apiId }) => apiGateway.api(apiId).deleteStage(),
    ),
    "aws:apigatewayv2/integration:Integration": kind(
      {
        apiId: string(),
        integrationType: literal("AWS_PROXY"),
        integrationUri: string(),
        payloadFormatVersion: literal("2.0"),
      },
      ["apiId", "integrationType"],
      ({ apiId, integrationUri }, _, id) => {
        const [functionName = "", qualifier = ""] = integrationUri.replace("/invocations", "").split(":").slice(-2);
        return { id: apiGateway.api(apiId).putIntegration(functionName, qualifier, id) };
      },
      ({ apiId }, id) => apiGateway.api(apiId).deleteIntegration(id),
    ),
    "aws:apigatewayv2/route:Route": kind(
      { apiId: string(), routeKey: string().regex(/^[A-Z]+ \/[\w/-]*$/), target: string() },
      ["apiId", "routeKey"],
      ({ apiId, routeKey, target }) => {
        apiGateway.api(apiId).putRoute(routeKey, target.replace("integrations/", ""));
        return { id: routeKey };
      },
      ({ apiId, routeKey }) => apiGateway.api(apiId).deleteRoute(routeKey),
    ),
    "aws:cloudwatch/logGroup:LogGroup": kind(
      { name: string(), retentionInDays: number() },
      ["name"],
      ({ name }) => {
        logs.createLogGroup(name);
        return { id: name, arn: arn("logs", `log-group:${name}`) };
      },
      ({ name }) => logs.deleteLogGroup(name),
    ),
    "aws:codebuild/project:Project": kind(
      {
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
      },
      ["name"],
      (project) => {
        codebuild.putProject(project);
        return { id: arn("codebuild", `project/${project.name}`) };
      },
      ({ name }) => codebuild.deleteProject(name),
    ),
    "aws:codebuild/webhook:Webhook": kind(
      {
        projectName: string(),
        buildType: literal("BUILD"),
        filterGroups: array(
          strictObject({ filters: array(strictObject({ type: oneOf(["EVENT", "HEAD_REF"]), pattern: string() })) }),
        ),
      },
      ["projectName"],
      ({ projectName, filterGroups }) => ({
        id: projectName,
        payloadUrl: codebuild.putWebhook(projectName, filterGroups),
      }),
      ({ projectName }) => codebuild.deleteWebhook(projectName),
    ),
    "aws:codedeploy/application:Application": kind(
      { name: string(), computePlatform: literal("Lambda") },
      ["computePlatform", "name"],
      ({ name }) => ({ id: name, arn: arn("codedeploy", `application:${name}`) }),
    ),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": kind(
      {
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
      },
      ["appName"],
      ({ appName, deploymentGroupName: group, deploymentConfigName }) => {
        codedeploy.createDeploymentGroup(appName, group, deploymentConfigName);
        return { id: `${appName}:${group}`, arn: arn("codedeploy", `deploymentgroup:${appName}/${group}`) };
      },
      ({ appName, deploymentGroupName }) => codedeploy.deleteDeploymentGroup(appName, deploymentGroupName),
    ),
    // Roles and their policies are taken as they are: the local cloud enforces no permission but a function's own.
    "aws:iam/role:Role": kind({ description: string(), assumeRolePolicy: unknown() }, [], (_, name) => ({
      id: name,
      name,
      arn: `arn:aws:iam::${account.id}:role/${name}`,
    })),
    "aws:iam/rolePolicy:RolePolicy": kind({ role: string(), policy: unknown() }, ["role"], ({ role }, name) => ({
      id: `${role}:${name}`,
    })),
    "aws:lambda/alias:Alias": kind(
      { name: string(), functionName: string(), functionVersion: string() },
      ["name", "functionName"],
      ({ name, functionName, functionVersion }) => {
        const aliasArn = lambda.putAlias(functionName, name, functionVersion);
        const path = `path/2015-03-31/functions/${aliasArn}/invocations`;
        return { id: aliasArn, invokeArn: `arn:aws:apigateway:${account.region}:lambda:${path}` };
      },
      ({ functionName, name }) => lambda.deleteAlias(functionName, name),
    ),
    "aws:lambda/function:Function": kind(
      {
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
      },
      ["name"],
      async ({ code, loggingConfig, ...fn }, _, existing) => {
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
        const version = existing
          ? lambda.updateFunction(settings)
          : lambda.createFunction(settings, await readFile(await code.path));
        return { id: fn.name, arn: arn("lambda", `function:${fn.name}`), version };
      },
      ({ name }) => lambda.deleteFunction(name),
    ),
    "aws:lambda/permission:Permission": kind(
      {
        action: literal("lambda:InvokeFunction"),
        principal: literal("apigateway.amazonaws.com"),
        function: string(),
        qualifier: string(),
        sourceArn: string(),
      },
      ["action", "principal", "function", "qualifier", "sourceArn"],
      (permission, name) => {
        lambda.addPermission(permission.function, name, permission.qualifier, permission.sourceArn);
        return { id: name };
      },
      (permission, id) => lambda.removePermission(permission.function, id),
    ),
  };
}
