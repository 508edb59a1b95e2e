import { expect } from "chai";
import { onAll, problemsOf } from "./authorization.ts";
import { dev, type Registration, type Stack } from "./mocks.ts";
import { type Statement, statementsIn } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { keyArn, secretArn, token, withSettings } from "./stacks.ts";

const { repository } = dev.config;

/** Stacks that have between them every setting that adds to a policy, or changes one. */
const stacks: Readonly<Record<string, Stack>> = {
  "the defaults": dev,
  "all that can be on": withSettings({
    alerts: "true",
    alertSubscribers: '["team@example.com"]',
    tracing: "true",
    previewRole: "create",
    previewStateBucket: "states/of/teams",
    previewKmsKeyArn: keyArn,
    pullRequestTokenSecretArn: secretArn,
    pullRequestTokenKmsKeyArn: keyArn,
    domainName: "api.example.com",
    hostedZoneId: "Z0123456789",
    releaseStrategy: "canary25Percent5Minutes",
    buildTimeoutMinutes: "20",
    jwtIssuer: "https://example.com",
    jwtAudience: '["a"]',
  }),
  "a token's secret under a customer's key": {
    ...dev,
    config: { repository, tokenSecretArn: secretArn, tokenKmsKeyArn: keyArn },
  },
  "a token under a customer's key, one for pull requests, and somebody's OIDC provider": {
    ...dev,
    config: {
      repository,
      tokenKmsKeyArn: keyArn,
      previewRole: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
    },
    secretConfig: { token, pullRequestToken: token },
  },
  "a connection with the service's former name": {
    ...dev,
    config: { repository, connectionArn: dev.config.connectionArn.replace("codeconnections", "codestar-connections") },
  },
  "builds on Lambda, and none of pull requests": withSettings({ buildCompute: "armLambda", pullRequests: "false" }),
};

describe("AWS's authorization data", () => {
  const seen = new Set<string>();

  for (const [what, stack] of Object.entries(stacks)) {
    it(`knows every action, resource and condition key of the policies of a stack with ${what}`, async () => {
      const statements = policiesOf((await loadProgram(stack)).registrations);
      expect(statements).to.have.lengthOf.at.least(20);
      const problems = await Promise.all(
        statements.map(async ({ where, statement }) =>
          (await problemsOf(statement)).map((problem) => `${where}: ${problem}`),
        ),
      );
      expect(problems.flat()).to.deep.equal([]);
      for (const { statement } of statements.filter(({ statement: { Resource } }) => Resource === "*")) {
        for (const action of [statement.Action].flat()) {
          seen.add(action);
        }
      }
    });
  }

  after(() => {
    expect([...seen].sort(), "what is allowed on * is what there are reasons for").to.deep.equal(Object.keys(onAll));
  });

  const arn = "arn:aws:lambda:eu-west-1:123456789012:function:one";
  for (const [what, statement, problem] of [
    ["an action that does not exist", { Action: "lambda:Release", Resource: arn }, "does not exist"],
    ["an ARN where none is taken", { Action: "codedeploy:StopDeployment", Resource: arn }, "takes no resource"],
    ["* where a resource is taken", { Action: "lambda:GetFunction", Resource: "*" }, "takes lambda:function, not *"],
    ["another type's ARN", { Action: "sns:Publish", Resource: arn }, "takes sns:topic, which none of"],
    [
      "an ARN too many",
      { Action: "lambda:GetFunction", Resource: [arn, `${arn}/x:y:z`] },
      `${arn}/x:y:z is taken by none of`,
    ],
    [
      "a condition key of another service",
      { Action: "lambda:GetFunction", Resource: arn, Condition: { StringEquals: { "kms:ViaService": "s3" } } },
      "has no condition key kms:ViaService",
    ],
  ] as const) {
    it(`tells of ${what}`, async () => {
      const problems = await problemsOf({ Sid: "X", Effect: "Allow", ...statement } as Statement);
      expect(problems.join()).to.contain(problem);
    });
  }
});

interface Placed {
  /** The resource that has the policy. */
  readonly where: string;
  readonly statement: Statement;
}

/** Every statement of every policy: of roles, whom they trust, of topics and of functions. */
function policiesOf(registrations: readonly Registration[]): Placed[] {
  return registrations.flatMap(({ key: where, type, inputs }) => {
    const placed = (statements: readonly Statement[]): Placed[] =>
      statements.map((statement) => ({ where, statement }));
    switch (type) {
      case "aws:iam/rolePolicy:RolePolicy":
      case "aws:sns/topicPolicy:TopicPolicy":
        return placed(statementsIn(inputs.policy));
      case "aws:iam/role:Role": {
        // A trust policy is on the role that has it.
        const Resource = "arn:aws:iam::123456789012:role/x";
        return placed(statementsIn(inputs.assumeRolePolicy).map((statement) => ({ ...statement, Resource })));
      }
      case "aws:lambda/permission:Permission": {
        const Resource = `arn:aws:lambda:eu-west-1:123456789012:function:${inputs.function}:${inputs.qualifier}`;
        const Condition = { ArnLike: { "aws:SourceArn": inputs.sourceArn } };
        return placed([{ Sid: "", Effect: "Allow", Action: String(inputs.action), Resource, Condition }]);
      }
      default:
        return [];
    }
  });
}
