import { expect } from "chai";
import { decide } from "./iam.ts";
import { dev, only, type Registration } from "./mocks.ts";
import { type Statement, statementsIn } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withToken } from "./stacks.ts";

const allow = (Action: string | string[], Resource: string | string[]): Statement => ({
  Sid: "Allow",
  Effect: "Allow",
  Action,
  Resource,
});

describe("the policy evaluator", () => {
  it("denies what nothing allows, and allows what a statement does: its action on its resource", () => {
    const statements = [allow(["s3:GetObject", "s3:PutObject"], ["arn:a", "arn:b"])];
    expect(decide([], "s3:GetObject", "arn:a")).to.equal("denied");
    expect(decide(statements, "s3:PutObject", "arn:b")).to.equal("allowed");
    expect(decide(statements, "s3:putobject", "arn:b")).to.equal("allowed");
    expect(decide(statements, "s3:DeleteObject", "arn:b")).to.equal("denied");
    expect(decide(statements, "s3:PutObject", "arn:B")).to.equal("denied");
    expect(decide(statements, "s3:PutObject", "arn:bc")).to.equal("denied");
  });

  it("reads * and ? as IAM does, and a dot as a dot", () => {
    expect(decide([allow("s3:Get*", "arn:*/x")], "s3:GetObject", "arn:a/b/x")).to.equal("allowed");
    expect(decide([allow("*", "*")], "iam:PassRole", "arn:a")).to.equal("allowed");
    expect(decide([allow("s3:Ge?", "*")], "s3:Get", "arn:a")).to.equal("allowed");
    expect(decide([allow("s3:Ge?", "*")], "s3:Gett", "arn:a")).to.equal("denied");
    expect(decide([allow("s3:Get", "arn:a.b")], "s3:Get", "arn:axb")).to.equal("denied");
  });

  it("has a denial go before what is allowed", () => {
    const statements = [allow("*", "*"), { ...allow("s3:*", "arn:a*"), Effect: "Deny" }];
    expect(decide(statements, "s3:GetObject", "arn:ab")).to.equal("explicitly denied");
    expect(decide(statements, "s3:GetObject", "arn:b")).to.equal("allowed");
  });

  for (const extra of [
    { Condition: { StringEquals: { "aws:SourceAccount": "1" } } },
    { NotAction: "s3:*" },
    { Effect: "Maybe" },
  ]) {
    it(`refuses ${JSON.stringify(extra)}, which it does not know`, () => {
      expect(() => decide([{ ...allow("*", "*"), ...extra }], "s3:Get", "arn:a")).to.throw("does not know");
    });
  }
});

describe("the right to release", () => {
  for (const [what, stack] of [
    ["a connection", dev],
    ["a token", withToken],
  ] as const) {
    it(`is the deploy build's in every action, and a pull request's in none, with ${what}`, async () => {
      const { registrations } = await loadProgram(stack);
      const releases = releaseActions(registrations);
      expect(releases).to.have.lengthOf.at.least(18);
      for (const [action, resource] of releases) {
        expect(decide(policyOf(registrations, "deploy"), action, resource), `${action} ${resource}`).to.equal(
          "allowed",
        );
        expect(decide(policyOf(registrations, "pull-request"), action, resource), `${action} ${resource}`).to.equal(
          "denied",
        );
      }
    });
  }

  it("cannot be had by starting the deploy build, writing its reports or its log, or passing a role", async () => {
    const { registrations } = await loadProgram(dev);
    const arn = (service: string, resource: string): string => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
    for (const [action, resource] of [
      ["codebuild:StartBuild", arn("codebuild", "project/push-to-live-dev_deploy")],
      ["codebuild:UpdateProject", arn("codebuild", "project/push-to-live-dev_pull-request")],
      ["codebuild:UpdateReport", arn("codebuild", "report-group/push-to-live-dev_deploy-tests")],
      ["logs:PutLogEvents", arn("logs", "log-group:/aws/codebuild/push-to-live-dev_deploy:log-stream:x")],
      ["ssm:PutParameter", arn("ssm", "parameter/releases/push-to-live-dev/configuration")],
      ["iam:PassRole", "arn:aws:iam::123456789012:role/deploy-role-0a1b2c3"],
      ["sts:AssumeRole", "arn:aws:iam::123456789012:role/deploy-role-0a1b2c3"],
    ] as const) {
      expect(decide(policyOf(registrations, "pull-request"), action, resource), action).to.equal("denied");
    }
    const ownReport = arn("codebuild", "report-group/push-to-live-dev_pull-request-tests");
    expect(decide(policyOf(registrations, "pull-request"), "codebuild:UpdateReport", ownReport)).to.equal("allowed");
  });
});

function policyOf(registrations: readonly Registration[], project: string): readonly Statement[] {
  return statementsIn(only(registrations, `iam.RolePolicy ${project}-policy`).inputs.policy);
}

/** Each action of a release with each resource that it is on: what the deploy build may beside what every build may. */
function releaseActions(registrations: readonly Registration[]): [action: string, resource: string][] {
  const ofEveryBuild = policyOf(registrations, "pull-request").map(({ Sid }) => Sid);
  const pairs = policyOf(registrations, "deploy")
    .filter(({ Sid }) => !ofEveryBuild.includes(Sid))
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((arn) => [action, arn.replace(/\*$/, "7")] as const)),
    );
  return pairs.map(([action, resource]) => [action, resource]);
}
