import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type {
  AliasConfiguration,
  FunctionConfiguration,
  UpdateAliasRequest as UpdateAliasInput,
} from "@aws-sdk/client-lambda";
import * as schemas from "@aws-sdk/client-lambda";
import { unzipSync } from "fflate";
import { arn } from "../../aws/account.ts";
import { AwsError, type AwsService, operation } from "../../aws/awsEndpoint.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { Environments, type InvocationResult } from "./environments.ts";

/** What a function is created with, in Lambda's own words. `MemorySize` is in MB, `Timeout` in seconds. */
export interface FunctionSettings extends Omit<FunctionConfiguration, "Version" | "CodeSha256"> {
  readonly FunctionName: string;
  readonly Handler: string;
  readonly MemorySize: number;
  readonly Timeout: number;
  readonly LoggingConfig: { readonly LogFormat: "JSON"; readonly LogGroup: string };
}

const latest = "$LATEST";
/** How long an update or a new version takes to settle, in ms: long enough for a caller that does not wait to be caught. */
const settleMs = 40;

/** What Lambda works with. */
export interface LambdaArgs {
  /** Where the zips are unpacked. */
  readonly directory: string;
  /** The address of the local AWS endpoint, which functions call. */
  readonly url: () => string;
  readonly logs: CloudWatchLogs;
  readonly cloudwatch: CloudWatch;
  /** A number from 0 to 1, without it, for each request to an alias with two versions. */
  readonly random: () => number;
  /** Whether no caller may delete a version. */
  readonly deniesDeletion: boolean;
}

/** Lambda's functions, versions and aliases. */
export class Lambda {
  readonly #args: LambdaArgs;
  readonly #functions = new Map<string, FunctionRecord>();

  constructor(args: LambdaArgs) {
    this.#args = args;
  }

  /** Creates a function and publishes its first version, as the provider does with `publish: true`; returns that version. */
  createFunction(settings: FunctionSettings, zip: Uint8Array): string {
    const fn: FunctionRecord = {
      latest: {
        ...settings,
        ...this.#unpack(zip),
        FunctionArn: arn("lambda", `function:${settings.FunctionName}`),
        Version: latest,
        State: "Active",
        LastUpdateStatus: "Successful",
        RevisionId: randomUUID(),
      },
      versions: new Map(),
      published: 0,
      aliases: new Map(),
      sources: new Map(),
      environments: new Map(),
    };
    this.#functions.set(settings.FunctionName, fn);
    return publish(fn, "").Version;
  }

  /** Changes a function's settings and publishes a version, as the provider does with `publish: true`; returns that version. */
  updateFunction(settings: FunctionSettings): string {
    const fn = this.#find(settings.FunctionName);
    fn.latest = { ...fn.latest, ...settings, RevisionId: randomUUID() };
    return publish(fn, "").Version;
  }

  async deleteFunction(functionName: string): Promise<void> {
    const fn = this.#find(functionName);
    this.#functions.delete(functionName);
    await Promise.all([...fn.environments.values()].map((each) => each.close()));
  }

  /**
   * Creates an alias, or points it to another version and keeps its description, and returns its ARN.
   * @param weights The share of requests, from 0 to 1, that another version gets.
   */
  putAlias(
    functionName: string,
    name: string,
    version: string,
    weights: Readonly<Record<string, number>> = {},
  ): string {
    const fn = this.#find(functionName);
    for (const each of [version, ...Object.keys(weights)]) {
      find(fn, each);
    }
    const AliasArn = arn("lambda", `function:${functionName}:${name}`);
    const { RoutingConfig: _, ...known } = fn.aliases.get(name) ?? { Description: "" };
    const isWeighted = Object.keys(weights).length > 0;
    fn.aliases.set(name, {
      ...known,
      AliasArn,
      Name: name,
      FunctionVersion: version,
      ...(isWeighted && { RoutingConfig: { AdditionalVersionWeights: weights } }),
      RevisionId: randomUUID(),
    });
    return AliasArn;
  }

  /**
   * What a version or `$LATEST` of a function is, or the version that an alias refers to; where that is two, the one without a weight.
   * @throws {AwsError} when there is no such function, version or alias.
   */
  resolve(functionName: string, qualifier: string): Configuration {
    const fn = this.#find(functionName);
    return find(fn, fn.aliases.get(qualifier)?.FunctionVersion ?? qualifier);
  }

  /** @throws {AwsError} when the function or the alias does not exist. */
  getAlias(functionName: string, name: string): AliasConfiguration {
    const alias = this.#find(functionName).aliases.get(name);
    if (!alias) {
      throw notFound(`${functionName}:${name}`);
    }
    return alias;
  }

  deleteAlias(functionName: string, name: string): void {
    this.#functions.get(functionName)?.aliases.delete(name);
  }

  /** Lets API Gateway call an alias on behalf of `sourceArn`, in which `*` stands for anything. */
  addPermission(functionName: string, statementId: string, qualifier: string, sourceArn: string): void {
    const parts = sourceArn.split("*").map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"));
    this.#find(functionName).sources.set(statementId, new RegExp(`^${qualifier} ${parts.join(".*")}$`));
  }

  removePermission(functionName: string, statementId: string): void {
    this.#functions.get(functionName)?.sources.delete(statementId);
  }

  /** Whether API Gateway may call an alias on behalf of `sourceArn`. */
  allows(functionName: string, qualifier: string, sourceArn: string): boolean {
    return [...this.#find(functionName).sources.values()].some((source) => source.test(`${qualifier} ${sourceArn}`));
  }

  /**
   * Invokes an alias, a version or `$LATEST`.
   * @param event JSON.
   */
  async invoke(functionName: string, qualifier: string, event: string): Promise<InvocationResult> {
    const fn = this.#find(functionName);
    const configuration = this.#choose(functionName, qualifier);
    // A version never changes; what $LATEST is made of does.
    const key = configuration.Version === latest ? `${configuration.RevisionId}` : configuration.Version;
    const environments =
      fn.environments.get(key) ??
      new Environments(
        configuration,
        { taskRoot: this.#codeDirectory(configuration.CodeSha256), url: this.#args.url() },
        (stream, line) => this.#args.logs.put(configuration.LoggingConfig.LogGroup, stream, line),
      );
    fn.environments.set(key, environments);
    const started = performance.now();
    const result = await environments.invoke(event, arn("lambda", `function:${functionName}:${qualifier}`));
    const executed = fn.aliases.has(qualifier) ? configuration.Version : undefined;
    this.#putMetrics(functionName, qualifier, executed, performance.now() - started, result.error !== undefined);
    return result;
  }

  /** What a request gets: where an alias refers to two versions, one of them by its weight. */
  #choose(functionName: string, qualifier: string): Configuration {
    const fn = this.#find(functionName);
    const weights = fn.aliases.get(qualifier)?.RoutingConfig?.AdditionalVersionWeights ?? {};
    const [[other, weight] = []] = Object.entries(weights);
    const isOther = other !== undefined && weight !== undefined && this.#args.random() < weight;
    return isOther ? find(fn, other) : this.resolve(functionName, qualifier);
  }

  /** @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html */
  #putMetrics(
    FunctionName: string,
    qualifier: string,
    executed: string | undefined,
    ms: number,
    failed: boolean,
  ): void {
    const Resource = `${FunctionName}:${qualifier}`;
    const dimensions = [
      { FunctionName },
      { FunctionName, Resource },
      ...(executed === undefined ? [] : [{ FunctionName, Resource, ExecutedVersion: executed }]),
    ];
    for (const each of dimensions) {
      this.#args.cloudwatch.putMetric("AWS/Lambda", "Invocations", each, 1);
      this.#args.cloudwatch.putMetric("AWS/Lambda", "Errors", each, failed ? 1 : 0);
      this.#args.cloudwatch.putMetric("AWS/Lambda", "Duration", each, ms);
    }
  }

  /** Ends every execution environment. */
  async close(): Promise<void> {
    const environments = [...this.#functions.values()].flatMap((fn) => [...fn.environments.values()]);
    await Promise.all(environments.map((each) => each.close()));
  }

  /** What the AWS endpoint serves of Lambda. */
  get service(): AwsService {
    type Named = { FunctionName: string };
    type Qualified = Named & { Qualifier?: string };
    const configurationOf = ({ FunctionName, Qualifier = latest }: Qualified): Configuration =>
      this.resolve(FunctionName, Qualifier);
    return {
      signingName: "lambda",
      schemas,
      operations: {
        DeleteFunction: operation<Qualified>(["FunctionName", "Qualifier"], async (input) => {
          if (this.#args.deniesDeletion) {
            const functionArn = arn("lambda", `function:${input.FunctionName}`);
            throw new AwsError(
              "AccessDeniedException",
              `the caller is not authorized to perform: lambda:DeleteFunction on resource: ${functionArn} because no identity-based policy allows the lambda:DeleteFunction action`,
            );
          }
          await this.#deleteVersion(input.FunctionName, input.Qualifier);
          return {};
        }),
        GetAlias: operation<Named & { Name: string }>(["FunctionName", "Name"], (input) =>
          this.getAlias(input.FunctionName, input.Name),
        ),
        GetFunction: operation<Qualified>(["FunctionName", "Qualifier"], (input) => ({
          Configuration: configurationOf(input),
        })),
        GetFunctionConfiguration: operation<Qualified>(["FunctionName", "Qualifier"], configurationOf),
        Invoke: operation<Qualified & { Payload: Uint8Array }>(
          ["FunctionName", "Qualifier", "Payload"],
          async ({ FunctionName, Qualifier = latest, Payload }) => {
            const { payload, error } = await this.invoke(
              FunctionName,
              Qualifier,
              Buffer.from(Payload).toString() || "{}",
            );
            return { FunctionError: error, Payload: Buffer.from(payload) };
          },
        ),
        ListAliases: operation<Named>(["FunctionName"], ({ FunctionName }) => ({
          Aliases: [...this.#find(FunctionName).aliases.values()],
        })),
        ListVersionsByFunction: operation<Named>(["FunctionName"], ({ FunctionName }) => {
          const fn = this.#find(FunctionName);
          return { Versions: [fn.latest, ...fn.versions.values()] };
        }),
        PublishVersion: operation<Named & { CodeSha256?: string; Description?: string }>(
          ["FunctionName", "CodeSha256", "Description"],
          ({ FunctionName, CodeSha256, Description = "" }) => {
            const fn = this.#settled(FunctionName);
            if (CodeSha256 !== undefined && CodeSha256 !== fn.latest.CodeSha256) {
              const message = `CodeSHA256 (${CodeSha256}) is different from current CodeSHA256 in $LATEST (${fn.latest.CodeSha256})`;
              throw new AwsError("InvalidParameterValueException", message);
            }
            return publish(fn, Description);
          },
        ),
        // What moves an alias is CodeDeploy: beside its description, only weights that were left over can be cleared.
        UpdateAlias: operation<UpdateAliasInput & Named>(
          ["FunctionName", "Name", "Description", "RevisionId", "RoutingConfig"],
          ({ FunctionName, Name = "", Description, RevisionId, RoutingConfig }) => {
            const { RoutingConfig: weights, ...alias } = this.getAlias(FunctionName, Name);
            checkRevision(RevisionId, alias);
            if (Object.keys(RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0) {
              throw new AwsError("NotImplemented", "the local cloud clears an alias's weights; CodeDeploy sets them");
            }
            const updated: AliasConfiguration = {
              ...alias,
              ...(weights && !RoutingConfig && { RoutingConfig: weights }),
              ...(Description !== undefined && { Description }),
              RevisionId: randomUUID(),
            };
            this.#find(FunctionName).aliases.set(Name, updated);
            return updated;
          },
        ),
        UpdateFunctionCode: operation<Named & { ZipFile: Uint8Array; RevisionId?: string }>(
          ["FunctionName", "ZipFile", "RevisionId"],
          ({ FunctionName, ZipFile, RevisionId }) => {
            const fn = this.#settled(FunctionName);
            checkRevision(RevisionId, fn.latest);
            const settled = { ...fn.latest, ...this.#unpack(ZipFile), RevisionId: randomUUID() };
            fn.latest = { ...settled, LastUpdateStatus: "InProgress", RevisionId: randomUUID() };
            later(() => {
              fn.latest = settled;
            });
            return fn.latest;
          },
        ),
      },
    };
  }

  async #deleteVersion(functionName: string, version?: string): Promise<void> {
    const fn = this.#find(functionName);
    if (version === undefined) {
      throw new AwsError(
        "NotImplemented",
        "the local cloud deletes a version of a function; the provider the function",
      );
    }
    const { Version } = find(fn, version);
    const user = [...fn.aliases.values()].find(
      (alias) => alias.FunctionVersion === Version || Version in (alias.RoutingConfig?.AdditionalVersionWeights ?? {}),
    );
    if (user || Version === latest) {
      const by = user ? `alias ${user.Name}` : "the function";
      throw new AwsError("ResourceConflictException", `${functionName}:${version} is in use by ${by}`);
    }
    fn.versions.delete(Version);
    await fn.environments.get(Version)?.close();
    fn.environments.delete(Version);
  }

  #find(functionName: string): FunctionRecord {
    const fn = this.#functions.get(functionName);
    if (!fn) {
      throw notFound(functionName);
    }
    return fn;
  }

  /** The function, unless an update of it is under way. */
  #settled(functionName: string): FunctionRecord {
    const fn = this.#find(functionName);
    if (fn.latest.LastUpdateStatus === "InProgress") {
      const message = `The operation cannot be performed at this time. An update is in progress for resource: ${functionName}`;
      throw new AwsError("ResourceConflictException", message);
    }
    return fn;
  }

  #unpack(zip: Uint8Array) {
    const CodeSha256 = createHash("sha256").update(zip).digest("base64");
    const files = filesOf(zip);
    checkNativeModules(files);
    // Written once: an environment that is about to load the same code must not see half of a file.
    if (!existsSync(this.#codeDirectory(CodeSha256))) {
      for (const [name, content] of Object.entries(files)) {
        const path = join(this.#codeDirectory(CodeSha256), name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      }
    }
    return { CodeSha256, CodeSize: zip.byteLength, LastModified: new Date().toISOString() };
  }

  #codeDirectory(codeSha256: string): string {
    return join(this.#args.directory, Buffer.from(codeSha256, "base64").toString("hex"));
  }
}

/** A version, or `$LATEST`. */
export interface Configuration extends FunctionSettings {
  readonly Version: string;
  readonly CodeSha256: string;
}

interface FunctionRecord {
  latest: Configuration;
  readonly versions: Map<string, Configuration>;
  /** How many versions were published; a version's number is never used again. */
  published: number;
  readonly aliases: Map<string, AliasConfiguration>;
  /** `<alias> <ARN>` of the APIs that may call the function, by statement. */
  readonly sources: Map<string, RegExp>;
  readonly environments: Map<string, Environments>;
}

function publish(fn: FunctionRecord, description: string): Configuration {
  fn.published += 1;
  const version = String(fn.published);
  const FunctionArn = arn("lambda", `function:${fn.latest.FunctionName}:${version}`);
  const active = { ...fn.latest, FunctionArn, Version: version, Description: description, RevisionId: randomUUID() };
  const pending: Configuration = { ...active, State: "Pending" };
  fn.versions.set(version, pending);
  later(() => {
    if (fn.versions.has(version)) {
      fn.versions.set(version, active);
    }
  });
  return pending;
}

function find(fn: FunctionRecord, version: string): Configuration {
  const found = version === latest ? fn.latest : fn.versions.get(version);
  if (!found) {
    throw notFound(`${fn.latest.FunctionName}:${version}`);
  }
  return found;
}

/** An update is of what the caller has read, where it says what that was. */
function checkRevision(asked: string | undefined, { RevisionId }: { readonly RevisionId?: string | undefined }): void {
  if (asked !== undefined && asked !== RevisionId) {
    const message = "The Revision Id provided does not match the latest Revision Id";
    throw new AwsError("PreconditionFailedException", message);
  }
}

function later(settle: () => void): void {
  setTimeout(settle, settleMs).unref();
}

function filesOf(zip: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(zip, { filter: ({ name }) => !name.split("/").includes("..") });
  } catch {
    throw new AwsError("InvalidParameterValueException", "Could not unzip uploaded file");
  }
}

/** Functions run on this machine: what is built for another would fail when it is loaded, and look like a fault of the function's. */
function checkNativeModules(files: Readonly<Record<string, Uint8Array>>): void {
  const here = `${process.platform} ${process.arch}`;
  const name = Object.keys(files).find((each) => each.endsWith(".node"));
  if (name !== undefined && here !== "linux arm64") {
    const message = `${name} is a native module for arm64 Linux, which this machine (${here}) cannot run: try the function on AWS`;
    throw new AwsError("InvalidParameterValueException", message);
  }
}

function notFound(qualifiedName: string): AwsError {
  return new AwsError("ResourceNotFoundException", `Function not found: ${arn("lambda", `function:${qualifiedName}`)}`);
}
