import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { onAll } from "../infra/tests/authorization.ts";
import { dev, type Evaluation, evaluate, type Registration } from "../infra/tests/mocks.ts";
import { statementsIn, statementsOf } from "../infra/tests/policies.ts";

/** The keys of the routes that anybody may call where the stack asks for tokens, e.g. `GET /health`: name each on purpose. */
const publicRoutes: readonly string[] = [];

const functionsFolder = join(import.meta.dirname, "../functions");
const folders = readdirSync(functionsFolder).filter((name) => existsSync(join(functionsFolder, name, "handler.ts")));
const withTokens = { jwtIssuer: "https://login.example.com", jwtAudience: '["my-api"]' };

describe("the program of index.ts", () => {
  let program: Evaluation<typeof import("../index.ts")>;

  before(async () => {
    const stack = { ...dev, config: { ...dev.config, ...withTokens } };
    program = await evaluate(stack, () => import("../index.ts"));
  });

  const all = (type: string): readonly Registration[] =>
    program.registrations.filter((registration) => registration.key.startsWith(`${type} `));

  it("declares each function that has a folder, and hands each to the pipeline", () => {
    expect(all("lambda.Function").map(({ key }) => key.split(" ")[1])).to.have.members(folders);
    expect(Object.keys(program.result.functionNames)).to.have.members(folders);
  });

  for (const folder of folders) {
    describe(folder, () => {
      const name = `${dev.project}-${dev.stack}_${folder}`;

      it("keeps its name, is released by the pipeline alone, and takes no new code from pulumi up", () => {
        const fn = all("lambda.Function").find(({ inputs }) => inputs.name === name);
        expect(fn?.options.ignoreChanges).to.include("code");
        const live = all("lambda.Alias").find(({ inputs }) => inputs.functionName === name);
        expect(live?.inputs.name).to.equal("live");
        expect(live?.options.ignoreChanges).to.include.members(["functionVersion", "routingConfig"]);
        expect(all("codedeploy.DeploymentGroup").map(({ inputs }) => inputs.deploymentGroupName)).to.include(folder);
      });

      it("has a log of its own, which is not kept for ever", () => {
        const log = all("cloudwatch.LogGroup").find(({ inputs }) => inputs.name === `/aws/lambda/${name}`);
        expect(log?.inputs.retentionInDays).to.be.a("number").above(0);
      });

      it("has a role of its own, which may do nothing to everything", () => {
        const roles = all("lambda.Function").map(({ inputs }) => inputs.role);
        expect(new Set(roles)).to.have.property("size", roles.length);
        const policies = all("iam.RolePolicy").filter(({ key }) => key === `iam.RolePolicy ${folder}-policy`);
        const statements = policies.flatMap(({ inputs }) => statementsIn(inputs.policy));
        expect(statements.length).to.be.above(0);
        const actions = statements.filter(({ Resource }) => Resource === "*").flatMap(({ Action }) => Action);
        expect(actions.filter((action) => !(action in onAll))).to.deep.equal([]);
      });
    });
  }

  it("asks for a token on each route but the public ones", () => {
    const open = all("apigatewayv2.Route").filter(({ inputs }) => inputs.authorizationType !== "JWT");
    expect(open.map(({ inputs }) => inputs.routeKey)).to.have.members([...publicRoutes]);
  });

  it("sends no request to a version: each integration is of an alias", () => {
    const uris = all("apigatewayv2.Integration").map(({ inputs }) => String(inputs.integrationUri));
    expect(uris.filter((uri) => !/:live(\/invocations)?$/.test(uri))).to.deep.equal([]);
  });

  it("allows nothing on * but what AWS gives no choice about", () => {
    const actions = statementsOf(program.registrations)
      .filter(({ Effect, Resource }) => Effect === "Allow" && [Resource].flat().includes("*"))
      .flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !(action in onAll))).to.deep.equal([]);
  });
});
