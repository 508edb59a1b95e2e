import type { AliasConfiguration } from "@aws-sdk/client-lambda";
import { arn } from "../../aws/account.ts";
import { AwsError } from "../../aws/awsEndpoint.ts";
import type { CloudWatch } from "../cloudwatch/cloudwatch.ts";
import type { CloudWatchLogs } from "../logs/cloudwatchLogs.ts";
import { type AliasChanges, Aliases } from "./aliases.ts";
import { Environments, type InvocationResult } from "./environments.ts";
import { FunctionCode } from "./functionCode.ts";
import type { Configuration, FunctionSettings } from "./functionConfiguration.ts";
import { checkRevision, latest, notFound, Versions } from "./versions.ts";

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
}

/** Lambda's functions, versions and aliases. */
export class Lambda {
  readonly #args: LambdaArgs;
  readonly #code: FunctionCode;
  readonly #functions = new Map<string, FunctionRecord>();

  constructor(args: LambdaArgs) {
    this.#args = args;
    this.#code = new FunctionCode(args.directory);
  }

  /** Creates a function and publishes its first version, as the provider does with `publish: true`; returns that version. */
  createFunction(settings: FunctionSettings, zip: Uint8Array): string {
    const fn: FunctionRecord = {
      versions: new Versions(settings, this.#code.unpack(zip)),
      aliases: new Aliases(settings.FunctionName),
      sources: new Map(),
      environments: new Map(),
    };
    this.#functions.set(settings.FunctionName, fn);
    return fn.versions.publish("").Version;
  }

  /** Changes a function's settings and publishes a version, as the provider does with `publish: true`; returns that version. */
  updateFunction(settings: FunctionSettings): string {
    const { versions } = this.#find(settings.FunctionName);
    versions.updateSettings(settings);
    return versions.publish("").Version;
  }

  async deleteFunction(functionName: string): Promise<void> {
    const fn = this.#find(functionName);
    this.#functions.delete(functionName);
    await Promise.all([...fn.environments.values()].map((each) => each.close()));
  }

  /**
   * Changes the code of `$LATEST`.
   * @param revisionId What the caller has read; left out, whatever there is is changed.
   * @throws {AwsError} when there is no such function, an earlier update is under way, or the revision is another.
   */
  updateFunctionCode(functionName: string, zip: Uint8Array, revisionId?: string): Configuration {
    const { versions } = this.#find(functionName);
    versions.checkSettled();
    checkRevision(revisionId, versions.latest);
    return versions.updateCode(this.#code.unpack(zip));
  }

  /**
   * Publishes a version.
   * @param codeSha256 What the caller takes for the code of `$LATEST`.
   * @throws {AwsError} when there is no such function, an update of it is under way, or its code is another.
   */
  publishVersion(functionName: string, description: string, codeSha256?: string): Configuration {
    const { versions } = this.#find(functionName);
    versions.checkSettled();
    if (codeSha256 !== undefined && codeSha256 !== versions.latest.CodeSha256) {
      const message = `CodeSHA256 (${codeSha256}) is different from current CodeSHA256 in $LATEST (${versions.latest.CodeSha256})`;
      throw new AwsError("InvalidParameterValueException", message);
    }
    return versions.publish(description);
  }

  /**
   * `$LATEST`, then the published versions.
   * @throws {AwsError} when there is no such function.
   */
  versionsOf(functionName: string): readonly Configuration[] {
    return this.#find(functionName).versions.all;
  }

  /**
   * Deletes a version, and ends its execution environments.
   * @throws {AwsError} when there is no such version, or it is in use, or none is named: that would be the function.
   */
  async deleteVersion(functionName: string, version?: string): Promise<void> {
    const fn = this.#find(functionName);
    if (version === undefined) {
      throw new AwsError(
        "NotImplemented",
        "the local cloud deletes a version of a function; the provider the function",
      );
    }
    const { Version } = fn.versions.find(version);
    const user = fn.aliases.all.find(
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
      fn.versions.find(each);
    }
    return fn.aliases.put(name, version, weights);
  }

  /**
   * What a version or `$LATEST` of a function is, or the version that an alias refers to; where that is two, the one without a weight.
   * @throws {AwsError} when there is no such function, version or alias.
   */
  resolve(functionName: string, qualifier: string): Configuration {
    const fn = this.#find(functionName);
    return fn.versions.find(fn.aliases.get(qualifier)?.FunctionVersion ?? qualifier);
  }

  /** @throws {AwsError} when the function or the alias does not exist. */
  getAlias(functionName: string, name: string): AliasConfiguration {
    return this.#find(functionName).aliases.find(name);
  }

  /** @throws {AwsError} when the function does not exist. */
  aliasesOf(functionName: string): readonly AliasConfiguration[] {
    return this.#find(functionName).aliases.all;
  }

  /**
   * Describes an alias, or clears weights that were left over.
   * @throws {AwsError} when the function or the alias does not exist, the revision is another than the alias's, or weights are given.
   */
  updateAlias(functionName: string, name: string, changes: AliasChanges): AliasConfiguration {
    return this.#find(functionName).aliases.update(name, changes);
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
        { taskRoot: this.#code.directoryOf(configuration.CodeSha256), url: this.#args.url() },
        (stream, line) => this.#args.logs.put(configuration.LoggingConfig.LogGroup, stream, line),
      );
    fn.environments.set(key, environments);
    const started = performance.now();
    const result = await environments.invoke(event, arn("lambda", `function:${functionName}:${qualifier}`));
    const executed = fn.aliases.get(qualifier) ? configuration.Version : undefined;
    this.#putMetrics(functionName, qualifier, executed, performance.now() - started, result.error !== undefined);
    return result;
  }

  /** What a request gets: where an alias refers to two versions, one of them by its weight. */
  #choose(functionName: string, qualifier: string): Configuration {
    const fn = this.#find(functionName);
    const weights = fn.aliases.get(qualifier)?.RoutingConfig?.AdditionalVersionWeights ?? {};
    const [[other, weight] = []] = Object.entries(weights);
    const isOther = other !== undefined && weight !== undefined && this.#args.random() < weight;
    return isOther ? fn.versions.find(other) : this.resolve(functionName, qualifier);
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

  #find(functionName: string): FunctionRecord {
    const fn = this.#functions.get(functionName);
    if (!fn) {
      throw notFound(functionName);
    }
    return fn;
  }
}

interface FunctionRecord {
  readonly versions: Versions;
  readonly aliases: Aliases;
  /** `<alias> <ARN>` of the APIs that may call the function, by statement. */
  readonly sources: Map<string, RegExp>;
  readonly environments: Map<string, Environments>;
}
