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
import { LocalCloud } from "../../cloud.ts";
import { apiAlarm, functionSettings, groupSettings } from "../localFunction.ts";
import { hurryRollbacks, ManualClock } from "../manualClock.ts";
import { application, candidate, zipAnswering } from "../release/releasing.ts";
import { type Call, type Fault, FaultProxy } from "./faultProxy.ts";

/** The function's folder. */
export const name = "hello";
/** The commits, the oldest first: what was live, what is released among faults, and what is released after that. */
export type Commits = readonly [string, string, string];
/** What the versions of each commit answer. */
export const bodies = ["one", "two", "three"] as const;

/** The function in Lambda. */
export const functionName = `${application}_${name}`;
/** The commits, where they are in no repository. */
export const madeUp: Commits = ["1b".repeat(20), "2c".repeat(20), "3d".repeat(20)];
const canary = "CodeDeployDefault.LambdaCanary10Percent5Minutes";
const canaryMinutes = 5;

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

/** A local cloud with one function, for one case. Its clock stands still but where somebody has seen what would be over. */
export class Scene {
  readonly cloud: LocalCloud;
  readonly clients: Clients;
  readonly commits: Commits;
  readonly #clock: ManualClock;

  private constructor(cloud: LocalCloud, clock: ManualClock, commits: Commits) {
    this.cloud = cloud;
    this.clients = clientsOf(cloud.awsUrl);
    this.commits = commits;
    this.#clock = clock;
    hurryRollbacks(cloud, clock);
  }

  /**
   * Starts a local cloud in a folder, with a function that has as many versions as are kept, `live` described by the first commit, and the
   * API's alarm.
   */
  static async start(
    directory: string,
    {
      commits = madeUp,
      deploymentConfigName = canary,
    }: { readonly commits?: Commits; readonly deploymentConfigName?: string } = {},
  ): Promise<Scene> {
    const clock = new ManualClock();
    const scene = new Scene(await LocalCloud.start(directory, 0, { clock }), clock, commits);
    const { lambda, logs, codedeploy, cloudwatch } = scene.cloud;
    const settings = functionSettings(functionName);
    logs.createLogGroup(settings.LoggingConfig.LogGroup);
    let version = lambda.createFunction(settings, zipAnswering(bodies[0]));
    while (Number(version) < keptVersions) {
      version = lambda.updateFunction(settings);
    }
    lambda.putAlias(functionName, liveAlias, version);
    await scene.clients.lambda.updateAlias({
      FunctionName: functionName,
      Name: liveAlias,
      Description: formatDecision({ commit: commits[0], outcome: "changed", version: String(Number(version) - 1) }),
    });
    codedeploy.putDeploymentGroup(application, name, groupSettings(deploymentConfigName));
    cloudwatch.putAlarm(apiAlarm(`${application}-api-5xx`, application));
    return scene;
  }

  async close(): Promise<void> {
    destroy(this.clients);
    await this.cloud.close();
  }

  /**
   * Lets the calls of a release go wrong. Its canary is over once the release has seen it, and asks for its errors; or has looked six times,
   * since one that may not read the alias never sees it.
   */
  startProxy(faultOf: (call: Call) => Fault | undefined): Promise<FaultProxy> {
    const looks = new Set<Call>();
    return FaultProxy.start(this.cloud.awsUrl, (call) => {
      if (call.place === "GetDeployment after PutMetricAlarm") {
        looks.add(call);
      }
      if (call.operation === "GetMetricData" || looks.size === 6) {
        this.#clock.advance(canaryMinutes * 60);
      }
      return faultOf(call);
    });
  }

  /** What a release that died has left: a weight, and an alarm. */
  leave(): void {
    this.cloud.lambda.putAlias(functionName, liveAlias, "10", { 9: 0.01 });
    this.cloud.cloudwatch.putAlarm(apiAlarm(`${functionName}/version-7-errors`, functionName));
  }

  /** The deployment of an older commit, whose release died. */
  async deployOlder(): Promise<void> {
    const targetversion = this.cloud.lambda.updateFunction(functionSettings(functionName));
    const Properties = { name: functionName, alias: liveAlias, currentversion: "10", targetversion };
    const content = { version: 0, Resources: [{ fn: { Type: "AWS::Lambda::Function", Properties } }] };
    await this.clients.codedeploy.createDeployment({
      applicationName: application,
      deploymentGroupName: name,
      deploymentConfigName: canary,
      description: `${this.commits[0]}, version 10 to ${targetversion}, 00000000`,
      revision: { revisionType: "AppSpecContent", appSpecContent: { content: JSON.stringify(content) } },
    });
  }

  /** The names of the alarms that releases have made. */
  async alarms(): Promise<string[]> {
    const { MetricAlarms = [] } = await this.clients.cloudwatch.describeAlarms({});
    return MetricAlarms.map(({ AlarmName = "" }) => AlarmName).filter((each) => each.includes("/version-"));
  }

  async active(): Promise<string[]> {
    const { deployments = [] } = await this.clients.codedeploy.listDeployments({
      applicationName: application,
      deploymentGroupName: name,
      includeOnlyStatuses: ["Created", "InProgress"],
    });
    return deployments;
  }

  /** Sends requests to `live`, one after the other; the function that it returns ends that, and tells the answers that are wrong. */
  requests(): () => Promise<string[]> {
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
  async release(index: 1 | 2, clients: Clients): Promise<Verdict & { readonly told: readonly string[] }> {
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
  async aftermath(endRequests: () => Promise<string[]>): Promise<Aftermath> {
    this.cloud.codedeploy.putDeploymentGroup(application, name, groupSettings());
    const { exitCode } = await this.release(2, this.clients);
    const { RoutingConfig } = this.cloud.lambda.getAlias(functionName, liveAlias);
    const { payload } = await this.cloud.lambda.invoke(functionName, liveAlias, "{}");
    return {
      exitCode,
      body: JSON.parse(payload).body,
      weights: RoutingConfig,
      alarms: await this.alarms(),
      activeDeployments: await this.active(),
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
