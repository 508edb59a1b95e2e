import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { BuildProject, type BuildProjectArgs } from "../buildProject.ts";
import { deploymentConfigs as declareConfigs } from "../deploymentConfigs.ts";
import { DeploymentGroup } from "../deploymentGroup.ts";
import { HttpApi } from "../httpApi.ts";
import { LiveFunction } from "../liveFunction.ts";
import { parseStrategy, type ReleaseStrategy } from "../settings/releaseStrategies.ts";
import { dev, evaluate, only, type Registration, valueFrom } from "./mocks.ts";

const connectionArn = dev.config.connectionArn;
const canary = strategyOf("canary10Percent5Minutes");
const args: BuildProjectArgs = {
  projectName: "push-to-live-dev_pull-request",
  description: "A pull request: test",
  repository: { type: "GITHUB", cloneUrl: "https://github.com/owner/name.git" },
  credential: { type: "CODECONNECTIONS", arn: connectionArn },
  branch: "main",
  filterGroups: [{ filters: [{ type: "EVENT", pattern: "PULL_REQUEST_CREATED" }] }],
  buildspec: "buildspec.pr.yml",
  compute: {
    type: "LINUX_CONTAINER",
    computeType: "BUILD_GENERAL1_SMALL",
    image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
  },
  timeoutMinutes: 7,
  logRetentionDays: 14,
  after: [],
};

describe("a build project without releases", () => {
  let registrations: readonly Registration[];

  before(async () => {
    ({ registrations } = await evaluate(dev, () => new BuildProject("pull-request", args)));
  });

  it("is a log, a role, its policies, a project and its webhook", () => {
    expect(registrations.map(({ key }) => key).sort()).to.deep.equal([
      "BuildProject pull-request",
      "cloudwatch.LogGroup pull-request-log",
      "codebuild.Project pull-request",
      "codebuild.Webhook pull-request-webhook",
      "iam.Role pull-request-role",
      "iam.RolePolicy pull-request-policy",
      "iam.RolePolicy pull-request-source-policy",
    ]);
  });

  it("may log, report and read the repository, and neither touch a function nor deploy", () => {
    expect(only(registrations, "iam.RolePolicy pull-request-policy").inputs).to.deep.equal({
      role: "pull-request-role-0a1b2c3",
      policy: {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "WriteLog",
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
            Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/codebuild/push-to-live-dev_pull-request:*",
          },
          {
            Sid: "WriteTestReports",
            Effect: "Allow",
            Action: [
              "codebuild:CreateReportGroup",
              "codebuild:CreateReport",
              "codebuild:UpdateReport",
              "codebuild:BatchPutTestCases",
            ],
            Resource: "arn:aws:codebuild:eu-west-1:123456789012:report-group/push-to-live-dev_pull-request-*",
          },
        ],
      },
    });
    expect(only(registrations, "iam.RolePolicy pull-request-source-policy").inputs).to.deep.equal({
      role: "pull-request-role-0a1b2c3",
      policy: {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "ReadSource",
            Effect: "Allow",
            Action: [
              "codeconnections:GetConnection",
              "codeconnections:GetConnectionToken",
              "codeconnections:UseConnection",
            ],
            Resource: connectionArn,
          },
        ],
      },
    });
  });

  it("is not told of a CodeDeploy application, and is made from exactly its arguments", () => {
    expect(only(registrations, "codebuild.Project pull-request").inputs).to.deep.equal({
      name: "push-to-live-dev_pull-request",
      description: "A pull request: test",
      serviceRole: "arn:aws:iam::123456789012:role/pull-request-role-0a1b2c3",
      source: {
        type: "GITHUB",
        location: "https://github.com/owner/name.git",
        gitCloneDepth: 0,
        buildspec: "buildspec.pr.yml",
        auth: { type: "CODECONNECTIONS", resource: connectionArn },
        reportBuildStatus: true,
      },
      sourceVersion: "main",
      environment: {
        type: "LINUX_CONTAINER",
        computeType: "BUILD_GENERAL1_SMALL",
        image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        environmentVariables: [],
      },
      artifacts: { type: "NO_ARTIFACTS" },
      logsConfig: { cloudwatchLogs: { status: "ENABLED", groupName: "/aws/codebuild/push-to-live-dev_pull-request" } },
      buildTimeout: 7,
    });
  });

  it("starts on exactly the filter groups that it is given, and for a fork only once somebody who may push has approved", () => {
    expect(only(registrations, "codebuild.Webhook pull-request-webhook").inputs).to.deep.equal({
      projectName: "push-to-live-dev_pull-request",
      buildType: "BUILD",
      filterGroups: [{ filters: [{ type: "EVENT", pattern: "PULL_REQUEST_CREATED" }] }],
      pullRequestBuildPolicy: {
        requiresCommentApproval: "FORK_PULL_REQUESTS",
        approverRoles: ["GITHUB_ADMIN", "GITHUB_MAINTAIN", "GITHUB_WRITE"],
      },
    });
  });

  it("keeps its log as long as it is told", () => {
    expect(only(registrations, "cloudwatch.LogGroup pull-request-log").inputs).to.deep.equal({
      name: "/aws/codebuild/push-to-live-dev_pull-request",
      retentionInDays: 14,
    });
  });
});

describe("a build project that releases two functions", () => {
  let registrations: readonly Registration[];

  before(async () => {
    ({ registrations } = await evaluate(dev, () => {
      const { api, application, deploymentConfigs, functionOf } = stack();
      const functions = [functionOf("one"), functionOf("two")];
      for (const fn of functions) {
        api.route(`POST /${fn.folder}`, fn);
      }
      new BuildProject("deploy", { ...args, releases: { application, functions, prefix: "app", deploymentConfigs } });
    }));
  });

  it("may release and guard both, by the deployment configurations that it is given and all at once, and no other", () => {
    const alarms = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm";
    const logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda";
    const lambda = "arn:aws:lambda:eu-west-1:123456789012:function";
    const codedeploy = "arn:aws:codedeploy:eu-west-1:123456789012";
    const { policy } = only(registrations, "iam.RolePolicy deploy-policy").inputs;
    const statements = (policy as { Statement: { Sid: string; Resource: unknown }[] }).Statement;
    expect(Object.fromEntries(statements.slice(2).map(({ Sid, Resource }) => [Sid, Resource]))).to.deep.equal({
      PublishVersion: [`${lambda}:app_one`, `${lambda}:app_two`, `${lambda}:app_one:*`, `${lambda}:app_two:*`],
      TryAndPruneVersions: [`${lambda}:app_one:*`, `${lambda}:app_two:*`],
      Deploy: [`${codedeploy}:deploymentgroup:app/one`, `${codedeploy}:deploymentgroup:app/two`],
      StopDeployment: "*",
      RegisterRevision: `${codedeploy}:application:app`,
      ReadDeploymentConfig: [
        `${codedeploy}:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce`,
        `${codedeploy}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes`,
      ],
      GuardRelease: [`${alarms}:app_one/version-*`, `${alarms}:app_two/version-*`],
      ReadAlarms: "*",
      ReadLog: [`${logs}/app_one:*`, `${logs}/app_two:*`],
    });
  });

  it("moves each function's traffic in a group of its own, by its own role", () => {
    for (const name of ["one", "two"]) {
      expect(only(registrations, `codedeploy.DeploymentGroup ${name}-deployments`).inputs).to.deep.include({
        deploymentGroupName: name,
        deploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
        serviceRoleArn: `arn:aws:iam::123456789012:role/${name}-deployments-role-0a1b2c3`,
      });
    }
  });

  it("has each function answer on its own route of the one API", () => {
    for (const name of ["one", "two"]) {
      expect(only(registrations, `apigatewayv2.Route http-POST /${name}`).inputs).to.deep.equal({
        apiId: "http-api-0a1b2c3",
        routeKey: `POST /${name}`,
        target: `integrations/http-${name}-integration-0a1b2c3`,
      });
    }
  });
});

describe("the deployment configurations of a stack", () => {
  const namesOf = (strategies: readonly ReleaseStrategy[]) =>
    evaluate(dev, () => {
      const { names } = declareConfigs(strategies);
      return pulumi.output([...names]);
    });

  it("are CodeDeploy's own for predefined strategies, each once, and the one for a rollback", async () => {
    const { registrations, result } = await namesOf([canary, strategyOf("linear10PercentEvery1Minute"), canary]);
    expect(registrations).to.deep.equal([]);
    expect(await valueFrom(result)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
    ]);
  });

  it("are declared for others: one for each that differs", async () => {
    const [slow, wide] = [strategyOf("linear5PercentEvery4Minutes"), strategyOf("canary50Percent2Minutes")];
    const { registrations, result } = await namesOf([slow, wide, slow]);
    expect(registrations.map(({ key, inputs }) => ({ key, inputs }))).to.deep.equal([
      {
        key: "codedeploy.DeploymentConfig linear5PercentEvery4Minutes",
        inputs: {
          computePlatform: "Lambda",
          trafficRoutingConfig: { type: "TimeBasedLinear", timeBasedLinear: { percentage: 5, interval: 4 } },
        },
      },
      {
        key: "codedeploy.DeploymentConfig canary50Percent2Minutes",
        inputs: {
          computePlatform: "Lambda",
          trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 50, interval: 2 } },
        },
      },
    ]);
    expect(await valueFrom(result)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "linear5PercentEvery4Minutes-0a1b2c3",
      "canary50Percent2Minutes-0a1b2c3",
    ]);
  });

  it("know no strategy that they were not declared for", () => {
    expect(() => declareConfigs([canary]).nameOf(strategyOf("canary10Percent10Minutes"))).to.throw(
      "there is no deployment configuration of canary10Percent10Minutes; there are allAtOnce, canary10Percent5Minutes",
    );
  });
});

describe("each component", () => {
  it("takes resource options: a parent of its own", async () => {
    const { registrations } = await evaluate(dev, () => {
      const { application, api, functionOf } = stack();
      const parent = { parent: api };
      new HttpApi("inner", apiArgs, parent);
      functionOf("fn", parent);
      new BuildProject("build", args, parent);
      const group = { application, groupName: "g", functionArn: "arn:fn", deploymentConfigName: "config" };
      new DeploymentGroup("group", group, parent);
    });
    expect(
      ["HttpApi inner", "LiveFunction fn", "BuildProject build", "DeploymentGroup group"].map(
        (key) => only(registrations, key).parent,
      ),
    ).to.deep.equal(Array(4).fill("HttpApi http"));
  });
});

function strategyOf(name: string): ReleaseStrategy {
  const strategy = parseStrategy(name);
  if (!strategy) {
    throw new Error(`${name} is no strategy`);
  }
  return strategy;
}

const apiArgs = {
  prefix: "app",
  logRetentionDays: 14,
  corsOrigins: [],
  throttling: { rateLimit: 1, burstLimit: 1 },
  protect: false,
};

/** An API and a CodeDeploy application, and functions that use them. */
function stack() {
  const api = new HttpApi("http", apiArgs);
  const application = new aws.codedeploy.Application("releases", { name: "app", computePlatform: "Lambda" });
  const deploymentConfigs = declareConfigs([canary]);
  const functionOf = (name: string, opts?: pulumi.ComponentResourceOptions): LiveFunction =>
    new LiveFunction(
      name,
      {
        application,
        zip: join(import.meta.dirname, "no.zip"),
        deploymentConfigs,
        releaseStrategy: canary,
        prefix: "app",
        logRetentionDays: 14,
        memorySize: 128,
        timeout: 10,
        environment: {},
        protect: false,
      },
      opts,
    );
  return { api, application, deploymentConfigs, functionOf };
}
