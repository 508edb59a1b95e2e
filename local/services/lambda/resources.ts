import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { array, instanceof as instanceOf, literal, number, enum as oneOf, record, strictObject, string } from "zod";
import { account, arn } from "../../aws/account.ts";
import { computed, type Kind, kind, shorterThan } from "../../aws/resourceKind.ts";
import type { Lambda } from "./lambda.ts";

/**
 * Functions with an alias and who may call that.
 *
 * @param root The folder to which the paths of archives are relative.
 * @see https://www.pulumi.com/registry/packages/aws/api-docs/lambda/
 */
export function lambdaResources(lambda: Lambda, root: string): Record<string, Kind> {
  return {
    "aws:lambda/alias:Alias": kind(
      { name: string(), functionName: string(), functionVersion: string() },
      ["name", "functionName"],
      ({ name, functionName, functionVersion }) => {
        const aliasArn = lambda.putAlias(functionName, name, functionVersion);
        const path = `path/2015-03-31/functions/${aliasArn}/invocations`;
        return { id: aliasArn, invokeArn: `arn:aws:apigateway:${account.region}:lambda:${path}` };
      },
      ({ functionName, name }) => lambda.deleteAlias(functionName, name),
      ({ functionName, name }) => {
        const id = arn("lambda", `function:${functionName}:${name}`);
        return { id, error: `ResourceConflictException: Alias already exists: ${id}` };
      },
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
      ({ name }) => ({ id: name, error: `ResourceConflictException: Function already exist: ${name}` }),
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
