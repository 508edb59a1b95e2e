import { join } from "node:path";
import { account } from "./aws/account.ts";
import { AwsEndpoint } from "./aws/awsEndpoint.ts";
import { Clock } from "./aws/clock.ts";
import { type Listening, listen } from "./aws/httpServer.ts";
import { GitHub } from "./github/github.ts";
import { ApiGateway } from "./services/apigatewayv2/apiGateway.ts";
import { alarmNotification } from "./services/cloudwatch/alarmNotification.ts";
import { CloudWatch } from "./services/cloudwatch/cloudwatch.ts";
import { cloudwatchOperations } from "./services/cloudwatch/operations.ts";
import { CodeBuild } from "./services/codebuild/codebuild.ts";
import { codeBuildOperations } from "./services/codebuild/operations.ts";
import { CodeDeploy } from "./services/codedeploy/codedeploy.ts";
import { codeDeployOperations } from "./services/codedeploy/operations.ts";
import { EventBridge } from "./services/events/eventBridge.ts";
import { tellBuilds, tellDeployments } from "./services/events/stateChanges.ts";
import { Lambda } from "./services/lambda/lambda.ts";
import { lambdaOperations } from "./services/lambda/operations.ts";
import { type Quota, RequestQuota } from "./services/lambda/requestQuota.ts";
import { CloudWatchLogs } from "./services/logs/cloudwatchLogs.ts";
import { logsOperations } from "./services/logs/operations.ts";
import { Sns } from "./services/sns/sns.ts";
import { ParameterStore } from "./services/ssm/parameterStore.ts";

/** How a local cloud behaves. */
export interface CloudOptions {
  /** How many times as fast as real time deployments, metrics and alarms go. @default 1 */
  readonly timeScale?: number | undefined;
  /** The time of deployments, metrics and alarms. @default real time, `timeScale` times as fast */
  readonly clock?: Clock | undefined;
  /** Decides which of two versions a request gets: a number from 0 to 1, without it. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** How many control-plane requests Lambda takes before it refuses. @default as many as come */
  readonly lambdaQuota?: Quota | undefined;
  /**
   * Whether deleting a version asks for the function's own ARN, as AWS's authorization data says, which no role of the program has, and so
   * is denied. @default false
   */
  readonly deniesDeletion?: boolean | undefined;
  /** Where builds run, functions are unpacked and repositories are: outside of any project. @default where it keeps its logs */
  readonly workDirectory?: string | undefined;
}

/**
 * GitHub and AWS on this machine, as far as the stack uses them: a port for each HTTP API, and one for the AWS endpoint with CodeBuild's
 * webhooks, GitHub's hook and its API, and the confirmations of SNS's subscriptions.
 */
export class LocalCloud {
  readonly logs: CloudWatchLogs;
  readonly cloudwatch: CloudWatch;
  readonly lambda: Lambda;
  readonly apiGateway: ApiGateway;
  readonly codedeploy: CodeDeploy;
  readonly github: GitHub;
  readonly codebuild: CodeBuild;
  readonly eventBridge = new EventBridge();
  readonly parameters = new ParameterStore(this.eventBridge);
  readonly sns = new Sns(() => this.awsUrl);
  readonly awsEndpoint: AwsEndpoint;
  #aws: Listening | undefined;

  private constructor(
    directory: string,
    {
      timeScale,
      clock = new Clock(timeScale),
      random = Math.random,
      lambdaQuota,
      deniesDeletion = false,
      workDirectory = directory,
    }: CloudOptions,
  ) {
    this.logs = new CloudWatchLogs(join(directory, "logs"));
    this.cloudwatch = new CloudWatch(clock);
    const { logs, cloudwatch } = this;
    this.lambda = new Lambda({
      directory: join(workDirectory, "lambda"),
      url: () => this.awsUrl,
      logs,
      cloudwatch,
      random,
    });
    this.apiGateway = new ApiGateway(this.lambda, logs, cloudwatch);
    this.codedeploy = new CodeDeploy(this.lambda, cloudwatch, clock);
    this.github = new GitHub(join(workDirectory, "github"));
    this.codebuild = new CodeBuild({
      directory: join(workDirectory, "builds"),
      url: () => this.awsUrl,
      github: this.github,
      logs,
    });
    tellBuilds(this.codebuild, this.eventBridge, cloudwatch);
    tellDeployments(this.codedeploy, this.eventBridge);
    cloudwatch.on("alarm", (change) => {
      const { AlarmActions = [], OKActions = [] } = change.alarm;
      const { subject, message } = alarmNotification(change);
      for (const action of change.to === "ALARM" ? AlarmActions : OKActions) {
        const publisher = { service: "cloudwatch.amazonaws.com", sourceAccount: account.id } as const;
        this.sns.publish(publisher, action, message, subject);
      }
    });
    const quota = lambdaQuota && new RequestQuota(lambdaQuota);
    // CodeDeploy's own UpdateAlias.
    this.codedeploy.on("traffic", () => void quota?.take());
    const ofLambda = lambdaOperations(this.lambda, deniesDeletion);
    this.awsEndpoint = new AwsEndpoint([
      quota ? quota.applyTo(ofLambda) : ofLambda,
      codeDeployOperations(this.codedeploy),
      codeBuildOperations(this.codebuild),
      cloudwatchOperations(cloudwatch),
      logsOperations(logs),
    ]);
  }

  /**
   * Starts an empty local cloud.
   *
   * @param directory Where it keeps its files.
   * @param apiPort The first HTTP API's port, 0 for any that is free.
   * @throws {Error} when the port is in use.
   */
  static async start(directory: string, apiPort: number, options: CloudOptions = {}): Promise<LocalCloud> {
    const cloud = new LocalCloud(directory, options);
    await cloud.apiGateway.listen(apiPort);
    cloud.#aws = await listen(async (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const isForGitHub = pathname === "/post-receive" || pathname.startsWith("/repos/");
      const others = { "/webhooks": cloud.codebuild, "/sns": cloud.sns };
      const other = Object.entries(others).find(([path]) => path === pathname)?.[1];
      const service = isForGitHub ? cloud.github : (other ?? cloud.awsEndpoint);
      await service.handle(request, response);
    });
    return cloud;
  }

  /** The AWS endpoint's address, without a slash at the end. */
  get awsUrl(): string {
    if (!this.#aws) {
      throw new Error("the local cloud is not listening");
    }
    return this.#aws.url;
  }

  /** Stops the builds, then the deployments and the functions, then the servers. */
  async close(): Promise<void> {
    await this.codebuild.close();
    this.codedeploy.close();
    this.cloudwatch.close();
    await this.sns.close();
    await this.lambda.close();
    await Promise.all([this.apiGateway.close(), this.#aws?.close()]);
  }
}
