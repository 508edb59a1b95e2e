import { access, constants } from "node:fs/promises";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { Provider } from "@pulumi/pulumi/provider/index.js";
import { account } from "../aws/account.ts";
import { completed, type Kind } from "../aws/resourceKind.ts";
import type { LocalCloud } from "../cloud.ts";
import { acmResources } from "../services/acm/resources.ts";
import { apiGatewayResources } from "../services/apigatewayv2/resources.ts";
import { cloudwatchResources } from "../services/cloudwatch/resources.ts";
import { codeBuildResources } from "../services/codebuild/resources.ts";
import { codeDeployResources } from "../services/codedeploy/resources.ts";
import { eventsResources } from "../services/events/resources.ts";
import { iamResources, oidcProvider } from "../services/iam/resources.ts";
import { lambdaResources } from "../services/lambda/resources.ts";
import { logsResources } from "../services/logs/resources.ts";
import { route53Resources } from "../services/route53/resources.ts";
import { secretsManagerResources } from "../services/secretsmanager/resources.ts";
import { snsResources } from "../services/sns/resources.ts";
import { ssmResources } from "../services/ssm/resources.ts";

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
      const conflict = kind.conflict?.(plain(inputs));
      if (conflict && existing.has(`${type} ${conflict.id}`)) {
        throw new Error(`${name} (${type}): ${conflict.error}`);
      }
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

/** Every type and property that the program declares, and nothing else: what each service takes. */
export function typesOf(cloud: LocalCloud, root: string): Record<string, Kind> {
  return {
    ...acmResources(),
    ...apiGatewayResources(cloud.apiGateway),
    ...cloudwatchResources(cloud.cloudwatch),
    ...codeBuildResources(cloud.codebuild),
    ...codeDeployResources(cloud.codedeploy),
    ...eventsResources(cloud.eventBridge, cloud.codebuild, cloud.sns),
    ...iamResources(),
    ...lambdaResources(cloud.lambda, root),
    ...logsResources(cloud.logs),
    ...route53Resources(),
    ...secretsManagerResources(),
    ...snsResources(cloud.sns),
    ...ssmResources(cloud.parameters),
  };
}
