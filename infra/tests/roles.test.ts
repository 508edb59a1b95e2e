import { expect } from "chai";
import { dev } from "./mocks.ts";
import { inputsOf } from "./sampleProgram.ts";

describe("the roles", () => {
  for (const [name, description, service] of [
    ["hello-user-role", "The function runs as this role", "lambda.amazonaws.com"],
    ["hello-user-deployments-role", "CodeDeploy moves the alias of one function", "codedeploy.amazonaws.com"],
    ["deploy-role", "A push to the branch: test, bundle, release", "codebuild.amazonaws.com"],
    [
      "pull-request-role",
      "A pull request: types, the team's tests, the bundle; no right to deploy",
      "codebuild.amazonaws.com",
    ],
    ["configuration-role", "A changed configuration starts the deploy build", "events.amazonaws.com"],
  ] as const) {
    it(`lets only ${service} assume ${name}`, async () => {
      expect(await inputsOf(`iam.Role ${name}`)).to.deep.equal({
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

  it("let the function write to its own log, and nothing else", async () => {
    expect(await inputsOf("iam.RolePolicy hello-user-policy")).to.deep.equal({
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

  it("let CodeDeploy move the alias of the one function and see alarms, and nothing else", async () => {
    expect(await inputsOf("iam.RolePolicy hello-user-deployments-policy")).to.deep.equal({
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

  it("let the rule start the deploy build, and nothing else", async () => {
    expect(await inputsOf("iam.RolePolicy configuration-policy")).to.deep.equal({
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

  it("let both builds read the repository, by a policy of its own", async () => {
    for (const project of ["deploy", "pull-request"]) {
      expect(await inputsOf(`iam.RolePolicy ${project}-source-policy`)).to.deep.equal({
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

  it("let a pull request's build log and report, and neither touch a function nor deploy", async () => {
    expect(await inputsOf("iam.RolePolicy pull-request-policy")).to.deep.equal({
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
  });

  it("let the deploy build log, report and release this stack, and nothing else", async () => {
    expect(await inputsOf("iam.RolePolicy deploy-policy")).to.deep.equal({
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
            Resource: ["arn:aws:codedeploy:eu-west-1:123456789012:deploymentconfig:CodeDeployDefault.LambdaAllAtOnce"],
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
