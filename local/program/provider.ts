import { access, constants, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { Provider } from "@pulumi/pulumi/provider/index.js";
import {
  array,
  boolean,
  instanceof as instanceOf,
  literal,
  looseObject,
  number,
  enum as oneOf,
  record,
  strictObject,
  string,
  tuple,
  unknown,
} from "zod";
import { alertResources } from "../alertResources.ts";
import { account, arn } from "../aws/account.ts";
import { autoName, completed, computed, type Kind, kind, randomHex, shorterThan } from "../aws/resourceKind.ts";
import type { LocalCloud } from "../cloud.ts";
import { domainResources } from "../domainResources.ts";
import { transformed } from "../services/events/eventBridge.ts";

/** What a provider function was asked for does not exist, which a program may have expected. */
export class NotFound extends Error {}

/** A provider with the whole life cycle of custom resources. */
export type LifeCycle = Required<Pick<Provider, "check" | "diff" | "create" | "read" | "update" | "delete" | "invoke">>;

/**
 * The AWS provider of a local cloud, for the in-process monitor and for Pulumi's engine. A resource type, a property or a value which the
 * local cloud does not know is an error that names it.
 *
 * @param root The project's folder, to which the paths of archives are relative: the engine starts the real provider there.
 * @see https://www.pulumi.com/docs/iac/concepts/providers/
 */
export function localProvider(cloud: LocalCloud, root: string): LifeCycle {
  const types = typesOf(cloud, root);
  /** The outputs of the resources there are, by type and id. */
  const existing = new Map<string, Record<string, unknown>>();
  const resourceOf = (urn: string): { type: string; name: string; kind: Kind } => {
    const [, , qualifiedType = "", name = ""] = urn.split("::");
    const type = qualifiedType.split("$").at(-1) ?? "";
    const kind = types[type];
    if (!kind) {
      throw new Error(`${name}: the local cloud has no resource of type ${type}`);
    }
    return { type, name, kind };
  };
  const oidcProviderOf = ({ url }: { readonly url: string }): object => {
    const found = [...existing].find(([key, outs]) => key.startsWith(`${oidcProvider} `) && outs.url === url);
    if (!found) {
      throw new NotFound(`finding IAM OIDC Provider by url (${url}): not found`);
    }
    return found[1];
  };
  return {
    async check(urn, _, news) {
      const { type, name, kind } = resourceOf(urn);
      const inputs = Object.entries(plain(news) as object);
      // Before anything exists, what a preview does not know yet can be of any kind.
      const known = inputs.filter(
        ([property, value]) => value !== pulumi.runtime.unknownValue || !kind.properties.includes(property),
      );
      const unknownNames = inputs.filter((input) => !known.includes(input)).map(([name]) => name);
      const checked = kind.inputs.safeParse(Object.fromEntries(known));
      const issues = (checked.error?.issues ?? []).filter(({ path }) => !unknownNames.includes(String(path[0])));
      const failures = issues.map(({ path, message }) => ({
        property: path.join("."),
        reason: `${name} (${type}): the local cloud does not take ${[...path, message].join(": ")}`,
      }));
      return { inputs: news, failures: [...failures, ...(await unreadable(known, root, `${name} (${type})`))] };
    },
    async diff(_id, urn, olds, news) {
      const { kind } = resourceOf(urn);
      const next = completed(kind.inputs, olds, news) as Record<string, unknown>;
      const changed = kind.properties.filter((property) => !isDeepStrictEqual(olds[property], next[property]));
      return { changes: changed.length > 0, replaces: changed.filter((property) => kind.replaceOn.includes(property)) };
    },
    async create(urn, inputs) {
      const { type, name, kind } = resourceOf(urn);
      const { id, ...outputs } = await kind.put(plain(inputs), name);
      const outs = { ...inputs, ...outputs };
      existing.set(`${type} ${id}`, outs);
      return { id, outs };
    },
    async read(id, urn, props) {
      const { type, kind } = resourceOf(urn);
      const outs = existing.get(`${type} ${id}`);
      if (!outs) {
        return {};
      }
      if (Object.keys(props ?? {}).length > 0) {
        return { id, props };
      }
      // An import.
      const inputs = kind.properties.filter((property) => outs[property] !== undefined);
      return { id, props: outs, inputs: Object.fromEntries(inputs.map((property) => [property, outs[property]])) };
    },
    async update(id, urn, olds, news) {
      const { name, kind } = resourceOf(urn);
      const next = completed(kind.inputs, olds, news) as Record<string, unknown>;
      const { id: _same, ...outputs } = await kind.put(plain(next), name, id);
      return { outs: { ...next, ...outputs } };
    },
    async delete(id, urn, props) {
      const { type, kind } = resourceOf(urn);
      await kind.delete?.(plain(props), id);
      existing.delete(`${type} ${id}`);
    },
    async invoke(token, inputs) {
      const outputs = token === getOidcProvider ? oidcProviderOf(inputs) : functions[token];
      if (!outputs) {
        throw new Error(`the local cloud does not answer ${token}`);
      }
      return { outputs };
    },
  };
}

/** The archives that cannot be opened: the bridged providers open each when they check a resource, in a preview as well. */
async function unreadable(inputs: readonly [property: string, value: unknown][], root: string, what: string) {
  const failures: { property: string; reason: string }[] = [];
  for (const [property, value] of inputs) {
    if (value instanceof pulumi.asset.FileArchive) {
      const path = resolve(root, await value.path);
      await access(path, constants.R_OK).catch(({ message }: Error) => {
        failures.push({ property, reason: `${what}: the archive ${property} cannot be opened: ${message}` });
      });
    }
  }
  return failures;
}

const oidcProvider = "aws:iam/openIdConnectProvider:OpenIdConnectProvider";
const getOidcProvider = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider";
const functions: Readonly<Record<string, Record<string, unknown>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: account.id },
  "aws:index/getPartition:getPartition": { partition: account.partition, dnsSuffix: "amazonaws.com" },
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

const policyDocument = looseObject({ Version: literal("2012-10-17"), Statement: array(unknown()) });
const eventPattern = strictObject({
  source: array(string()),
  "detail-type": array(string()),
  detail: record(string(), array(string())),
});
const startBuildInput = strictObject({ sourceVersion: string() });

/** Every type and property that the program declares, and nothing else. */
export function typesOf(cloud: LocalCloud, root: string): Record<string, Kind> {
  const { apiGateway, codebuild, codedeploy, eventBridge, lambda, logs, parameters, sns } = cloud;
  /** An account has one of each URL. */
  const oidcProviders = new Set<string>();
  return {
    ...alertResources(cloud),
    ...domainResources(),
    "aws:apigatewayv2/api:Api": kind(
      {
        name: string().max(128),
        description: string().max(1024),
        protocolType: literal("HTTP"),
        corsConfiguration: strictObject({
          allowOrigins: array(string()),
          allowMethods: array(string()),
          allowHeaders: array(string()),
          maxAge: number(),
        }).optional(),
        disableExecuteApiEndpoint: literal(true).optional(),
      },
      ["protocolType"],
      async ({ corsConfiguration }, _name, existing) => {
        const api = existing ? apiGateway.api(existing) : await apiGateway.createApi();
        api.putCors(corsConfiguration);
        return { id: api.id, apiEndpoint: api.url, executionArn: arn("execute-api", api.id) };
      },
      (_, id) => apiGateway.deleteApi(id),
    ),
    "aws:apigatewayv2/stage:Stage": kind(
      {
        apiId: string(),
        name: literal("$default"),
        autoDeploy: literal(true),
        defaultRouteSettings: strictObject({ throttlingRateLimit: number(), throttlingBurstLimit: number() }),
        accessLogSettings: strictObject({ destinationArn: string(), format: string() }),
      },
      ["apiId", "name"],
      ({ apiId, name, defaultRouteSettings, accessLogSettings: { destinationArn, format } }) => {
        const logGroup = destinationArn.split(":log-group:")[1] ?? "";
        apiGateway.api(apiId).putStage(name, logGroup, format, defaultRouteSettings);
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
    "aws:apigatewayv2/authorizer:Authorizer": kind(
      {
        apiId: string(),
        name: string().max(128),
        authorizerType: literal("JWT"),
        identitySources: tuple([literal("$request.header.Authorization")]),
        jwtConfiguration: strictObject({ issuer: string(), audiences: array(string()) }),
      },
      ["apiId"],
      ({ apiId, jwtConfiguration }, _, id) => ({ id: apiGateway.api(apiId).putAuthorizer(jwtConfiguration, id) }),
      ({ apiId }, id) => apiGateway.api(apiId).deleteAuthorizer(id),
    ),
    "aws:apigatewayv2/route:Route": kind(
      {
        apiId: string(),
        routeKey: string().regex(/^[A-Z]+ \/[\w/-]*$/),
        target: string(),
        authorizationType: literal("JWT").optional(),
        authorizerId: string().optional(),
      },
      ["apiId", "routeKey"],
      ({ apiId, routeKey, target, authorizerId }) => {
        apiGateway.api(apiId).putRoute(routeKey, target.replace("integrations/", ""), authorizerId);
        return { id: routeKey };
      },
      ({ apiId, routeKey }) => apiGateway.api(apiId).deleteRoute(routeKey),
    ),
    "aws:cloudwatch/logGroup:LogGroup": kind(
      { name: string().max(512), retentionInDays: number() },
      ["name"],
      ({ name }) => {
        logs.createLogGroup(name);
        return { id: name, arn: arn("logs", `log-group:${name}`) };
      },
      ({ name }) => logs.deleteLogGroup(name),
    ),
    "aws:codebuild/project:Project": kind(
      {
        name: string().max(150),
        description: string().max(255),
        serviceRole: string(),
        source: strictObject({
          type: literal("GITHUB"),
          location: string(),
          gitCloneDepth: literal(0),
          buildspec: string(),
          auth: strictObject({ type: oneOf(["CODECONNECTIONS", "SECRETS_MANAGER"]), resource: string() }),
          reportBuildStatus: boolean().optional(),
          buildStatusConfig: strictObject({ context: string() }).optional(),
        }),
        sourceVersion: string(),
        environment: strictObject({
          type: oneOf(["LINUX_CONTAINER", "ARM_CONTAINER", "LINUX_LAMBDA_CONTAINER", "ARM_LAMBDA_CONTAINER"]),
          computeType: string(),
          image: string(),
          environmentVariables: array(
            strictObject({ name: string().regex(/^(?!CODEBUILD_)/, "is CodeBuild's own"), value: string() }),
          ).refine(shorterThan(5500), "CodeBuild takes 5500 characters of environment variables"),
        }),
        artifacts: strictObject({ type: literal("NO_ARTIFACTS") }),
        logsConfig: strictObject({
          cloudwatchLogs: strictObject({ status: literal("ENABLED"), groupName: string() }),
        }),
        buildTimeout: number().optional(),
      },
      ["name"],
      (project) => {
        codebuild.putProject(project);
        const projectArn = arn("codebuild", `project/${project.name}`);
        return { id: projectArn, arn: projectArn };
      },
      ({ name }) => codebuild.deleteProject(name),
    ),
    "aws:codebuild/webhook:Webhook": kind(
      {
        projectName: string(),
        buildType: literal("BUILD"),
        filterGroups: array(
          strictObject({
            filters: array(strictObject({ type: oneOf(["EVENT", "HEAD_REF", "BASE_REF"]), pattern: string() })),
          }),
        ),
        pullRequestBuildPolicy: computed(
          strictObject({
            requiresCommentApproval: literal("FORK_PULL_REQUESTS"),
            approverRoles: array(oneOf(["GITHUB_ADMIN", "GITHUB_MAINTAIN", "GITHUB_WRITE"])),
          }),
        ),
      },
      ["projectName"],
      ({ projectName, filterGroups, pullRequestBuildPolicy }) => ({
        id: projectName,
        payloadUrl: codebuild.putWebhook(projectName, filterGroups, pullRequestBuildPolicy),
      }),
      ({ projectName }) => codebuild.deleteWebhook(projectName),
    ),
    "aws:cloudwatch/eventRule:EventRule": kind(
      {
        description: string().max(512),
        eventPattern: string().refine((text) => eventPattern.safeParse(JSON.parse(text)).success, "is not known"),
      },
      [],
      (rule, logicalName, existing) => {
        const name = existing ?? autoName(logicalName, 64);
        eventBridge.putRule(name, eventPattern.parse(JSON.parse(rule.eventPattern)));
        return { id: name, name, arn: arn("events", `rule/${name}`) };
      },
      (_, id) => eventBridge.deleteRule(id),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": kind(
      {
        rule: string(),
        arn: string(),
        roleArn: string().optional(),
        input: string().optional(),
        inputTransformer: strictObject({
          inputPaths: record(string().regex(/^(?!AWS)\w+$/), string().regex(/^\$\.detail(\.[\w-]+)+$/)),
          inputTemplate: string(),
        }).optional(),
      },
      ["rule"],
      ({ rule, arn: targetArn, input, inputTransformer }, logicalName, existing) => {
        const id = existing ?? autoName(logicalName, 64);
        const [, projectName] = targetArn.split(":project/");
        if (projectName !== undefined && input !== undefined) {
          const { sourceVersion } = startBuildInput.parse(JSON.parse(input));
          eventBridge.putTarget(id, rule, () => codebuild.startBuild(projectName, sourceVersion, `rule/${rule}`));
        } else if (sns.hasTopic(targetArn) && inputTransformer) {
          const publisher = { service: "events.amazonaws.com" } as const;
          eventBridge.putTarget(id, rule, (event) =>
            sns.publish(publisher, targetArn, transformed(event, inputTransformer)),
          );
        } else {
          const known = "start CodeBuild projects with an input, and publish to SNS topics with an input transformer";
          throw new Error(`${logicalName}: the local cloud's rules ${known} only, not ${targetArn}`);
        }
        return { id };
      },
      (_, id) => eventBridge.deleteTarget(id),
    ),
    "aws:codedeploy/application:Application": kind(
      { name: string().max(100), computePlatform: literal("Lambda") },
      ["computePlatform", "name"],
      ({ name }) => ({ id: name, arn: arn("codedeploy", `application:${name}`) }),
    ),
    "aws:codedeploy/deploymentConfig:DeploymentConfig": kind(
      {
        computePlatform: literal("Lambda"),
        trafficRoutingConfig: strictObject({
          type: oneOf(["TimeBasedCanary", "TimeBasedLinear"]),
          timeBasedCanary: strictObject({ percentage: number(), interval: number() }).optional(),
          timeBasedLinear: strictObject({ percentage: number(), interval: number() }).optional(),
        }),
      },
      ["computePlatform", "trafficRoutingConfig"],
      ({ trafficRoutingConfig: { type, timeBasedCanary: canary, timeBasedLinear: linear } }, logicalName) => {
        const name = autoName(logicalName, 100);
        codedeploy.createDeploymentConfig(name, {
          type,
          ...(canary && {
            timeBasedCanary: { canaryPercentage: canary.percentage, canaryInterval: canary.interval },
          }),
          ...(linear && {
            timeBasedLinear: { linearPercentage: linear.percentage, linearInterval: linear.interval },
          }),
        });
        return { id: name, deploymentConfigName: name, arn: arn("codedeploy", `deploymentconfig:${name}`) };
      },
      (_, id) => codedeploy.deleteDeploymentConfig(id),
    ),
    "aws:codedeploy/deploymentGroup:DeploymentGroup": kind(
      {
        appName: string(),
        deploymentGroupName: string().max(100),
        deploymentConfigName: string(),
        serviceRoleArn: string(),
        deploymentStyle: strictObject({
          deploymentType: literal("BLUE_GREEN"),
          deploymentOption: literal("WITH_TRAFFIC_CONTROL"),
        }),
        autoRollbackConfiguration: strictObject({
          enabled: literal(true),
          events: array(oneOf(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"])),
        }),
      },
      ["appName"],
      ({ appName, deploymentGroupName: group, deploymentConfigName, autoRollbackConfiguration }) => {
        codedeploy.putDeploymentGroup(appName, group, { deploymentConfigName, autoRollbackConfiguration });
        return { id: `${appName}:${group}`, arn: arn("codedeploy", `deploymentgroup:${appName}/${group}`) };
      },
      ({ appName, deploymentGroupName }) => codedeploy.deleteDeploymentGroup(appName, deploymentGroupName),
    ),
    // Roles, policies and secrets are taken as they are: the local cloud enforces no permission but a function's own.
    "aws:iam/role:Role": kind(
      {
        description: string().max(1000),
        assumeRolePolicy: policyDocument.refine(shorterThan(2048), "IAM takes 2048 characters of a trust policy"),
      },
      [],
      (_, logicalName, existing) => {
        const name = existing ?? autoName(logicalName, 64);
        return { id: name, name, arn: `arn:aws:iam::${account.id}:role/${name}` };
      },
    ),
    [oidcProvider]: kind(
      {
        url: literal("https://token.actions.githubusercontent.com"),
        clientIdLists: array(literal("sts.amazonaws.com")),
      },
      ["url"],
      ({ url }, _, existing) => {
        const providerArn = `arn:aws:iam::${account.id}:oidc-provider/${new URL(url).host}`;
        if (existing === undefined && oidcProviders.has(providerArn)) {
          throw new Error(`EntityAlreadyExists: Provider with url ${url} already exists.`);
        }
        oidcProviders.add(providerArn);
        return { id: providerArn, arn: providerArn };
      },
      (_, id) => void oidcProviders.delete(id),
    ),
    "aws:iam/rolePolicy:RolePolicy": kind(
      {
        role: string(),
        policy: policyDocument.refine(shorterThan(10_240), "IAM takes 10240 characters of inline policies"),
      },
      ["role"],
      ({ role }, logicalName, existing) => ({ id: existing ?? `${role}:${autoName(logicalName, 128)}` }),
    ),
    "aws:secretsmanager/secret:Secret": kind(
      {
        description: string().max(2048),
        kmsKeyId: string().optional(),
        recoveryWindowInDays: literal(0),
        tags: record(string(), string()),
      },
      [],
      (_, logicalName, existing) => {
        // Secrets Manager adds six characters to the name.
        const id = existing ?? arn("secretsmanager", `secret:${autoName(logicalName, 512)}-${randomHex(6)}`);
        return { id, arn: id };
      },
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": kind(
      { secretId: string(), secretString: string().max(65_536) },
      ["secretId"],
      ({ secretId }) => ({ id: `${secretId}|${randomHex(8)}`, arn: secretId }),
    ),
    "aws:ssm/parameter:Parameter": kind(
      {
        name: string().max(1011),
        description: string().max(1024),
        type: literal("String"),
        insecureValue: string().max(4096),
      },
      ["name"],
      ({ name, insecureValue }) => {
        parameters.put(name, insecureValue);
        return { id: name, arn: arn("ssm", `parameter${name}`) };
      },
      ({ name }) => parameters.delete(name),
    ),
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
        name: string().max(64),
        role: string(),
        runtime: literal("nodejs24.x"),
        architectures: array(oneOf(["arm64", "x86_64"])),
        handler: string(),
        code: instanceOf(pulumi.asset.FileArchive),
        memorySize: number().min(128).max(10_240),
        timeout: number().min(1).max(900),
        environment: strictObject({
          variables: record(string(), string()).refine(shorterThan(4096), "Lambda takes 4 KB of environment variables"),
        }).optional(),
        loggingConfig: strictObject({ logFormat: literal("JSON"), logGroup: string() }),
        publish: literal(true),
        tracingConfig: computed(strictObject({ mode: oneOf(["Active", "PassThrough"]) })),
      },
      ["name"],
      async ({ code, environment, loggingConfig, tracingConfig, ...fn }, _, existing) => {
        const settings = {
          FunctionName: fn.name,
          Role: fn.role,
          Runtime: fn.runtime,
          Architectures: fn.architectures,
          Handler: fn.handler,
          MemorySize: fn.memorySize,
          Timeout: fn.timeout,
          Environment: environment && { Variables: environment.variables },
          LoggingConfig: { LogFormat: loggingConfig.logFormat, LogGroup: loggingConfig.logGroup },
          TracingConfig: { Mode: tracingConfig?.mode ?? "PassThrough" },
        };
        const version = existing
          ? lambda.updateFunction(settings)
          : lambda.createFunction(settings, await readFile(resolve(root, await code.path)));
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
