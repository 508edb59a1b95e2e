import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { root } from "../../sample/project.ts";
import { dependenciesOf, dev, type Evaluation, only, type Registration, type Stack, valueFrom } from "./mocks.ts";
import { statementsOf } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";

type Program = Evaluation<typeof import("../../sample/index.ts")>;

/** What a version of the function is made of in the dev stack, beside its code. */
const configuration = {
  role: "arn:aws:iam::123456789012:role/hello-user-role-0a1b2c3",
  runtime: "nodejs24.x",
  architectures: ["arm64"],
  handler: "handler.handler",
  memorySize: 128,
  timeout: 10,
  loggingConfig: { logFormat: "JSON", logGroup: "/aws/lambda/push-to-live-dev_hello-user" },
  tracingConfig: { mode: "PassThrough" },
};
const configurationHash = createHash("sha256")
  .update(JSON.stringify({ "hello-user": configuration }))
  .digest("hex");
const secretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-token-AbCdEf";
const enterprise: Stack = {
  ...dev,
  config: { repository: "https://git.example.com/owner/name", tokenSecretArn: secretArn },
};
const withToken = {
  ...dev,
  config: { repository: dev.config.repository },
  secretConfig: { token: "ghp_0123456789abcdefghij" },
} as const satisfies Stack;

describe("the program of a dev stack", () => {
  let program: Program;
  const inputsOf = (key: string): Registration["inputs"] => only(program.registrations, key).inputs;

  before(async () => {
    program = await programOf(dev);
  });

  describe("the graph", () => {
    it("declares exactly these types, each so often", () => {
      expect(countsOf(program.registrations)).to.deep.equal({
        "aws:apigatewayv2/api:Api": 1,
        "aws:apigatewayv2/integration:Integration": 1,
        "aws:apigatewayv2/route:Route": 1,
        "aws:apigatewayv2/stage:Stage": 1,
        "aws:cloudwatch/eventRule:EventRule": 1,
        "aws:cloudwatch/eventTarget:EventTarget": 1,
        "aws:cloudwatch/logGroup:LogGroup": 4,
        "aws:cloudwatch/metricAlarm:MetricAlarm": 1,
        "aws:codebuild/project:Project": 2,
        "aws:codebuild/webhook:Webhook": 2,
        "aws:codedeploy/application:Application": 1,
        "aws:codedeploy/deploymentGroup:DeploymentGroup": 1,
        "aws:iam/role:Role": 5,
        "aws:iam/rolePolicy:RolePolicy": 7,
        "aws:lambda/alias:Alias": 1,
        "aws:lambda/function:Function": 1,
        "aws:lambda/permission:Permission": 1,
        "aws:ssm/parameter:Parameter": 1,
        "infra:index:BuildProject": 2,
        "infra:index:ConfigurationRelease": 1,
        "infra:index:DeploymentGroup": 1,
        "infra:index:HttpApi": 1,
        "infra:index:LiveFunction": 1,
        "infra:index:Monitoring": 1,
      });
    });

    it("gives every resource but the components and the application of index.ts a component as its parent", () => {
      expect(Object.fromEntries(program.registrations.map(({ key, parent }) => [key, parent]))).to.deep.equal({
        "HttpApi http": undefined,
        "apigatewayv2.Api http-api": "HttpApi http",
        "cloudwatch.LogGroup http-access-log": "HttpApi http",
        "apigatewayv2.Stage http-stage": "HttpApi http",
        "lambda.Permission http-hello-user-permission": "HttpApi http",
        "apigatewayv2.Integration http-hello-user-integration": "HttpApi http",
        "apigatewayv2.Route http-GET /hello_user": "HttpApi http",
        "codedeploy.Application releases": undefined,
        "LiveFunction hello-user": undefined,
        "cloudwatch.LogGroup hello-user-log": "LiveFunction hello-user",
        "iam.Role hello-user-role": "LiveFunction hello-user",
        "iam.RolePolicy hello-user-policy": "LiveFunction hello-user",
        "lambda.Function hello-user": "LiveFunction hello-user",
        "lambda.Alias hello-user-live": "LiveFunction hello-user",
        "DeploymentGroup hello-user-deployments": "LiveFunction hello-user",
        "codedeploy.DeploymentGroup hello-user-deployments": "DeploymentGroup hello-user-deployments",
        "iam.Role hello-user-deployments-role": "DeploymentGroup hello-user-deployments",
        "iam.RolePolicy hello-user-deployments-policy": "DeploymentGroup hello-user-deployments",
        "BuildProject deploy": undefined,
        "cloudwatch.LogGroup deploy-log": "BuildProject deploy",
        "iam.Role deploy-role": "BuildProject deploy",
        "iam.RolePolicy deploy-policy": "BuildProject deploy",
        "iam.RolePolicy deploy-source-policy": "BuildProject deploy",
        "codebuild.Project deploy": "BuildProject deploy",
        "codebuild.Webhook deploy-webhook": "BuildProject deploy",
        "BuildProject pull-request": undefined,
        "cloudwatch.LogGroup pull-request-log": "BuildProject pull-request",
        "iam.Role pull-request-role": "BuildProject pull-request",
        "iam.RolePolicy pull-request-policy": "BuildProject pull-request",
        "iam.RolePolicy pull-request-source-policy": "BuildProject pull-request",
        "codebuild.Project pull-request": "BuildProject pull-request",
        "codebuild.Webhook pull-request-webhook": "BuildProject pull-request",
        "ConfigurationRelease configuration": undefined,
        "ssm.Parameter configuration": "ConfigurationRelease configuration",
        "cloudwatch.EventRule configuration-rule": "ConfigurationRelease configuration",
        "cloudwatch.EventTarget configuration-target": "ConfigurationRelease configuration",
        "iam.Role configuration-role": "ConfigurationRelease configuration",
        "iam.RolePolicy configuration-policy": "ConfigurationRelease configuration",
        "Monitoring monitoring": undefined,
        "cloudwatch.MetricAlarm monitoring-api-5xx": "Monitoring monitoring",
      });
    });

    it("makes each resource wait for exactly what it needs", () => {
      const wholeFunction = [
        "cloudwatch.LogGroup hello-user-log",
        "codedeploy.DeploymentGroup hello-user-deployments",
        "iam.Role hello-user-deployments-role",
        "iam.Role hello-user-role",
        "iam.RolePolicy hello-user-deployments-policy",
        "iam.RolePolicy hello-user-policy",
        "lambda.Alias hello-user-live",
        "lambda.Function hello-user",
      ];
      const custom = program.registrations.filter(({ dependencies }) => dependencies.length > 0);
      expect(Object.fromEntries(custom.map(({ key, dependencies }) => [key, dependencies]))).to.deep.equal({
        "apigatewayv2.Stage http-stage": ["apigatewayv2.Api http-api", "cloudwatch.LogGroup http-access-log"],
        "iam.RolePolicy hello-user-policy": ["cloudwatch.LogGroup hello-user-log", "iam.Role hello-user-role"],
        // The policy: a function called at once finds its right to write a log.
        "lambda.Function hello-user": [
          "cloudwatch.LogGroup hello-user-log",
          "iam.Role hello-user-role",
          "iam.RolePolicy hello-user-policy",
        ],
        "lambda.Alias hello-user-live": ["lambda.Function hello-user"],
        "lambda.Permission http-hello-user-permission": [
          "apigatewayv2.Api http-api",
          "lambda.Alias hello-user-live",
          "lambda.Function hello-user",
        ],
        "apigatewayv2.Integration http-hello-user-integration": [
          "apigatewayv2.Api http-api",
          "lambda.Alias hello-user-live",
        ],
        // The permission: a route that answers may call the function.
        "apigatewayv2.Route http-GET /hello_user": [
          "apigatewayv2.Api http-api",
          "apigatewayv2.Integration http-hello-user-integration",
          "lambda.Permission http-hello-user-permission",
        ],
        "iam.RolePolicy hello-user-deployments-policy": [
          "iam.Role hello-user-deployments-role",
          "lambda.Function hello-user",
        ],
        // The policy: a deployment that starts at once finds the role's rights.
        "codedeploy.DeploymentGroup hello-user-deployments": [
          "codedeploy.Application releases",
          "iam.Role hello-user-deployments-role",
          "iam.RolePolicy hello-user-deployments-policy",
        ],
        "iam.RolePolicy deploy-policy": [
          "cloudwatch.LogGroup deploy-log",
          "codedeploy.Application releases",
          "codedeploy.DeploymentGroup hello-user-deployments",
          "iam.Role deploy-role",
          "lambda.Function hello-user",
        ],
        // The right to read the source waits for the role alone, and the project for what takes long: CreateProject checks the one with the other.
        "iam.RolePolicy deploy-source-policy": ["iam.Role deploy-role"],
        "codebuild.Project deploy": [
          ...wholeFunction,
          "cloudwatch.LogGroup deploy-log",
          "codedeploy.Application releases",
          "iam.Role deploy-role",
          "iam.RolePolicy deploy-policy",
          "iam.RolePolicy deploy-source-policy",
        ].sort(),
        "codebuild.Webhook deploy-webhook": ["codebuild.Project deploy"],
        "cloudwatch.MetricAlarm monitoring-api-5xx": ["apigatewayv2.Api http-api", "apigatewayv2.Stage http-stage"],
        // Of the functions and the application nothing.
        "iam.RolePolicy pull-request-policy": ["cloudwatch.LogGroup pull-request-log", "iam.Role pull-request-role"],
        "iam.RolePolicy pull-request-source-policy": ["iam.Role pull-request-role"],
        "codebuild.Project pull-request": [
          ...wholeFunction,
          "cloudwatch.LogGroup pull-request-log",
          "iam.Role pull-request-role",
          "iam.RolePolicy pull-request-policy",
          "iam.RolePolicy pull-request-source-policy",
        ].sort(),
        "codebuild.Webhook pull-request-webhook": ["codebuild.Project pull-request"],
        "iam.RolePolicy configuration-policy": ["codebuild.Project deploy", "iam.Role configuration-role"],
        "cloudwatch.EventTarget configuration-target": [
          "cloudwatch.EventRule configuration-rule",
          "codebuild.Project deploy",
          "iam.Role configuration-role",
          "iam.RolePolicy configuration-policy",
        ],
        // All of the function and of the build: what its change starts must find them as they are now.
        "ssm.Parameter configuration": [
          ...wholeFunction,
          "cloudwatch.EventTarget configuration-target",
          "cloudwatch.LogGroup deploy-log",
          "codebuild.Project deploy",
          "codebuild.Webhook deploy-webhook",
          "iam.Role deploy-role",
          "iam.RolePolicy deploy-policy",
          "iam.RolePolicy deploy-source-policy",
        ].sort(),
      });
    });

    it("leaves the code and what the alias points at to the releases, and makes the webhook anew for another repository", () => {
      const special = program.registrations.filter(({ options }) => Object.keys(options).length > 0);
      expect(Object.fromEntries(special.map(({ key, options }) => [key, options]))).to.deep.equal({
        "lambda.Function hello-user": { ignoreChanges: ["code"] },
        "lambda.Alias hello-user-live": { ignoreChanges: ["functionVersion", "routingConfig", "description"] },
        "codebuild.Webhook deploy-webhook": {
          replacementTrigger: "https://github.com/owner/name.git",
          deleteBeforeReplace: true,
        },
        "codebuild.Webhook pull-request-webhook": {
          replacementTrigger: "https://github.com/owner/name.git",
          deleteBeforeReplace: true,
        },
      });
    });

    it("asks AWS for the partition, the region and the account, and nothing else", () => {
      expect(program.calls).to.deep.equal([
        "aws:index/getCallerIdentity:getCallerIdentity",
        "aws:index/getPartition:getPartition",
        "aws:index/getRegion:getRegion",
      ]);
    });

    it("registers the outputs of each component", () => {
      expect(program.componentOutputs).to.deep.equal({
        "HttpApi http": {
          apiId: "http-api-0a1b2c3",
          url: "https://http-api-0a1b2c3.execute-api.eu-west-1.amazonaws.com",
        },
        "LiveFunction hello-user": {
          functionName: "push-to-live-dev_hello-user",
          functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user",
        },
        "DeploymentGroup hello-user-deployments": {
          arn: "arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:push-to-live-dev/hello-user",
        },
        "BuildProject deploy": {
          projectName: "push-to-live-dev_deploy",
          webhookUrl: "https://codebuild.eu-west-1.amazonaws.com/webhooks?t=push-to-live-dev_deploy",
        },
        "BuildProject pull-request": {
          projectName: "push-to-live-dev_pull-request",
          webhookUrl: "https://codebuild.eu-west-1.amazonaws.com/webhooks?t=push-to-live-dev_pull-request",
        },
        "ConfigurationRelease configuration": { hash: configurationHash },
        "Monitoring monitoring": {},
      });
    });

    it("exports exactly the address, the functions' names, the build projects, their webhooks and the configuration's hash", async () => {
      expect(await valueFrom({ ...program.result })).to.deep.equal({
        apiUrl: "https://http-api-0a1b2c3.execute-api.eu-west-1.amazonaws.com",
        functionNames: { "hello-user": "push-to-live-dev_hello-user" },
        deployProject: "push-to-live-dev_deploy",
        pullRequestProject: "push-to-live-dev_pull-request",
        pullRequestWebhookUrl: "https://codebuild.eu-west-1.amazonaws.com/webhooks?t=push-to-live-dev_pull-request",
        pullRequestWebhookSecret: "set at GitHub by CodeBuild",
        webhookUrl: "https://codebuild.eu-west-1.amazonaws.com/webhooks?t=push-to-live-dev_deploy",
        webhookSecret: "set at GitHub by CodeBuild",
        configurationHash: `${configurationHash}; a change is released by a build of push-to-live-dev_deploy, which starts by itself`,
      });
    });

    it("gives the address out once the stage answers", async () => {
      expect(await dependenciesOf(program.result.apiUrl)).to.deep.equal([
        "apigatewayv2.Api http-api",
        "apigatewayv2.Stage http-stage",
      ]);
    });
  });

  describe("the API", () => {
    it("is an HTTP API of the stack's name", () => {
      expect(inputsOf("apigatewayv2.Api http-api")).to.deep.equal({
        name: "push-to-live-dev",
        protocolType: "HTTP",
        description: "Routes to the live alias of each function",
      });
    });

    it("has one stage, at the root of its address, that deploys itself and writes to the access log", () => {
      const { accessLogSettings, ...others } = inputsOf("apigatewayv2.Stage http-stage");
      expect(others).to.deep.equal({
        apiId: "http-api-0a1b2c3",
        name: "$default",
        autoDeploy: true,
        defaultRouteSettings: { throttlingRateLimit: 100, throttlingBurstLimit: 200 },
      });
      expect(accessLogSettings)
        .to.be.an("object")
        .with.property(
          "destinationArn",
          "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/push-to-live-dev",
        );
      expect(accessLogSettings).to.have.all.keys("destinationArn", "format");
    });

    it("logs each request as one line of JSON with these fields", () => {
      const { accessLogSettings } = inputsOf("apigatewayv2.Stage http-stage");
      expect(accessLogSettings).to.have.property(
        "format",
        JSON.stringify({
          requestId: "$context.requestId",
          requestTime: "$context.requestTime",
          sourceIp: "$context.identity.sourceIp",
          routeKey: "$context.routeKey",
          status: "$context.status",
          responseLatency: "$context.responseLatency",
          integrationStatus: "$context.integration.status",
          integrationLatency: "$context.integrationLatency",
          lambdaStatus: "$context.integration.integrationStatus",
          error: "$context.error.responseType",
        }),
      );
    });

    it("routes GET /hello_user to the function's integration", () => {
      expect(inputsOf("apigatewayv2.Route http-GET /hello_user")).to.deep.equal({
        apiId: "http-api-0a1b2c3",
        routeKey: "GET /hello_user",
        target: "integrations/http-hello-user-integration-0a1b2c3",
      });
    });

    it("integrates the alias live as a proxy with payload 2.0", () => {
      expect(inputsOf("apigatewayv2.Integration http-hello-user-integration")).to.deep.equal({
        apiId: "http-api-0a1b2c3",
        integrationType: "AWS_PROXY",
        integrationUri:
          "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user:live/invocations",
        payloadFormatVersion: "2.0",
      });
    });

    it("may invoke the alias live from its own routes, and no other API may", () => {
      expect(inputsOf("lambda.Permission http-hello-user-permission")).to.deep.equal({
        action: "lambda:InvokeFunction",
        principal: "apigateway.amazonaws.com",
        function: "push-to-live-dev_hello-user",
        qualifier: "live",
        sourceArn: "arn:aws:execute-api:eu-west-1:123456789012:http-api-0a1b2c3/*/*",
      });
    });

    it("reaches $LATEST by no input of any resource", () => {
      expect(program.registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("$LATEST"))).to.deep.equal(
        [],
      );
    });
  });

  describe("the function", () => {
    it("runs the bundle on Node 24 and arm64, as its own role, and writes JSON to its own log", () => {
      const { code, ...others } = inputsOf("lambda.Function hello-user");
      expect(code).to.be.an.instanceOf(pulumi.asset.FileArchive);
      expect(others).to.deep.equal({
        name: "push-to-live-dev_hello-user",
        ...configuration,
        publish: true,
      });
    });

    it("has as its code the zip that the program has bundled", async () => {
      const { code } = inputsOf("lambda.Function hello-user");
      const path = code instanceof pulumi.asset.FileArchive ? await code.path : "";
      expect(path).to.equal("dist/hello-user.zip");
      expect(existsSync(join(root, path))).to.equal(true);
    });

    it("has the alias live, which begins at the version that up has published", () => {
      expect(inputsOf("lambda.Alias hello-user-live")).to.deep.equal({
        name: "live",
        functionName: "push-to-live-dev_hello-user",
        functionVersion: "3",
      });
    });
  });

  describe("the logs", () => {
    for (const [key, name] of [
      ["cloudwatch.LogGroup http-access-log", "/aws/vendedlogs/push-to-live-dev"],
      ["cloudwatch.LogGroup hello-user-log", "/aws/lambda/push-to-live-dev_hello-user"],
      ["cloudwatch.LogGroup deploy-log", "/aws/codebuild/push-to-live-dev_deploy"],
      ["cloudwatch.LogGroup pull-request-log", "/aws/codebuild/push-to-live-dev_pull-request"],
    ] as const) {
      it(`keeps ${name} for 30 days`, () => {
        expect(inputsOf(key)).to.deep.equal({ name, retentionInDays: 30 });
      });
    }
  });

  describe("the releases", () => {
    it("belong to a CodeDeploy application of the stack's name", () => {
      expect(inputsOf("codedeploy.Application releases")).to.deep.equal({
        name: "push-to-live-dev",
        computePlatform: "Lambda",
      });
    });

    it("have a group per function, which shifts traffic and rolls back what fails or is stopped", () => {
      expect(inputsOf("codedeploy.DeploymentGroup hello-user-deployments")).to.deep.equal({
        appName: "push-to-live-dev",
        deploymentGroupName: "hello-user",
        deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
        serviceRoleArn: "arn:aws:iam::123456789012:role/hello-user-deployments-role-0a1b2c3",
        deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
        autoRollbackConfiguration: { enabled: true, events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
      });
    });
  });

  describe("the deploy build", () => {
    it("builds the whole history of the branch from GitHub, reads it through the connection and knows its application", () => {
      expect(inputsOf("codebuild.Project deploy")).to.deep.equal({
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

    it("starts on a push to main, and on nothing else", () => {
      expect(inputsOf("codebuild.Webhook deploy-webhook")).to.deep.equal({
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

  describe("the pull-request build", () => {
    it("reports under a name of its own, has time for every test, and knows no application", () => {
      expect(inputsOf("codebuild.Project pull-request")).to.deep.equal({
        name: "push-to-live-dev_pull-request",
        description: "A pull request: every test, and no right to deploy",
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

    it("starts for a pull request into main that is opened, changed or reopened, and for a fork's after approval", () => {
      expect(inputsOf("codebuild.Webhook pull-request-webhook")).to.deep.equal({
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

  describe("a changed configuration", () => {
    it("changes a parameter", () => {
      expect(inputsOf("ssm.Parameter configuration")).to.deep.equal({
        name: "/releases/push-to-live-dev/configuration",
        description: "A change starts the deploy build, which releases the functions' configuration",
        type: "String",
        insecureValue: configurationHash,
      });
    });

    it("which starts the deploy build of the branch when it is updated, not when it is created", () => {
      const { eventPattern, ...rule } = inputsOf("cloudwatch.EventRule configuration-rule");
      expect(rule).to.deep.equal({ description: "A changed configuration starts the deploy build" });
      expect(JSON.parse(String(eventPattern))).to.deep.equal({
        source: ["aws.ssm"],
        "detail-type": ["Parameter Store Change"],
        detail: { name: ["/releases/push-to-live-dev/configuration"], operation: ["Update"] },
      });
      expect(inputsOf("cloudwatch.EventTarget configuration-target")).to.deep.equal({
        rule: "configuration-rule-0a1b2c3",
        arn: "arn:aws:codebuild:eu-west-1:123456789012:project/push-to-live-dev_deploy",
        roleArn: "arn:aws:iam::123456789012:role/configuration-role-0a1b2c3",
        input: '{"sourceVersion":"main"}',
      });
    });
  });

  describe("the roles", () => {
    for (const [name, description, service] of [
      ["hello-user-role", "The function runs as this role", "lambda.amazonaws.com"],
      ["hello-user-deployments-role", "CodeDeploy moves the alias of one function", "codedeploy.amazonaws.com"],
      ["deploy-role", "A push to the branch: test, bundle, release", "codebuild.amazonaws.com"],
      ["pull-request-role", "A pull request: every test, and no right to deploy", "codebuild.amazonaws.com"],
      ["configuration-role", "A changed configuration starts the deploy build", "events.amazonaws.com"],
    ] as const) {
      it(`lets only ${service} assume ${name}`, () => {
        expect(inputsOf(`iam.Role ${name}`)).to.deep.equal({
          description,
          assumeRolePolicy: {
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Principal: { Service: service },
                Action: "sts:AssumeRole",
                // Lambda's documentation asks for none, and its trust policy is also checked where a function is created.
                ...(service !== "lambda.amazonaws.com" && {
                  Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
                }),
              },
            ],
          },
        });
      });
    }

    it("let the function write to its own log, and nothing else", () => {
      expect(inputsOf("iam.RolePolicy hello-user-policy")).to.deep.equal({
        role: "hello-user-role-0a1b2c3",
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "WriteLog",
              Effect: "Allow",
              Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/push-to-live-dev_hello-user:*",
            },
          ],
        },
      });
    });

    it("let CodeDeploy move the alias of the one function and see alarms, and nothing else", () => {
      expect(inputsOf("iam.RolePolicy hello-user-deployments-policy")).to.deep.equal({
        role: "hello-user-deployments-role-0a1b2c3",
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "MoveAlias",
              Effect: "Allow",
              Action: ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
              Resource: [
                "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user",
                "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user:*",
              ],
            },
            { Sid: "WatchAlarms", Effect: "Allow", Action: ["cloudwatch:DescribeAlarms"], Resource: "*" },
          ],
        },
      });
    });

    it("let the rule start the deploy build, and nothing else", () => {
      expect(inputsOf("iam.RolePolicy configuration-policy")).to.deep.equal({
        role: "configuration-role-0a1b2c3",
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "StartBuild",
              Effect: "Allow",
              Action: ["codebuild:StartBuild"],
              Resource: "arn:aws:codebuild:eu-west-1:123456789012:project/push-to-live-dev_deploy",
            },
          ],
        },
      });
    });

    it("let both builds read the repository, by a policy of its own", () => {
      for (const project of ["deploy", "pull-request"]) {
        expect(inputsOf(`iam.RolePolicy ${project}-source-policy`)).to.deep.equal({
          role: `${project}-role-0a1b2c3`,
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
                Resource: dev.config.connectionArn,
              },
            ],
          },
        });
      }
    });

    it("let the deploy build log, report and release this stack, and nothing else", () => {
      expect(inputsOf("iam.RolePolicy deploy-policy")).to.deep.equal({
        role: "deploy-role-0a1b2c3",
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "WriteLog",
              Effect: "Allow",
              Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
              Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/codebuild/push-to-live-dev_deploy:*",
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
              Resource: "arn:aws:codebuild:eu-west-1:123456789012:report-group/push-to-live-dev_deploy-*",
            },
            {
              Sid: "PublishVersion",
              Effect: "Allow",
              Action: [
                "lambda:GetAlias",
                "lambda:GetFunction",
                "lambda:ListAliases",
                "lambda:ListVersionsByFunction",
                "lambda:PublishVersion",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
              ],
              Resource: [
                "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user",
                "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user:*",
              ],
            },
            {
              Sid: "TryAndPruneVersions",
              Effect: "Allow",
              Action: ["lambda:DeleteFunction", "lambda:InvokeFunction"],
              Resource: ["arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user:*"],
            },
            {
              Sid: "Deploy",
              Effect: "Allow",
              Action: [
                "codedeploy:CreateDeployment",
                "codedeploy:GetDeployment",
                "codedeploy:GetDeploymentGroup",
                "codedeploy:ListDeployments",
                "codedeploy:UpdateDeploymentGroup",
              ],
              Resource: ["arn:aws:codedeploy:eu-west-1:123456789012:deploymentgroup:push-to-live-dev/hello-user"],
            },
            { Sid: "StopDeployment", Effect: "Allow", Action: ["codedeploy:StopDeployment"], Resource: "*" },
            {
              Sid: "RegisterRevision",
              Effect: "Allow",
              Action: ["codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"],
              Resource: "arn:aws:codedeploy:eu-west-1:123456789012:application:push-to-live-dev",
            },
            {
              Sid: "ReadDeploymentConfig",
              Effect: "Allow",
              Action: ["codedeploy:GetDeploymentConfig"],
              Resource: [
                "arn:aws:codedeploy:eu-west-1:123456789012:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce",
              ],
            },
            {
              Sid: "GuardRelease",
              Effect: "Allow",
              Action: ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"],
              Resource: ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:push-to-live-dev_hello-user/version-*"],
            },
            {
              Sid: "ReadAlarms",
              Effect: "Allow",
              Action: ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
              Resource: "*",
            },
            {
              Sid: "ReadLog",
              Effect: "Allow",
              Action: ["logs:FilterLogEvents"],
              Resource: ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/push-to-live-dev_hello-user:*"],
            },
          ],
        },
      });
    });
  });
});

describe("the program of other stacks", () => {
  it("reads the repository with a token from Secrets Manager when the settings name one", async () => {
    const { registrations } = await programOf(enterprise);
    expect(only(registrations, "codebuild.Project deploy").inputs.source).to.have.deep.property("auth", {
      type: "SECRETS_MANAGER",
      resource: secretArn,
    });
    const statement = {
      Sid: "ReadSource",
      Effect: "Allow",
      Action: ["secretsmanager:GetSecretValue"],
      Resource: secretArn,
    };
    expect(statementsOf(registrations).filter(({ Sid }) => Sid === "ReadSource")).to.deep.equal([statement, statement]);
  });

  it("clones from GitHub Enterprise when the repository is not on github.com", async () => {
    const { registrations } = await programOf(enterprise);
    expect(only(registrations, "codebuild.Project deploy").inputs.source).to.deep.include({
      type: "GITHUB_ENTERPRISE",
      location: "https://git.example.com/owner/name.git",
    });
  });

  it("keeps a token in a secret of the stack's own, and never shows it", async () => {
    const { registrations } = await loadProgram(withToken);
    expect(only(registrations, "secretsmanager.Secret token").inputs).to.deep.equal({
      description: "CodeBuild of push-to-live-dev reads its repository with it",
      recoveryWindowInDays: 0,
      tags: {
        "codebuild:source": "",
        "codebuild:source:type": "personal_access_token",
        "codebuild:source:provider": "github",
      },
    });
    const made = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-0a1b2c3-AbCdEf";
    const { secretId, secretString } = only(registrations, "secretsmanager.SecretVersion token-value").inputs;
    expect(secretId).to.equal(made);
    expect(pulumi.runtime.isRpcSecret(secretString)).to.equal(true);
    expect(JSON.parse(pulumi.runtime.unwrapRpcSecret(secretString))).to.deep.equal({
      ServerType: "GITHUB",
      AuthType: "PERSONAL_ACCESS_TOKEN",
      Token: withToken.secretConfig.token,
    });
    const { source } = only(registrations, "codebuild.Project deploy").inputs;
    expect(source).to.have.deep.property("auth", { type: "SECRETS_MANAGER", resource: made });
    expect(statementsOf(registrations).find(({ Sid }) => Sid === "ReadSource")?.Resource).to.equal(made);
    // The project's policy, and so the project, wait for the secret's value.
    expect(only(registrations, "iam.RolePolicy deploy-source-policy").dependencies).to.include(
      "secretsmanager.SecretVersion token-value",
    );
  });

  it("tells a GitHub Enterprise webhook's secret as a secret, and none for github.com", async () => {
    const { result } = await programOf(enterprise);
    expect(await pulumi.isSecret(pulumi.output(result.webhookSecret))).to.equal(true);
    expect(await valueFrom(pulumi.unsecret(pulumi.output(result.webhookSecret)))).to.equal("the-webhook-secret");
    expect((await programOf(dev)).result.webhookSecret).to.equal("set at GitHub by CodeBuild");
  });

  it("puts each setting where it belongs", async () => {
    const { registrations } = await loadProgram({
      ...dev,
      config: { ...dev.config, branch: "release/1.x", logRetentionDays: "90", buildTimeoutMinutes: "60" },
    });
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

  it("lets pages of the origins that the settings name call the API", async () => {
    const config = { ...dev.config, corsOrigins: '["https://www.example.com"]' };
    const { registrations } = await loadProgram({ ...dev, config });
    expect(only(registrations, "apigatewayv2.Api http-api").inputs.corsConfiguration).to.deep.equal({
      allowOrigins: ["https://www.example.com"],
      allowMethods: ["*"],
      allowHeaders: ["authorization", "content-type"],
      maxAge: 3600,
    });
  });

  it("limits requests as the settings say", async () => {
    const config = { ...dev.config, throttlingRateLimit: "7", throttlingBurstLimit: "9" };
    const { registrations } = await loadProgram({ ...dev, config });
    expect(only(registrations, "apigatewayv2.Stage http-stage").inputs.defaultRouteSettings).to.deep.equal({
      throttlingRateLimit: 7,
      throttlingBurstLimit: 9,
    });
  });

  it("protects the API, the function and its alias when the settings say so, and nothing else", async () => {
    const { registrations } = await loadProgram({ ...dev, config: { ...dev.config, protect: "true" } });
    expect(registrations.filter(({ options }) => options.protect).map(({ key }) => key)).to.have.members([
      "apigatewayv2.Api http-api",
      "lambda.Function hello-user",
      "lambda.Alias hello-user-live",
    ]);
  });

  it("builds on Lambda compute without a timeout, which it does not take", async () => {
    const { registrations } = await loadProgram({ ...dev, config: { ...dev.config, buildCompute: "armLambda" } });
    const { buildTimeout, environment } = only(registrations, "codebuild.Project deploy").inputs;
    expect(buildTimeout).to.equal(undefined);
    expect(environment).to.include({ type: "ARM_LAMBDA_CONTAINER", computeType: "BUILD_LAMBDA_1GB" });
  });

  it("builds pull requests in a container of the same architecture: every test needs more than Lambda compute has", async () => {
    for (const [buildCompute, type] of [
      ["x86", "LINUX_CONTAINER"],
      ["x86Lambda", "LINUX_CONTAINER"],
      ["arm", "ARM_CONTAINER"],
      ["armLambda", "ARM_CONTAINER"],
    ] as const) {
      const { registrations } = await loadProgram({ ...dev, config: { ...dev.config, buildCompute } });
      const { buildTimeout, environment } = only(registrations, "codebuild.Project pull-request").inputs;
      expect(buildTimeout, buildCompute).to.equal(15);
      expect(environment, buildCompute).to.include({ type, computeType: "BUILD_GENERAL1_SMALL" });
    }
  });

  it("tells both webhooks' secrets for GitHub Enterprise, as secrets", async () => {
    const { result } = await programOf(enterprise);
    expect(await pulumi.isSecret(pulumi.output(result.pullRequestWebhookSecret))).to.equal(true);
  });

  it("takes pull requests into the branch of the settings", async () => {
    const { registrations } = await loadProgram({ ...dev, config: { ...dev.config, branch: "release/1.x" } });
    const { filterGroups } = only(registrations, "codebuild.Webhook pull-request-webhook").inputs;
    expect(filterGroups).to.have.nested.property("[0].filters[1].pattern", "^refs/heads/release/1\\.x$");
  });

  it("gives the function the memory, the timeout and the environment of the settings, whose change is a change of configuration", async () => {
    const functions = { "hello-user": { memorySize: 512, timeout: 3, environment: { GREETING: "hi" } } };
    const config = { ...dev.config, functions: JSON.stringify(functions) };
    const { registrations } = await loadProgram({ ...dev, config });
    expect(only(registrations, "lambda.Function hello-user").inputs).to.deep.include({
      memorySize: 512,
      timeout: 3,
      environment: { variables: { GREETING: "hi" } },
    });
    expect(only(registrations, "ssm.Parameter configuration").inputs.insecureValue)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(configurationHash);
  });

  it("moves traffic by CodeDeploy's own configuration where it has one, and declares none", async () => {
    const config = { ...dev.config, releaseStrategy: "linear10PercentEvery1Minute", buildTimeoutMinutes: "15" };
    const { registrations } = await loadProgram({ ...dev, config });
    const linear = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute";
    const group = only(registrations, "codedeploy.DeploymentGroup hello-user-deployments").inputs;
    expect(group.deploymentConfigName).to.equal(linear);
    expect(registrations.filter(({ type }) => type.includes("DeploymentConfig"))).to.deep.equal([]);
    expect(readableConfigs(registrations)).to.deep.equal(["CodeDeployDefault.LambdaAllAtOnce", linear]);
  });

  it("moves a function's traffic by a strategy of its own, with a configuration that the stack declares without a name", async () => {
    const functions = { "hello-user": { releaseStrategy: "canary25Percent2Minutes" } };
    const config = { ...dev.config, functions: JSON.stringify(functions), buildTimeoutMinutes: "7" };
    const { registrations } = await loadProgram({ ...dev, config });
    const declared = only(registrations, "codedeploy.DeploymentConfig canary25Percent2Minutes");
    expect(declared.parent).to.equal(undefined);
    expect(declared.inputs).to.deep.equal({
      computePlatform: "Lambda",
      trafficRoutingConfig: { type: "TimeBasedCanary", timeBasedCanary: { percentage: 25, interval: 2 } },
    });
    const group = only(registrations, "codedeploy.DeploymentGroup hello-user-deployments");
    expect(group.inputs.deploymentConfigName).to.equal("canary25Percent2Minutes-0a1b2c3");
    expect(group.dependencies).to.include(declared.key);
    expect(readableConfigs(registrations)).to.deep.equal([
      "CodeDeployDefault.LambdaAllAtOnce",
      "canary25Percent2Minutes-0a1b2c3",
    ]);
  });

  it("keeps an encrypted environment secret, and the hash of it", async () => {
    const functions = { "hello-user": { environment: { KEY: "a-secret-value" } } };
    const { registrations } = await loadProgram({ ...dev, secretConfig: { functions: JSON.stringify(functions) } });
    const secrets = registrations.filter(({ inputs }) =>
      JSON.stringify(inputs).includes(pulumi.runtime.specialSecretSig),
    );
    expect(secrets.map(({ key }) => key)).to.deep.equal(["lambda.Function hello-user", "ssm.Parameter configuration"]);
  });

  it("names the partition, region and account of the stack in every ARN of its policies", async () => {
    const { registrations } = await loadProgram({
      ...dev,
      partition: "aws-us-gov",
      region: "us-gov-west-1",
      account: "210987654321",
      config: {
        ...dev.config,
        connectionArn: dev.config.connectionArn
          .replace("aws:", "aws-us-gov:")
          .replace("eu-west-1:123456789012", "us-gov-west-1:210987654321"),
      },
    });
    const arns = statementsOf(registrations).flatMap(({ Resource }) => listOf(Resource));
    expect(arns).to.have.lengthOf(21);
    // CloudWatch's reads and StopDeployment, which take no ARN.
    expect(arns.filter((arn) => arn === "*")).to.have.lengthOf(3);
    expect(
      arns.filter((arn) => arn !== "*" && !/^arn:aws-us-gov:[a-z]+:us-gov-west-1:210987654321:/.test(arn)),
    ).to.deep.equal([]);
  });

  it("begins every name that it gives with <project>-<stack>", async () => {
    const { registrations } = await loadProgram({ ...dev, project: "shop", stack: "prod" });
    expect(physicalNames(registrations)).to.deep.equal([
      "apigatewayv2.Api shop-prod",
      "cloudwatch.LogGroup /aws/codebuild/shop-prod_deploy",
      "cloudwatch.LogGroup /aws/codebuild/shop-prod_pull-request",
      "cloudwatch.LogGroup /aws/lambda/shop-prod_hello-user",
      "cloudwatch.LogGroup /aws/vendedlogs/shop-prod",
      "codebuild.Project shop-prod_deploy",
      "codebuild.Project shop-prod_pull-request",
      "codedeploy.Application shop-prod",
      "codedeploy.DeploymentGroup shop-prod/hello-user",
      "lambda.Alias shop-prod_hello-user:live",
      "lambda.Function shop-prod_hello-user",
      "ssm.Parameter /releases/shop-prod/configuration",
    ]);
  });

  for (const [what, other] of [
    ["another stack of the project", { ...dev, stack: "prod" }],
    ["a stack of the same name in another project", { ...dev, project: "shop" }],
  ] as const) {
    it(`shares no physical name with ${what}`, async () => {
      const names = physicalNames((await programOf(dev)).registrations);
      const others = physicalNames((await loadProgram(other)).registrations);
      expect(others).to.have.lengthOf(names.length);
      expect(others.filter((name) => names.includes(name))).to.deep.equal([]);
    });
  }

  it("declares the same resources before anything exists, when every id and output is still unknown", async () => {
    const preview = await loadProgram({ ...dev, preview: true });
    const update = await programOf(dev);
    expect(declared(preview)).to.deep.equal(declared(update));
  });
});

const programs = new Map<Stack, Promise<Program>>();

/** The program of a stack, evaluated once for all the tests that only read it. */
function programOf(stack: Stack): Promise<Program> {
  const program = programs.get(stack) ?? loadProgram(stack);
  programs.set(stack, program);
  return program;
}

/** The deployment configurations that the deploy build may use. */
function readableConfigs(registrations: readonly Registration[]): string[] {
  const statement = statementsOf(registrations).find(({ Sid }) => Sid === "ReadDeploymentConfig");
  return listOf(statement?.Resource ?? []).map((arn) => arn.replace(/^.*:deploymentconfig:/, ""));
}

function countsOf(registrations: readonly Registration[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of registrations) {
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

function declared({ registrations }: Program): string[] {
  return registrations.map(({ key, parent }) => `${key} in ${parent}`).sort();
}

function listOf(value: string | string[]): string[] {
  return [value].flat();
}

/** The names by which AWS tells resources of one account and region apart; of the other types AWS or Pulumi makes the name up. */
function physicalNames(registrations: readonly Registration[]): string[] {
  const names: Record<string, (inputs: Registration["inputs"]) => string> = {
    "lambda.Alias": ({ functionName, name }) => `${functionName}:${name}`,
    "apigatewayv2.Api": ({ name }) => `${name}`,
    "codedeploy.Application": ({ name }) => `${name}`,
    "codedeploy.DeploymentGroup": ({ appName, deploymentGroupName }) => `${appName}/${deploymentGroupName}`,
    "lambda.Function": ({ name }) => `${name}`,
    "cloudwatch.LogGroup": ({ name }) => `${name}`,
    "codebuild.Project": ({ name }) => `${name}`,
    "ssm.Parameter": ({ name }) => `${name}`,
  };
  return registrations
    .filter(({ custom }) => custom)
    .flatMap(({ key, inputs }) => {
      const [type = ""] = key.split(" ");
      const name = names[type]?.(inputs);
      return name === undefined ? [] : [`${type} ${name}`];
    })
    .sort();
}
