import { join } from "node:path";
import { AwsEndpoint } from "./awsEndpoint.ts";
import { CloudWatchLogs } from "./cloudwatchLogs.ts";
import { CodeBuild } from "./codebuild/codebuild.ts";
import { CodeDeploy } from "./codedeploy.ts";
import { EventBridge } from "./eventBridge.ts";
import { GitHub } from "./github/github.ts";
import { ApiGateway } from "./httpApi.ts";
import { type Listening, listen } from "./httpServer.ts";
import { Lambda } from "./lambda/lambda.ts";
import { ParameterStore } from "./parameterStore.ts";

/**
 * GitHub and AWS on this machine, as far as the stack uses them: a port for each HTTP API, and one for the AWS endpoint with CodeBuild's
 * webhooks, GitHub's hook and its API.
 */
export class LocalCloud {
  readonly logs: CloudWatchLogs;
  readonly lambda: Lambda;
  readonly apiGateway: ApiGateway;
  readonly codedeploy: CodeDeploy;
  readonly github: GitHub;
  readonly codebuild: CodeBuild;
  readonly eventBridge = new EventBridge();
  readonly parameters = new ParameterStore(this.eventBridge);
  readonly awsEndpoint: AwsEndpoint;
  #aws: Listening | undefined;

  private constructor(directory: string) {
    this.logs = new CloudWatchLogs(join(directory, "logs"));
    this.lambda = new Lambda(join(directory, "lambda"), this.logs);
    this.apiGateway = new ApiGateway(this.lambda, this.logs);
    this.codedeploy = new CodeDeploy(this.lambda);
    this.github = new GitHub(join(directory, "github"));
    this.codebuild = new CodeBuild({
      directory: join(directory, "builds"),
      url: () => this.awsUrl,
      github: this.github,
      logs: this.logs,
    });
    this.awsEndpoint = new AwsEndpoint([this.lambda.service, this.codedeploy.service, this.codebuild.service]);
  }

  /**
   * Starts an empty local cloud.
   *
   * @param directory Where it keeps its files.
   * @param apiPort The first HTTP API's port, 0 for any that is free.
   * @throws {Error} when the port is in use.
   */
  static async start(directory: string, apiPort: number): Promise<LocalCloud> {
    const cloud = new LocalCloud(directory);
    await cloud.apiGateway.listen(apiPort);
    cloud.#aws = await listen(async (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const isForGitHub = pathname === "/post-receive" || pathname.startsWith("/repos/");
      const service = pathname === "/webhooks" ? cloud.codebuild : isForGitHub ? cloud.github : cloud.awsEndpoint;
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

  /** Stops the builds, then the functions, then the servers. */
  async close(): Promise<void> {
    await this.codebuild.close();
    await this.lambda.close();
    await Promise.all([this.apiGateway.close(), this.#aws?.close()]);
  }
}
