import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { onAll } from "./authorization.ts";
import { declareStack } from "./components.ts";
import { matches } from "./iam.ts";
import { dev, evaluate, only, type Registration, type Stack } from "./mocks.ts";
import { type Statement, statementsIn, statementsOf } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { withToken, withTokenSecret } from "./stacks.ts";

/** Every `*` of the program's policies, and why the name before it cannot be known beforehand. */
const wildcards = {
  "logs:…:log-group:/aws/lambda/push-to-live-dev_hello-user:*": "Lambda names the streams of the log",
  "logs:…:log-group:/aws/codebuild/push-to-live-dev_deploy:*": "CodeBuild names the streams of the log",
  "codebuild:…:report-group/push-to-live-dev_deploy-*": "CodeBuild adds the report's name from the buildspec",
  "logs:…:log-group:/aws/codebuild/push-to-live-dev_pull-request:*": "CodeBuild names the streams of the log",
  "codebuild:…:report-group/push-to-live-dev_pull-request-*": "CodeBuild adds the report's name from the buildspec",
  "lambda:…:function:push-to-live-dev_hello-user:*": "Lambda numbers the versions",
  "cloudwatch:…:alarm:push-to-live-dev_hello-user/version-*": "Lambda numbers the version that an alarm watches",
  "*": "what `onAll` has the reasons for",
};

/** With more functions than a policy can name one by one: the stack's own prefix. */
const wildcardsOfMany = {
  "logs:…:log-group:/aws/codebuild/push-to-live-dev_deploy:*": "CodeBuild names the streams of the log",
  "codebuild:…:report-group/push-to-live-dev_deploy-*": "CodeBuild adds the report's name from the buildspec",
  "lambda:…:function:push-to-live-dev_*": "the stack's functions",
  "lambda:…:function:push-to-live-dev_*:*": "the versions of the stack's functions",
  "codedeploy:…:deploymentgroup:push-to-live-dev/*": "the groups of the stack's application",
  "cloudwatch:…:alarm:push-to-live-dev_*": "the alarms of the stack's versions",
  "*": "what `onAll` has the reasons for",
  "logs:…:log-group:/aws/lambda/push-to-live-dev_*:*": "the logs of the stack's functions",
};

/** Largest sum of a role's inline policies, in characters without white space (IAM's quotas). */
const maxInlinePolicy = 10_240;

describe("the policies", () => {
  it("name a resource in each statement, also of a stack that has no function yet", async () => {
    for (const folders of [[], ["one"], Array.from({ length: 9 }, (_, index) => `fn-${index}`)]) {
      const statements = statementsOf(await registrationsOf(folders));
      expect(statements.length).to.be.above(1);
      expect(
        statements.filter(({ Resource }) => Resource !== undefined && [Resource].flat().length === 0),
      ).to.deep.equal([]);
    }
  });

  for (const [what, stack] of [
    ["a connection", dev],
    ["a token's secret", withTokenSecret],
    ["a token", withToken],
  ] as const) {
    it(`of a stack with ${what} hold no * but those that AWS leaves no choice about`, async () => {
      const statements = statementsOf((await loadProgram(stack)).registrations);
      expect(statements).to.have.lengthOf(19);
      expect(wildcardsIn(statements)).to.have.members(Object.keys(wildcards));
    });
  }

  it("allow single actions on ARNs, and nothing by a denial or an exception", async () => {
    for (const statement of statementsOf((await loadProgram(dev)).registrations)) {
      expect(statement).to.have.all.keys("Sid", "Effect", "Action", "Resource");
      expect(statement.Effect).to.equal("Allow");
      expect([statement.Action].flat().filter((action) => !/^[a-z]+:[A-Za-z]+$/.test(action))).to.deep.equal([]);
      const isOfAll = [statement.Action].flat().every((action) => action in onAll);
      expect([statement.Resource].flat().filter((arn) => !/^arn:aws:[a-z]+:[^*]+:[^*]+/.test(arn))).to.deep.equal(
        isOfAll ? ["*"] : [],
      );
    }
  });

  it("trust one service each, and no account; those that say for whom they act, for this account alone", async () => {
    const { registrations } = await loadProgram(dev);
    const roles = registrations.filter(({ type }) => type === "aws:iam/role:Role");
    expect(roles).to.have.lengthOf(5);
    for (const { inputs } of roles) {
      const [statement, ...others] = statementsIn(inputs.assumeRolePolicy);
      expect(others).to.deep.equal([]);
      const { Service: service } = (statement as unknown as { Principal: { Service: string } }).Principal;
      expect(service).to.match(/^[a-z]+\.amazonaws\.com$/);
      const { Condition, ...rest } = statement ?? {};
      expect(rest).to.have.all.keys("Effect", "Principal", "Action");
      expect(Condition, service).to.deep.equal(
        service === "lambda.amazonaws.com" ? undefined : { StringEquals: { "aws:SourceAccount": "123456789012" } },
      );
    }
  });

  it("of the deploy build allow each call that deploy/ makes", async () => {
    const folder = join(import.meta.dirname, "../../deploy");
    const files = (await readdir(folder, { recursive: true })).filter(
      (file) => file.endsWith(".ts") && !/^(node_modules|tests)[\\/]/.test(file),
    );
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    const calls = texts.flatMap((text) => [
      ...text.matchAll(
        /\b(lambda|codedeploy|cloudwatch|logs)\s*\.((?:create|delete|describe|filter|get|invoke|list|publish|put|stop|update)\w*)\(/g,
      ),
    ]);
    const actions = new Set(
      calls.map(([, service, call = ""]) => {
        const name = `${call.charAt(0).toUpperCase()}${call.slice(1)}`;
        return `${service}:${name === "Invoke" ? "InvokeFunction" : name}`;
      }),
    );
    // By paginators.
    actions.add("lambda:ListVersionsByFunction").add("logs:FilterLogEvents");
    expect(actions.size).to.be.above(15);
    const { registrations } = await loadProgram(dev);
    const allowed = statementsOf([only(registrations, "iam.RolePolicy deploy-policy")]).flatMap(({ Action }) => Action);
    expect(allowed).to.include.members([...actions]);
    // What CreateDeployment asks for, and what a build does beside its release.
    const others = [
      "codedeploy:GetApplicationRevision",
      "codedeploy:RegisterApplicationRevision",
      "codedeploy:UpdateDeploymentGroup",
    ];
    const unused = allowed.filter((action) => !actions.has(action) && !/^(codebuild|logs:(Create|Put))/.test(action));
    expect(unused.sort()).to.deep.equal(others);
  });

  it("name up to eight functions, with names as long as they can be, and keep within IAM's limit", async () => {
    const folders = Array.from({ length: 8 }, (_, index) => `${index}`.padEnd(39, "f"));
    const secretName = "s".repeat(512);
    const registrations = await registrationsOf(folders, {
      project: "p".repeat(12),
      stack: "s".repeat(11),
      partition: "aws-us-gov",
      region: "us-gov-west-1",
      config: {
        repository: dev.config.repository,
        tokenSecretArn: `arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:${secretName}-AbCdEf`,
      },
    });
    const { policy } = only(registrations, "iam.RolePolicy deploy-policy").inputs;
    const { policy: source } = only(registrations, "iam.RolePolicy deploy-source-policy").inputs;
    expect(JSON.stringify(policy) + JSON.stringify(source)).to.have.lengthOf.within(5_000, maxInlinePolicy);
    for (const folder of folders) {
      expect(JSON.stringify(policy)).to.contain(`:function:${"p".repeat(12)}-${"s".repeat(11)}_${folder}"`);
    }
  });

  it("of a stack cover nothing of another's of the same project, whatever their names and functions", async function () {
    this.timeout(120_000);
    const stackName = fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){0,3}$/);
    // With names that end as the program's own do, and more than a policy names one by one.
    const folder = fc.oneof(
      fc.stringMatching(/^[a-z](-?[a-z_]){0,4}$/),
      fc.constantFrom("deploy", "pull-request", "a-version-1", "api-5xx"),
    );
    const folders = fc.oneof(
      fc.uniqueArray(folder, { minLength: 1, maxLength: 2 }),
      fc.uniqueArray(folder, { minLength: 9, maxLength: 9 }),
    );
    const stack = fc.record({ name: stackName, folders });
    const property = fc.asyncProperty(stack, stack, fc.boolean(), async (one, other, isNear) => {
      // Near: as stack `dev` with the function `a-b` and stack `dev-a` with the function `b`.
      const otherName = isNear ? `${one.name}-${other.folders[0]?.replaceAll("_", "-")}` : other.name;
      if (one.name === otherName) {
        return;
      }
      const [first, second] = [
        await registrationsOf(one.folders, { project: "shop", stack: one.name }),
        await registrationsOf(other.folders, { project: "shop", stack: otherName }),
      ];
      const taken = arnsOf(first).filter((arn) => arnsOf(second).includes(arn));
      expect(taken, "the same names").to.deep.equal([]);
      const patterns = statementsOf(first).flatMap(({ Resource }) => Resource);
      // The account's own, which all stacks use.
      const shared = (pattern: string): boolean => pattern === "*" || /:deploymentconfig:|:connection\//.test(pattern);
      const met = patterns
        .filter((pattern) => !shared(pattern))
        .flatMap((pattern) => arnsOf(second).filter((arn) => matches(pattern, arn)));
      expect(met).to.deep.equal([]);
    });
    await fc.assert(property, { numRuns: 10 });
  });

  it("take the stack's prefix for nine functions, and keep within IAM's limit", async () => {
    const folders = Array.from({ length: 9 }, (_, index) => `${index}`.padEnd(39, "f"));
    const registrations = await registrationsOf(folders);
    const deploy = only(registrations, "iam.RolePolicy deploy-policy");
    expect(wildcardsIn(statementsOf([deploy]))).to.have.members(Object.keys(wildcardsOfMany));
    for (const { inputs } of registrations.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy")) {
      expect(JSON.stringify(inputs.policy)).to.have.lengthOf.below(maxInlinePolicy);
    }
  });
});

/** The ARNs of what a stack has, and of what its builds and releases make. */
function arnsOf(registrations: readonly Registration[]): string[] {
  const arn = (service: string, resource: string): string => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
  return registrations.flatMap(({ type, inputs }) => {
    const { name } = inputs;
    switch (type) {
      case "aws:lambda/function:Function":
        return [
          arn("lambda", `function:${name}`),
          arn("lambda", `function:${name}:7`),
          arn("logs", `log-group:/aws/lambda/${name}:log-stream:x`),
          arn("cloudwatch", `alarm:${name}/version-7-errors`),
          arn("cloudwatch", `alarm:${name}-errors`),
        ];
      case "aws:codebuild/project:Project":
        return [
          arn("codebuild", `project/${name}`),
          arn("codebuild", `report-group/${name}-tests`),
          arn("logs", `log-group:/aws/codebuild/${name}:log-stream:x`),
        ];
      case "aws:codedeploy/application:Application":
        return [arn("codedeploy", `application:${name}`)];
      case "aws:codedeploy/deploymentGroup:DeploymentGroup":
        return [arn("codedeploy", `deploymentgroup:${inputs.appName}/${inputs.deploymentGroupName}`)];
      default:
        return [];
    }
  });
}

/** Each resource with a `*`, once, without partition, region and account. */
function wildcardsIn(statements: readonly Statement[]): string[] {
  const arns = statements.flatMap(({ Resource }) => Resource).filter((arn) => arn.includes("*"));
  return [...new Set(arns.map((arn) => arn.replace(/^arn:aws:([a-z]+):eu-west-1:123456789012:/, "$1:…:")))];
}

/** What a stack declares whose functions have each a strategy of its own: each is another configuration to read. */
async function registrationsOf(
  folders: readonly string[],
  stack: Partial<Stack> = {},
): Promise<readonly Registration[]> {
  // Names as long as there are.
  const strategies = folders.map((folder, index) => [
    folder,
    { releaseStrategy: `linear${index + 50}PercentEvery1000Minutes` },
  ]);
  const functions = JSON.stringify(Object.fromEntries(strategies));
  const config = { ...(stack.config ?? dev.config), functions, buildTimeoutMinutes: "2005" };
  return (await evaluate({ ...dev, ...stack, config }, () => declareStack(folders))).registrations;
}
