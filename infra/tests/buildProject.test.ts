import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { declareStack } from "./components.ts";
import { dev, evaluate, only, type Registration, valueFrom } from "./mocks.ts";
import { inputsOf, loadProgram } from "./sampleProgram.ts";
import { withSettings, withTokenSecret } from "./stacks.ts";

describe("the deploy build", () => {
  it("builds the whole history of the branch from GitHub, reads it through the connection and knows its application", async () => {
    expect(await inputsOf("codebuild.Project deploy")).to.deep.equal({
      name: "push-to-live-dev_deploy",
      description: "A push to the branch: test, bundle, release",
      serviceRole: "arn:aws:iam::123456789012:role/deploy-role-0a1b2c3",
      source: {
        type: "GITHUB",
        location: "https://github.com/owner/name.git",
        gitCloneDepth: 0,
        buildspec: "buildspec.yml",
        auth: { type: "CODECONNECTIONS", resource: dev.config.connectionArn },
        reportBuildStatus: true,
      },
      sourceVersion: "main",
      environment: {
        type: "LINUX_CONTAINER",
        computeType: "BUILD_GENERAL1_SMALL",
        image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        environmentVariables: [{ name: "CODEDEPLOY_APPLICATION", value: "push-to-live-dev" }],
      },
      artifacts: { type: "NO_ARTIFACTS" },
      logsConfig: { cloudwatchLogs: { status: "ENABLED", groupName: "/aws/codebuild/push-to-live-dev_deploy" } },
      buildTimeout: 5,
    });
  });

  it("starts on a push to main, and on nothing else", async () => {
    expect(await inputsOf("codebuild.Webhook deploy-webhook")).to.deep.equal({
      projectName: "push-to-live-dev_deploy",
      buildType: "BUILD",
      filterGroups: [
        {
          filters: [
            { type: "EVENT", pattern: "PUSH" },
            { type: "HEAD_REF", pattern: "^refs/heads/main$" },
          ],
        },
      ],
    });
  });
});

describe("the builds of a project in a folder of its repository", () => {
  it("take their instructions from there, and know the folder", async () => {
    const stack = withSettings({ directory: "services/shop" });
    for (const [name, file] of [
      ["deploy", "buildspec.yml"],
      ["pull-request", "buildspec.pr.yml"],
    ]) {
      const { source, environment } = await inputsOf(`codebuild.Project ${name}`, stack);
      expect(source).to.include({ buildspec: `services/shop/${file}` });
      const { environmentVariables } = environment as { environmentVariables: object[] };
      expect(environmentVariables).to.deep.include({ name: "PROJECT_DIRECTORY", value: "services/shop" });
    }
  });
});

describe("the pull-request build", () => {
  it("reports under a name of its own, has time for its install, and knows no application", async () => {
    expect(await inputsOf("codebuild.Project pull-request")).to.deep.equal({
      name: "push-to-live-dev_pull-request",
      description: "A pull request: types, the team's tests, the bundle; no right to deploy",
      serviceRole: "arn:aws:iam::123456789012:role/pull-request-role-0a1b2c3",
      source: {
        type: "GITHUB",
        location: "https://github.com/owner/name.git",
        gitCloneDepth: 0,
        buildspec: "buildspec.pr.yml",
        auth: { type: "CODECONNECTIONS", resource: dev.config.connectionArn },
        reportBuildStatus: true,
        buildStatusConfig: { context: "push-to-live-dev/pull-request" },
      },
      sourceVersion: "main",
      environment: {
        type: "LINUX_CONTAINER",
        computeType: "BUILD_GENERAL1_SMALL",
        image: "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        environmentVariables: [],
      },
      artifacts: { type: "NO_ARTIFACTS" },
      logsConfig: {
        cloudwatchLogs: { status: "ENABLED", groupName: "/aws/codebuild/push-to-live-dev_pull-request" },
      },
      buildTimeout: 15,
    });
  });

  it("starts for a pull request into main that is opened, changed or reopened, and for a fork's after approval", async () => {
    expect(await inputsOf("codebuild.Webhook pull-request-webhook")).to.deep.equal({
      projectName: "push-to-live-dev_pull-request",
      buildType: "BUILD",
      filterGroups: [
        {
          filters: [
            { type: "EVENT", pattern: "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED" },
            { type: "BASE_REF", pattern: "^refs/heads/main$" },
          ],
        },
      ],
      pullRequestBuildPolicy: {
        requiresCommentApproval: "FORK_PULL_REQUESTS",
        approverRoles: ["GITHUB_ADMIN", "GITHUB_MAINTAIN", "GITHUB_WRITE"],
      },
    });
  });
});

describe("the builds of other stacks", () => {
  it("clones from GitHub Enterprise when the repository is not on github.com", async () => {
    const { registrations } = await loadProgram(withTokenSecret);
    expect(only(registrations, "codebuild.Project deploy").inputs.source).to.deep.include({
      type: "GITHUB_ENTERPRISE",
      location: "https://git.example.com/owner/name.git",
    });
  });

  it("tells a GitHub Enterprise webhook's secret as a secret, and none for github.com", async () => {
    const { result } = await loadProgram(withTokenSecret);
    expect(await pulumi.isSecret(pulumi.output(result.webhookSecret))).to.equal(true);
    expect(await valueFrom(pulumi.unsecret(pulumi.output(result.webhookSecret)))).to.equal("the-webhook-secret");
    expect((await loadProgram(dev)).result.webhookSecret).to.equal("set at GitHub by CodeBuild");
  });

  it("puts each setting where it belongs", async () => {
    const { registrations } = await loadProgram(
      withSettings({ branch: "release/1.x", logRetentionDays: "90", buildTimeoutMinutes: "60" }),
    );
    const logs = registrations.filter(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup");
    expect(logs.map(({ inputs }) => inputs.retentionInDays)).to.deep.equal([90, 90, 90, 90]);
    expect(only(registrations, "codebuild.Project deploy").inputs).to.include({
      sourceVersion: "release/1.x",
      buildTimeout: 60,
    });
    expect(only(registrations, "codebuild.Webhook deploy-webhook").inputs.filterGroups).to.deep.equal([
      {
        filters: [
          { type: "EVENT", pattern: "PUSH" },
          { type: "HEAD_REF", pattern: "^refs/heads/release/1\\.x$" },
        ],
      },
    ]);
    expect(only(registrations, "cloudwatch.EventTarget configuration-target").inputs.input).to.equal(
      '{"sourceVersion":"release/1.x"}',
    );
  });

  it("builds on Lambda compute without a timeout, which it does not take", async () => {
    const { registrations } = await loadProgram(withSettings({ buildCompute: "armLambda" }));
    const { buildTimeout, environment } = only(registrations, "codebuild.Project deploy").inputs;
    expect(buildTimeout).to.equal(undefined);
    expect(environment).to.include({ type: "ARM_LAMBDA_CONTAINER", computeType: "BUILD_LAMBDA_1GB" });
  });

  it("builds pull requests in a container of the same architecture: its install needs more than Lambda compute has", async () => {
    for (const [buildCompute, type] of [
      ["x86", "LINUX_CONTAINER"],
      ["x86Lambda", "LINUX_CONTAINER"],
      ["arm", "ARM_CONTAINER"],
      ["armLambda", "ARM_CONTAINER"],
    ] as const) {
      const { registrations } = await loadProgram(withSettings({ buildCompute }));
      const { buildTimeout, environment } = only(registrations, "codebuild.Project pull-request").inputs;
      expect(buildTimeout, buildCompute).to.equal(15);
      expect(environment, buildCompute).to.include({ type, computeType: "BUILD_GENERAL1_SMALL" });
    }
  });

  it("tells both webhooks' secrets for GitHub Enterprise, as secrets", async () => {
    const { result } = await loadProgram(withTokenSecret);
    expect(await pulumi.isSecret(pulumi.output(result.pullRequestWebhookSecret))).to.equal(true);
  });

  it("takes pull requests into the branch of the settings", async () => {
    const { registrations } = await loadProgram(withSettings({ branch: "release/1.x" }));
    const { filterGroups } = only(registrations, "codebuild.Webhook pull-request-webhook").inputs;
    expect(filterGroups).to.have.nested.property("[0].filters[1].pattern", "^refs/heads/release/1\\.x$");
  });
});
describe("a deploy build of two functions", () => {
  let registrations: readonly Registration[];

  before(async () => {
    const stack = withSettings({ releaseStrategy: "canary10Percent5Minutes", buildTimeoutMinutes: "10" });
    ({ registrations } = await evaluate(stack, () => declareStack(["one", "two"])));
  });

  it("may release and guard both, by the deployment configurations that it is given and all at once, and no other", () => {
    const alarms = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm";
    const logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda";
    const lambda = "arn:aws:lambda:eu-west-1:123456789012:function";
    const codedeploy = "arn:aws:codedeploy:eu-west-1:123456789012";
    const { policy } = only(registrations, "iam.RolePolicy deploy-policy").inputs;
    const statements = (policy as { Statement: { Sid: string; Resource: unknown }[] }).Statement;
    expect(Object.fromEntries(statements.slice(2).map(({ Sid, Resource }) => [Sid, Resource]))).to.deep.equal({
      PublishVersion: [
        `${lambda}:push-to-live-dev_one`,
        `${lambda}:push-to-live-dev_two`,
        `${lambda}:push-to-live-dev_one:*`,
        `${lambda}:push-to-live-dev_two:*`,
      ],
      TryAndPruneVersions: [`${lambda}:push-to-live-dev_one:*`, `${lambda}:push-to-live-dev_two:*`],
      Deploy: [
        `${codedeploy}:deploymentgroup:push-to-live-dev/one`,
        `${codedeploy}:deploymentgroup:push-to-live-dev/two`,
      ],
      StopDeployment: "*",
      RegisterRevision: `${codedeploy}:application:push-to-live-dev`,
      ReadDeploymentConfig: [
        `${codedeploy}:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce`,
        `${codedeploy}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent5Minutes`,
      ],
      GuardRelease: [`${alarms}:push-to-live-dev_one/version-*`, `${alarms}:push-to-live-dev_two/version-*`],
      ReadAlarms: "*",
      ReadLog: [`${logs}/push-to-live-dev_one:*`, `${logs}/push-to-live-dev_two:*`],
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
});
