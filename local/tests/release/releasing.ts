import { EventEmitter, once } from "node:events";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { strToU8, zipSync } from "fflate";
import { liveAlias } from "../../../deploy/live.ts";
import type { Candidate } from "../../../deploy/release/candidates.ts";
import type { Relation } from "../../../deploy/release/history.ts";
import type { Released } from "../../../deploy/release/verdict.ts";
import type { ReleaseArgs } from "../../../deploy/release/work.ts";
import { release } from "../../../deploy/release.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type CloudOptions, LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";

/** The CodeDeploy application of these tests. */
export const application = "push-to-live-test";
/** The commits of these tests, the oldest first. */
export const commits = ["0a".repeat(20), "1b".repeat(20), "2c".repeat(20), "3d".repeat(20)] as const;

/** A local cloud with AWS clients of it, made anew for each test of the enclosing `describe`. */
export class Releasing {
  cloud!: LocalCloud;
  lambda!: Lambda;
  codedeploy!: CodeDeploy;
  cloudwatch!: CloudWatch;
  logs!: CloudWatchLogs;
  /** The lines of progress. */
  lines: string[] = [];
  readonly #told = new EventEmitter<{ line: [] }>();
  /** The names of the AWS operations that were called. */
  called: string[] = [];
  /** What each of them was last called with. */
  inputs: Record<string, object> = {};

  constructor(options: CloudOptions = {}) {
    const temporary = temporaryDirectories();
    beforeEach(async () => {
      this.cloud = await LocalCloud.start(await temporary(), 0, options);
      this.lambda = new Lambda(clientOptions(this.cloud));
      this.codedeploy = new CodeDeploy(clientOptions(this.cloud));
      this.cloudwatch = new CloudWatch(clientOptions(this.cloud));
      this.logs = new CloudWatchLogs(clientOptions(this.cloud));
      this.lines = [];
      this.called = [];
      for (const client of this.#clients) {
        around(client, async (operation, proceed, input) => {
          this.called.push(operation);
          this.inputs[operation] = input;
          return proceed();
        });
      }
    });
    afterEach(async () => {
      for (const client of this.#clients) {
        client.destroy();
      }
      await this.cloud.close();
    });
  }

  get #clients() {
    return [this.lambda, this.codedeploy, this.cloudwatch, this.logs];
  }

  /** What `pulumi up` makes of a function. */
  create(name: string, zip: Uint8Array, deploymentConfigName?: string): void {
    const settings = functionSettings(`${application}_${name}`);
    this.cloud.logs.createLogGroup(settings.LoggingConfig.LogGroup);
    this.cloud.lambda.putAlias(settings.FunctionName, liveAlias, this.cloud.lambda.createFunction(settings, zip));
    this.cloud.codedeploy.putDeploymentGroup(application, name, groupSettings(deploymentConfigName));
  }

  /** Publishes what the function is as another version, and puts that live without a record. */
  async publish(name: string, Description: string): Promise<void> {
    const { Version = "" } = await this.lambda.publishVersion({ FunctionName: `${application}_${name}`, Description });
    this.cloud.lambda.putAlias(`${application}_${name}`, liveAlias, Version);
  }

  /** Releases the first of `commits`, or another; they follow each other. */
  release(options: Partial<ReleaseArgs>, ...candidates: Candidate[]): Promise<Released[]> {
    const commit = options.commit ?? commits[0];
    const order: readonly string[] = commits;
    const compare = (other: string): Relation =>
      !order.includes(other) ? "unknown" : order.indexOf(other) < order.indexOf(commit) ? "ancestor" : "descendant";
    return release({ ...this.stack, commit, candidates, compare, ...options });
  }

  /** What a release and a rollback work with. */
  get stack() {
    const { codedeploy, lambda, cloudwatch, logs, lines } = this;
    const log = (line: string): void => {
      lines.push(line);
      this.#told.emit("line");
    };
    return { application, lambda, codedeploy, cloudwatch, logs, log };
  }

  /** Waits until a line of progress says something; the test's timeout ends the wait. */
  async untilTold(text: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(text))) {
      await once(this.#told, "line");
    }
  }

  async liveOf(name: string): Promise<string | undefined> {
    return (await this.lambda.getAlias({ FunctionName: `${application}_${name}`, Name: liveAlias })).FunctionVersion;
  }

  async versionsOf(name: string): Promise<(string | undefined)[]> {
    const { Versions = [] } = await this.lambda.listVersionsByFunction({ FunctionName: `${application}_${name}` });
    return Versions.map(({ Version, Description }) => `${Version}:${Description ?? ""}`);
  }

  async descriptionOf(name: string): Promise<string | undefined> {
    return (await this.lambda.getAlias({ FunctionName: `${application}_${name}`, Name: liveAlias })).Description;
  }

  /** What someone else writes, or CodeDeploy loses. */
  async describeLive(name: string, Description: string): Promise<void> {
    await this.lambda.updateAlias({ FunctionName: `${application}_${name}`, Name: liveAlias, Description });
  }

  /** Does something right before the first call of an operation, or the first `times`. */
  before(operation: string, action: () => Promise<unknown>, times = 1): void {
    this.#when((called, answer) => called === operation && !answer, times, action);
  }

  /** Does something right after the first answer of an operation in which `text` occurs. */
  after(operation: string, text: string, action: () => Promise<unknown>): void {
    this.#when((called, answer) => called === operation && JSON.stringify(answer ?? "").includes(text), 1, action);
  }

  #when(isNow: (operation: string, answer?: object) => boolean, times: number, action: () => Promise<unknown>): void {
    let done = 0;
    const act = async (operation: string, answer?: object): Promise<void> => {
      if (done < times && isNow(operation, answer)) {
        done += 1;
        await action();
      }
    };
    for (const client of this.#clients) {
      around(client, async (operation, proceed) => {
        await act(operation);
        const answer = await proceed();
        await act(operation, answer.output);
        return answer;
      });
    }
  }
}

/** Has `call` make each call of a client. */
export function around(
  client: { middlewareStack: unknown },
  call: <Answer extends { output: object }>(
    operation: string,
    proceed: () => Promise<Answer>,
    input: object,
  ) => Promise<Answer>,
): void {
  const { middlewareStack } = client as Lambda;
  middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) =>
        call(commandName.replace(/Command$/, ""), () => next(args), args.input),
    { step: "initialize" },
  );
}

/** A function whose code answers `body`. */
export function candidate(name: string, body: string): Candidate {
  return { name, zip: zipAnswering(body), smokeTest: { event: {}, response: { statusCode: 200 } } };
}

/** The zip of a handler that answers `body`. */
export function zipAnswering(body: string): Uint8Array {
  return zipOf(`export const handler = async () => ({ statusCode: 200, body: ${JSON.stringify(body)} });`);
}

/** The zip of a handler. */
export function zipOf(code: string): Uint8Array {
  return zipSync({ "handler.mjs": [strToU8(code), { mtime: new Date(1980, 0, 1) }] });
}

/** The message that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was refused",
    (error: Error) => error.message,
  );
}
