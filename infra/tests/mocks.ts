import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceOutputsRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { dnsSuffixes, type Inputs, type Made, resourcesOf } from "./awsResources.ts";

/** The stack that something is declared for. */
export interface Stack {
  readonly project: string;
  readonly stack: string;
  /** The settings, without the project's name before the key. */
  readonly config: Readonly<Record<string, string>>;
  /** The settings that are encrypted. */
  readonly secretConfig?: Readonly<Record<string, string>>;
  /** Settings of the AWS provider, e.g. `aws:defaultTags`. */
  readonly awsConfig?: Readonly<Record<string, string>>;
  /** Whether nothing exists yet, so that ids and outputs are unknown. */
  readonly preview?: boolean;
  readonly partition?: string;
  readonly region?: string;
  readonly account?: string;
  /** The account's OIDC provider of GitHub, where it has one already. */
  readonly oidcProvider?: string;
}

/** A stack with the settings that have no default. */
export const dev = {
  project: "push-to-live",
  stack: "dev",
  config: {
    repository: "https://github.com/owner/name",
    connectionArn: "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555",
  },
} as const satisfies Stack;

/** A resource as the program declared it. Resources are told apart by type and name, e.g. `iam.Role deploy-role`, `HttpApi http`. */
export interface Registration {
  /** The type's token, e.g. `aws:iam/role:Role`. */
  readonly type: string;
  /** The resource's own type and name. */
  readonly key: string;
  readonly custom: boolean;
  readonly inputs: Inputs;
  readonly parent: string | undefined;
  /** What has to exist before: where an input comes from, and `dependsOn`. In order of name. */
  readonly dependencies: readonly string[];
  /** The other resource options that are set. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What was declared: every registration has answered, and none has failed. */
export interface Evaluation<T> {
  /** What the evaluated function returned. */
  readonly result: T;
  readonly registrations: readonly Registration[];
  /** The provider functions that were called, each once, in order of name. */
  readonly calls: readonly string[];
  /** The outputs that each component registered, by its key. */
  readonly componentOutputs: Readonly<Record<string, Inputs>>;
}

/** Something that was evaluated has thrown, or a registration or call has failed. */
export class EvaluationError extends Error {
  readonly registrations: readonly Registration[];

  constructor(problems: ReadonlySet<unknown>, registrations: readonly Registration[]) {
    const [cause] = problems;
    const messages = [...problems].map((problem) => (problem instanceof Error ? problem.message : String(problem)));
    super([...new Set(messages)].join("\n"), { cause });
    this.registrations = registrations;
  }
}

/**
 * Runs `declare` under Pulumi's mocks, in a runtime of its own, and waits for everything that it registered.
 *
 * @throws {EvaluationError} with every problem, also those that nothing waited for.
 */
export async function evaluate<T>(stack: Stack, declare: () => T | Promise<T>): Promise<Evaluation<T>> {
  const { project, preview = false, config, secretConfig = {}, awsConfig = {} } = stack;
  const problems = new Set<unknown>();
  const mocks = new StrictMocks(stack, problems);
  await pulumi.runtime.setMocks(mocks, project, stack.stack, preview);
  const qualified = (key: string): string => `${project}:${key}`;
  const own = Object.entries({ ...config, ...secretConfig }).map(([key, value]) => [qualified(key), value]);
  pulumi.runtime.setAllConfig({ ...Object.fromEntries(own), ...awsConfig }, Object.keys(secretConfig).map(qualified));
  const recorder = new Recorder(pulumi.runtime.getMonitor(), problems);

  const note = (problem: unknown): void => {
    problems.add(problem);
  };
  // mocha drops the rejections that nothing handles.
  process.on("unhandledRejection", note);
  try {
    const result = await declare();
    await settled();
    if (problems.size === 0) {
      const { registrations, componentOutputs } = recorder;
      return { result, registrations, componentOutputs, calls: [...mocks.calls].sort() };
    }
  } catch (error) {
    problems.add(error);
    await settled();
  } finally {
    process.off("unhandledRejection", note);
  }
  throw new EvaluationError(problems, recorder.registrations);
}

/** The value of an output; rejects when it failed, or is or holds an unknown. */
export async function valueFrom(output: unknown): Promise<unknown> {
  return (await resolved(output)).value;
}

/** The resources that an output waits for, in order of name. */
export async function dependenciesOf(output: unknown): Promise<string[]> {
  const { resources } = await resolved(output);
  const urns = await Promise.all([...resources].map(async ({ urn }) => String(await valueFrom(urn))));
  return urns.map(keyOfUrn).sort();
}

/** The only registration with this key, e.g. `iam.Role deploy-role`. */
export function only(registrations: readonly Registration[], key: string): Registration {
  const [registration, ...others] = registrations.filter((candidate) => candidate.key === key);
  if (!registration || others.length > 0) {
    throw new Error(`${registration ? others.length + 1 : "no"} registrations of ${key}`);
  }
  return registration;
}

/** The error with which an evaluation fails. */
export async function failureOf(evaluation: Promise<unknown>): Promise<EvaluationError> {
  try {
    await evaluation;
  } catch (error) {
    if (error instanceof EvaluationError) {
      return error;
    }
    throw error;
  }
  throw new Error("it did not fail");
}

async function resolved(output: unknown): Promise<{ value: unknown; resources: ReadonlySet<pulumi.Resource> }> {
  const resources = new Set<pulumi.Resource>();
  const value: unknown = await pulumi.runtime.serializeProperty("value", output, resources);
  if (JSON.stringify(value)?.includes(pulumi.runtime.unknownValue)) {
    throw new Error("the value is unknown");
  }
  return { value, resources };
}

/** Every registration has answered, and rejections that nothing handles have been noticed. */
async function settled(): Promise<void> {
  await pulumi.runtime.disconnect();
  await setImmediate();
}

/** The key of `urn:pulumi:<stack>::<project>::<parent's type>$<type>::<name>`. */
function keyOfUrn(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  return keyOf(types.split("$").at(-1) ?? "", name);
}

/** `iam.Role <name>` of the type `aws:iam/role:Role`, `HttpApi <name>` of `infra:index:HttpApi`. */
function keyOf(type: string, name: string): string {
  const [, module = "", typeName] = type.split(":");
  return module === "index" ? `${typeName} ${name}` : `${module.split("/")[0]}.${typeName} ${name}`;
}

/** Notes what each registration asks for, options included, which Pulumi's `Mocks` do not see. */
class Recorder {
  readonly registrations: Registration[] = [];
  readonly componentOutputs: Record<string, Inputs> = {};
  /** The mock monitor takes a URN twice; the engine does not. */
  readonly #urns = new Set<string>();

  constructor(monitor: unknown, problems: Set<unknown>) {
    if (!(monitor instanceof MockMonitor)) {
      throw new Error("the mocks are not in place");
    }
    const register = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request: RegisterResourceRequest, answer) => {
      this.registrations.push({
        type: request.getType(),
        key: keyOf(request.getType(), request.getName()),
        custom: request.getCustom(),
        inputs: deserialized(request),
        parent: request.getParent() ? keyOfUrn(request.getParent()) : undefined,
        dependencies: request.getDependenciesList().map(keyOfUrn).sort(),
        options: optionsOf(request),
      });
      const urn = [request.getParent().split("::")[2], request.getType(), request.getName()].join(" ");
      if (this.#urns.has(urn)) {
        problems.add(new Error(`${request.getName()}: a second ${request.getType()} of this name has the same URN`));
      }
      this.#urns.add(urn);
      return register(request, answer);
    };
    const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
    monitor.registerResourceOutputs = (request: RegisterResourceOutputsRequest, answer) => {
      const outputs = request.getOutputs();
      this.componentOutputs[keyOfUrn(request.getUrn())] = outputs ? pulumi.runtime.deserializeProperties(outputs) : {};
      registerOutputs(request, answer);
    };
  }
}

function deserialized(request: RegisterResourceRequest): Inputs {
  const inputs = request.getObject();
  return inputs ? pulumi.runtime.deserializeProperties(inputs) : {};
}

function optionsOf(request: RegisterResourceRequest): Record<string, unknown> {
  const options = {
    deleteBeforeReplace: request.getDeletebeforereplace(),
    ignoreChanges: request.getIgnorechangesList(),
    import: request.getImportid(),
    protect: request.getProtect(),
    provider: request.getProvider(),
    replacementTrigger: request.getReplacementTrigger()?.toJavaScript(),
    replaceOnChanges: request.getReplaceonchangesList(),
    retainOnDelete: request.getRetainondelete(),
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value)),
  );
}

/** Knows the types and provider functions that the program uses, and refuses every other. */
class StrictMocks implements pulumi.runtime.Mocks {
  readonly calls = new Set<string>();
  readonly #problems: Set<unknown>;
  readonly #preview: boolean;
  readonly #make: Readonly<Record<string, (inputs: Inputs, name: string) => Made>>;
  readonly #answers: Readonly<Record<string, Inputs>>;
  readonly #oidcProvider: string | undefined;

  constructor(
    { partition = "aws", region = "eu-west-1", account = "123456789012", preview = false, oidcProvider }: Stack,
    problems: Set<unknown>,
  ) {
    this.#problems = problems;
    this.#preview = preview;
    this.#make = resourcesOf(partition, region, account);
    this.#answers = {
      "aws:index/getCallerIdentity:getCallerIdentity": { id: account, accountId: account },
      "aws:index/getPartition:getPartition": { id: partition, partition, dnsSuffix: dnsSuffixes[partition] },
      "aws:index/getRegion:getRegion": { id: region, region },
    };
    this.#oidcProvider = oidcProvider;
  }

  newResource({ type, name, inputs, custom }: pulumi.runtime.MockResourceArgs): pulumi.runtime.MockResourceResult {
    const make = this.#make[type];
    if (custom ? !make : !componentTypes.has(type)) {
      throw this.#problem(`${name}: the mocks have no ${custom ? "resource" : "component"} of type ${type}`);
    }
    if (!make || this.#preview) {
      return { id: undefined, state: inputs };
    }
    const { id, ...outputs } = make(inputs, name);
    return { id, state: { ...inputs, ...outputs } };
  }

  call({ token, inputs }: pulumi.runtime.MockCallArgs): pulumi.runtime.MockCallResult {
    this.calls.add(token);
    if (token === "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider") {
      if (this.#oidcProvider === undefined) {
        throw new Error("finding IAM OIDC Provider: not found");
      }
      return { ...inputs, id: this.#oidcProvider, arn: this.#oidcProvider };
    }
    const answer = this.#answers[token];
    if (!answer || Object.keys(inputs).length > 0) {
      throw this.#problem(`the mocks do not answer ${token} ${JSON.stringify(inputs)}`);
    }
    return answer;
  }

  #problem(message: string): Error {
    const problem = new Error(message);
    this.#problems.add(problem);
    return problem;
  }
}

const componentTypes = new Set([
  "infra:index:BuildProject",
  "infra:index:CodeDeployApplication",
  "infra:index:ConfigurationRelease",
  "infra:index:CustomDomain",
  "infra:index:DeploymentGroup",
  "infra:index:HttpApi",
  "infra:index:LiveFunction",
  "infra:index:Monitoring",
  "infra:index:PreviewRole",
  "infra:index:TokenSecret",
]);
