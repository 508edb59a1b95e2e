import { expect } from "chai";
import { dependenciesOf, dev, type Registration, valueFrom } from "./mocks.ts";
import { configurationHash, loadProgram, type Program } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

describe("the graph of a dev stack", () => {
  let program: Program;

  before(async () => {
    program = await loadProgram(dev);
  });

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
      "infra:index:CodeDeployApplication": 1,
      "infra:index:ConfigurationRelease": 1,
      "infra:index:DeploymentGroup": 1,
      "infra:index:HttpApi": 1,
      "infra:index:LiveFunction": 1,
      "infra:index:Monitoring": 1,
    });
  });

  it("gives every resource but the components of index.ts a component as its parent", () => {
    expect(Object.fromEntries(program.registrations.map(({ key, parent }) => [key, parent]))).to.deep.equal({
      "HttpApi http": undefined,
      "apigatewayv2.Api http-api": "HttpApi http",
      "cloudwatch.LogGroup http-access-log": "HttpApi http",
      "apigatewayv2.Stage http-stage": "HttpApi http",
      "lambda.Permission http-hello-user-permission": "HttpApi http",
      "apigatewayv2.Integration http-hello-user-integration": "HttpApi http",
      "apigatewayv2.Route http-GET /hello_user": "HttpApi http",
      "CodeDeployApplication releases": undefined,
      "codedeploy.Application releases": "CodeDeployApplication releases",
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
      "CodeDeployApplication releases": { applicationName: "push-to-live-dev" },
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

  it("reaches $LATEST by no input of any resource", () => {
    expect(program.registrations.filter(({ inputs }) => JSON.stringify(inputs).includes("$LATEST"))).to.deep.equal([]);
  });

  it("protects the API, the function and its alias when the settings say so, and nothing else", async () => {
    const { registrations } = await loadProgram(withSettings({ protect: "true" }));
    expect(registrations.filter(({ options }) => options.protect).map(({ key }) => key)).to.have.members([
      "apigatewayv2.Api http-api",
      "lambda.Function hello-user",
      "lambda.Alias hello-user-live",
    ]);
  });

  it("declares the same resources before anything exists, when every id and output is still unknown", async () => {
    const preview = await loadProgram({ ...dev, preview: true });
    const update = await loadProgram(dev);
    expect(declared(preview)).to.deep.equal(declared(update));
  });
});

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
