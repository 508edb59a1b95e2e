import { setTimeout as delay } from "node:timers/promises";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { ConfiguredRetryStrategy } from "@smithy/core/retry";
import { messageOf } from "../../../deploy/failures.ts";
import { formatDecision, liveAlias } from "../../../deploy/live.ts";
import type { Relation } from "../../../deploy/release/history.ts";
import { verdictOf } from "../../../deploy/release/verdict.ts";
import type { ReleaseArgs } from "../../../deploy/release/work.ts";
import { ReleaseFailed, release } from "../../../deploy/release.ts";
import type { Clients } from "../../../deploy/stack.ts";
import { keptVersions } from "../../../deploy/versions.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { apiAlarm, functionSettings, groupSettings } from "../localFunction.ts";
import { candidate, zipAnswering } from "../release/releasing.ts";

/** The function's folder. */
export const name = "hello";
/** The commits, the oldest first: what was live, what is released among faults, and what is released after that. */
export type Commits = readonly [string, string, string];
/** What the versions of each commit answer. */
export const bodies = ["one", "two", "three"] as const;

const canary = "CodeDeployDefault.LambdaCanary10Percent5Minutes";

/** How a release ended: its exit code and the last line that it printed. */
export interface Verdict {
  readonly exitCode: number | null;
  readonly line: string;
}

/** The exit codes and last lines that a release among faults can end with: rows of the table in docs/releases.md. */
export const verdicts = {
  /** `live` was moved. */
  released: { exitCode: 0, line: /^Released: commit (\w{40})\. Live: hello version (\d+)$/ },
  /** The release has started over, and found that its version was live. */
  unchanged: { exitCode: 0, line: /^Unchanged: commit (\w{40})\. Live: hello version (\d+)$/ },
  /** The release has ended before it was seen that `live` was moved. */
  notReleased: { exitCode: 1, line: /^Not released: commit (\w{40})\. Live: hello version (\d+|unknown)$/ },
  /** Nothing has changed. */
  notBegun: { exitCode: 1, line: /^Not released: (?!commit \w{40}\.)(.+)$/ },
} as const;

/** What a case leaves behind, after the release that followed. */
export interface Aftermath {
  readonly exitCode: number | null;
  /** What `live` answers. */
  readonly body: unknown;
  readonly weights: unknown;
  /** The alarms that releases have made. */
  readonly alarms: readonly (string | undefined)[];
  readonly activeDeployments: readonly string[];
  /** What the requests to `live` were answered meanwhile, but with what they should be. */
  readonly wrongAnswers: readonly string[];
}

/** What is right. */
export const repaired: Aftermath = {
  exitCode: 0,
  body: bodies[2],
  weights: undefined,
  alarms: [],
  activeDeployments: [],
  wrongAnswers: [],
};

/** A local cloud with a function for each case. */
export class Scene {
  cloud!: LocalCloud;
  clients!: Clients;
  commits: Commits = ["1b".repeat(20), "2c".repeat(20), "3d".repeat(20)];

  constructor() {
    const temporary = temporaryDirectories();
    before(async () => {
      // A canary of five minutes takes 1.5 s.
      this.cloud = await LocalCloud.start(await temporary(), 0, { timeScale: 200 });
      this.clients = clientsOf(this.cloud.awsUrl);
    });
    after(() => {
      destroy(this.clients);
      return this.cloud.close();
    });
  }

  /** A function with as many versions as are kept, `live` described by the first commit, and its API's alarm. */
  async create(application: string, deploymentConfigName = canary): Promise<string> {
    const { lambda, logs, codedeploy, cloudwatch } = this.cloud;
    const settings = functionSettings(`${application}_${name}`);
    logs.createLogGroup(settings.LoggingConfig.LogGroup);
    let version = lambda.createFunction(settings, zipAnswering(bodies[0]));
    while (Number(version) < keptVersions) {
      version = lambda.updateFunction(settings);
    }
    lambda.putAlias(settings.FunctionName, liveAlias, version);
    await this.clients.lambda.updateAlias({
      FunctionName: settings.FunctionName,
      Name: liveAlias,
      Description: formatDecision({
        commit: this.commits[0],
        outcome: "changed",
        version: String(Number(version) - 1),
      }),
    });
    codedeploy.putDeploymentGroup(application, name, groupSettings(deploymentConfigName));
    cloudwatch.putAlarm(apiAlarm(`${application}-api-5xx`, application));
    return settings.FunctionName;
  }

  /** What a release that died has left: a weight, and an alarm. */
  leave(functionName: string): void {
    this.cloud.lambda.putAlias(functionName, liveAlias, "10", { 9: 0.01 });
    this.cloud.cloudwatch.putAlarm(apiAlarm(`${functionName}/version-7-errors`, functionName));
  }

  /** The deployment of an older commit, whose release died. */
  async deployOlder(application: string): Promise<void> {
    const functionName = `${application}_${name}`;
    const targetversion = this.cloud.lambda.updateFunction(functionSettings(functionName));
    const Properties = { name: functionName, alias: liveAlias, currentversion: "10", targetversion };
    const content = { version: 0, Resources: [{ fn: { Type: "AWS::Lambda::Function", Properties } }] };
    await this.clients.codedeploy.createDeployment({
      applicationName: application,
      deploymentGroupName: name,
      deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent30Minutes",
      description: `${this.commits[0]}, version 10 to ${targetversion}, 00000000`,
      revision: { revisionType: "AppSpecContent", appSpecContent: { content: JSON.stringify(content) } },
    });
  }

  async delete(application: string): Promise<void> {
    const { AlarmNames } = await this.alarms(application);
    this.cloud.cloudwatch.deleteAlarms(AlarmNames);
    await this.cloud.lambda.deleteFunction(`${application}_${name}`);
  }

  async alarms(application: string): Promise<{ AlarmNames: string[] }> {
    const { MetricAlarms = [] } = await this.clients.cloudwatch.describeAlarms({ AlarmNamePrefix: application });
    const names = MetricAlarms.map(({ AlarmName = "" }) => AlarmName);
    // The stack's own, and its functions': not those of an application whose name goes on.
    return { AlarmNames: names.filter((each) => /^[-_]/.test(each.slice(application.length))) };
  }

  async active(application: string): Promise<string[]> {
    const { deployments = [] } = await this.clients.codedeploy.listDeployments({
      applicationName: application,
      deploymentGroupName: name,
      includeOnlyStatuses: ["Created", "InProgress"],
    });
    return deployments;
  }

  /** Sends requests to `live`, one after the other; the function that it returns ends that, and tells the answers that are wrong. */
  requests(functionName: string): () => Promise<string[]> {
    const wrong: string[] = [];
    let isEnded = false;
    const loop = async (): Promise<void> => {
      while (!isEnded) {
        const { payload, error } = await this.cloud.lambda.invoke(functionName, liveAlias, "{}");
        const { body } = JSON.parse(payload);
        if (error || !bodies.includes(body)) {
          wrong.push(payload);
        }
        await delay(50);
      }
    };
    const ended = loop();
    return async () => {
      isEnded = true;
      await ended;
      return wrong;
    };
  }

  /** Releases one of the commits; returns what `npm run release` would end with, and all that it tells. */
  async release(
    application: string,
    index: 1 | 2,
    clients: Clients,
  ): Promise<Verdict & { readonly told: readonly string[] }> {
    const told: string[] = [];
    const order: readonly string[] = this.commits;
    const commit = this.commits[index];
    const compare = (other: string): Relation =>
      !order.includes(other) ? "unknown" : order.indexOf(other) < index ? "ancestor" : "descendant";
    const args: ReleaseArgs = {
      application,
      ...clients,
      log: (line) => void told.push(line),
      commit,
      candidates: [candidate(name, bodies[index])],
      compare,
    };
    const verdict = await release(args).then(
      (results) => verdictOf(commit, results),
      (error: unknown) => {
        told.push(messageOf(error));
        return error instanceof ReleaseFailed
          ? verdictOf(commit, error.results)
          : { exitCode: 1, line: `Not released: ${messageOf(error)}` };
      },
    );
    return { ...verdict, told };
  }

  /** The release that follows a case, of the newest commit and without faults. */
  async aftermath(application: string, endRequests: () => Promise<string[]>): Promise<Aftermath> {
    const functionName = `${application}_${name}`;
    this.cloud.codedeploy.putDeploymentGroup(application, name, groupSettings());
    const { exitCode } = await this.release(application, 2, this.clients);
    const { RoutingConfig } = this.cloud.lambda.getAlias(functionName, liveAlias);
    const { payload } = await this.cloud.lambda.invoke(functionName, liveAlias, "{}");
    const { AlarmNames } = await this.alarms(application);
    return {
      exitCode,
      body: JSON.parse(payload).body,
      weights: RoutingConfig,
      alarms: AlarmNames.filter((each) => each.includes("/version-")),
      activeDeployments: await this.active(application),
      wrongAnswers: await endRequests(),
    };
  }
}

/**
 * Clients with the SDK's own retries, which do not wait for long.
 *
 * @param isImpatient Whether an answer has to come in a second; then there are more tries, since on a busy machine one may come late.
 */
export function clientsOf(endpoint: string, isImpatient = false): Clients {
  const options = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    retryStrategy: new ConfiguredRetryStrategy(isImpatient ? 8 : 3, () => 5),
    requestHandler: { requestTimeout: isImpatient ? 1000 : 60_000, throwOnRequestTimeout: true },
  };
  return {
    lambda: new Lambda(options),
    codedeploy: new CodeDeploy(options),
    cloudwatch: new CloudWatch(options),
    logs: new CloudWatchLogs(options),
  };
}

export function destroy(clients: Clients): void {
  for (const client of Object.values(clients)) {
    client.destroy();
  }
}
