import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AliasConfiguration, FunctionConfiguration } from "@aws-sdk/client-lambda";
import * as schemas from "@aws-sdk/client-lambda";
import { unzipSync } from "fflate";
import { arn } from "../account.ts";
import { AwsError, type AwsService, operation } from "../awsEndpoint.ts";
import type { CloudWatchLogs } from "../cloudwatchLogs.ts";
import { Environments, type InvocationResult } from "./environments.ts";

/** What a function is created with. */
export interface FunctionArgs {
  readonly name: string;
  readonly role: string;
  readonly runtime: "nodejs24.x";
  readonly architectures: readonly ("arm64" | "x86_64")[];
  /** `<file>.<export>`. */
  readonly handler: string;
  readonly zip: Uint8Array;
  /** MB. */
  readonly memorySize: number;
  /** Seconds. */
  readonly timeout: number;
  readonly logGroup: string;
}

const latest = "$LATEST";
/** How long an update or a new version takes to settle, in ms: long enough for a caller that does not wait to be caught. */
const settleMs = 40;

/** Lambda's functions, versions and aliases. */
export class Lambda {
  readonly #directory: string;
  readonly #logs: CloudWatchLogs;
  readonly #functions = new Map<string, FunctionRecord>();

  /** @param directory Where the zips are unpacked. */
  constructor(directory: string, logs: CloudWatchLogs) {
    this.#directory = directory;
    this.#logs = logs;
  }

  /** Creates a function and publishes its first version, as the provider does with `publish: true`; returns that version. */
  createFunction(args: FunctionArgs): string {
    const configuration: Configuration = {
      FunctionName: args.name,
      FunctionArn: arn("lambda", `function:${args.name}`),
      Runtime: args.runtime,
      Role: args.role,
      Handler: args.handler,
      Description: "",
      Timeout: args.timeout,
      MemorySize: args.memorySize,
      Version: latest,
      PackageType: "Zip",
      Architectures: [...args.architectures],
      LoggingConfig: { LogFormat: "JSON", LogGroup: args.logGroup },
      State: "Active",
      LastUpdateStatus: "Successful",
      RevisionId: randomUUID(),
      ...this.#unpack(args.zip),
    };
    const fn: FunctionRecord = {
      name: args.name,
      logGroup: args.logGroup,
      latest: configuration,
      versions: [],
      aliases: new Map(),
      permissions: [],
      environments: new Map(),
    };
    this.#functions.set(args.name, fn);
    return this.#publish(fn, "").Version;
  }

  /** Creates an alias, or points it to another version, and returns its ARN. */
  putAlias(functionName: string, name: string, version: string): string {
    const fn = this.#find(functionName);
    this.#resolve(fn, version);
    const aliasArn = arn("lambda", `function:${functionName}:${name}`);
    fn.aliases.set(name, { AliasArn: aliasArn, Name: name, FunctionVersion: version, RevisionId: randomUUID() });
    return aliasArn;
  }

  /** @throws {AwsError} when the function or the alias does not exist. */
  getAlias(functionName: string, name: string): AliasConfiguration {
    const alias = this.#find(functionName).aliases.get(name);
    if (!alias) {
      throw notFound(`${functionName}:${name}`);
    }
    return alias;
  }

  /** Lets API Gateway call an alias on behalf of `sourceArn`, in which `*` stands for anything. */
  addPermission(functionName: string, qualifier: string, sourceArn: string): void {
    const parts = sourceArn.split("*").map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"));
    this.#find(functionName).permissions.push({ qualifier, source: new RegExp(`^${parts.join(".*")}$`) });
  }

  /** Whether API Gateway may call an alias on behalf of `sourceArn`. */
  allows(functionName: string, qualifier: string, sourceArn: string): boolean {
    const { permissions } = this.#find(functionName);
    return permissions.some((permission) => permission.qualifier === qualifier && permission.source.test(sourceArn));
  }

  /**
   * Invokes an alias, a version or `$LATEST`.
   * @param event JSON.
   */
  async invoke(
    functionName: string,
    qualifier: string,
    event: string,
  ): Promise<InvocationResult & { readonly version: string }> {
    const fn = this.#find(functionName);
    const configuration = this.#resolve(fn, qualifier);
    const result = await this.#environmentsOf(fn, configuration).invoke(
      event,
      arn("lambda", `function:${functionName}:${qualifier}`),
    );
    return { ...result, version: configuration.Version };
  }

  /** Ends every execution environment. */
  async close(): Promise<void> {
    const environments = [...this.#functions.values()].flatMap((fn) => [...fn.environments.values()]);
    await Promise.all(environments.map((each) => each.close()));
  }

  /** What the AWS endpoint serves of Lambda. */
  get service(): AwsService {
    type Qualified = { FunctionName: string; Qualifier?: string };
    const configurationOf = ({ FunctionName, Qualifier = latest }: Qualified): Configuration =>
      this.#resolve(this.#find(FunctionName), Qualifier);
    return {
      signingName: "lambda",
      schemas,
      operations: {
        GetAlias: operation<{ FunctionName: string; Name: string }>(["FunctionName", "Name"], (input) =>
          this.getAlias(input.FunctionName, input.Name),
        ),
        GetFunction: operation<Qualified>(["FunctionName", "Qualifier"], (input) => ({
          Configuration: configurationOf(input),
        })),
        GetFunctionConfiguration: operation<Qualified>(["FunctionName", "Qualifier"], configurationOf),
        Invoke: operation<Qualified & { Payload: Uint8Array }>(
          ["FunctionName", "Qualifier", "Payload"],
          async ({ FunctionName, Qualifier = latest, Payload }) => {
            const event = Buffer.from(Payload).toString() || "{}";
            const { payload, error, version } = await this.invoke(FunctionName, Qualifier, event);
            return { ExecutedVersion: version, FunctionError: error, Payload: Buffer.from(payload) };
          },
        ),
        ListVersionsByFunction: operation<{ FunctionName: string }>(["FunctionName"], (input) => {
          const fn = this.#find(input.FunctionName);
          return { Versions: [fn.latest, ...fn.versions] };
        }),
        PublishVersion: operation<{ FunctionName: string; CodeSha256?: string; Description?: string }>(
          ["FunctionName", "CodeSha256", "Description"],
          ({ FunctionName, CodeSha256, Description = "" }) => {
            const fn = this.#settled(FunctionName);
            if (CodeSha256 !== undefined && CodeSha256 !== fn.latest.CodeSha256) {
              const message = `CodeSHA256 (${CodeSha256}) is different from current CodeSHA256 in $LATEST (${fn.latest.CodeSha256})`;
              throw new AwsError("InvalidParameterValueException", message);
            }
            return this.#publish(fn, Description);
          },
        ),
        UpdateFunctionCode: operation<{ FunctionName: string; ZipFile: Uint8Array; RevisionId?: string }>(
          ["FunctionName", "ZipFile", "RevisionId"],
          ({ FunctionName, ZipFile, RevisionId }) => {
            const fn = this.#settled(FunctionName);
            if (RevisionId !== undefined && RevisionId !== fn.latest.RevisionId) {
              const message = "The Revision Id provided does not match the latest Revision Id";
              throw new AwsError("PreconditionFailedException", message);
            }
            const settled: Configuration = { ...fn.latest, ...this.#unpack(ZipFile), RevisionId: randomUUID() };
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

  #publish(fn: FunctionRecord, description: string): Configuration {
    const version = String(fn.versions.length + 1);
    const active: Configuration = {
      ...fn.latest,
      FunctionArn: arn("lambda", `function:${fn.name}:${version}`),
      Version: version,
      Description: description,
      RevisionId: randomUUID(),
    };
    const index = fn.versions.push({ ...active, State: "Pending" }) - 1;
    later(() => {
      fn.versions[index] = active;
    });
    return { ...active, State: "Pending" };
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
      const message = `The operation cannot be performed at this time. An update is in progress for resource: ${fn.latest.FunctionArn}`;
      throw new AwsError("ResourceConflictException", message);
    }
    return fn;
  }

  #resolve(fn: FunctionRecord, qualifier: string): Configuration {
    const version = fn.aliases.get(qualifier)?.FunctionVersion ?? qualifier;
    const found = [fn.latest, ...fn.versions].find((candidate) => candidate.Version === version);
    if (!found) {
      throw notFound(`${fn.name}:${qualifier}`);
    }
    return found;
  }

  #environmentsOf(fn: FunctionRecord, configuration: Configuration): Environments {
    // A version never changes; what $LATEST is made of does.
    const key = `${configuration.Version} ${configuration.Version === latest ? configuration.RevisionId : ""}`;
    const running = fn.environments.get(key);
    if (running) {
      return running;
    }
    const environments = new Environments({
      taskRoot: this.#codeDirectory(configuration.CodeSha256),
      functionName: fn.name,
      functionVersion: configuration.Version,
      handler: configuration.Handler,
      memoryMegabytes: configuration.MemorySize,
      timeoutSeconds: configuration.Timeout,
      logGroup: fn.logGroup,
      log: (stream, line) => this.#logs.put(fn.logGroup, stream, line),
    });
    fn.environments.set(key, environments);
    return environments;
  }

  #unpack(zip: Uint8Array): Pick<Configuration, "CodeSha256" | "CodeSize" | "LastModified"> {
    const codeSha256 = createHash("sha256").update(zip).digest("base64");
    const directory = this.#codeDirectory(codeSha256);
    for (const [name, content] of Object.entries(filesOf(zip))) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    return { CodeSha256: codeSha256, CodeSize: zip.byteLength, LastModified: new Date().toISOString() };
  }

  #codeDirectory(codeSha256: string): string {
    return join(this.#directory, Buffer.from(codeSha256, "base64").toString("hex"));
  }
}

interface FunctionRecord {
  readonly name: string;
  readonly logGroup: string;
  latest: Configuration;
  readonly versions: Configuration[];
  readonly aliases: Map<string, AliasConfiguration>;
  readonly permissions: { readonly qualifier: string; readonly source: RegExp }[];
  readonly environments: Map<string, Environments>;
}

interface Configuration extends FunctionConfiguration {
  readonly Version: string;
  readonly CodeSha256: string;
  readonly Handler: string;
  readonly MemorySize: number;
  readonly Timeout: number;
}

function filesOf(zip: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(zip, { filter: ({ name }) => !name.split("/").includes("..") });
  } catch {
    throw new AwsError("InvalidParameterValueException", "Could not unzip uploaded file");
  }
}

function notFound(qualifiedName: string): AwsError {
  return new AwsError("ResourceNotFoundException", `Function not found: ${arn("lambda", `function:${qualifiedName}`)}`);
}

function later(settle: () => void): void {
  setTimeout(settle, settleMs).unref();
}
