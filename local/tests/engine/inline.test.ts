import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type EngineEvent, LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { readProject } from "../../program/project.ts";
import { type LifeCycle, localProvider } from "../../program/provider.ts";
import { serveProvider } from "../../program/providerServer.ts";
import { type EmptyStack, startEmpty } from "../../program/stack.ts";
import { cliFolder } from "./cli.ts";
import { keepConnectionsApart } from "./connections.ts";
import { workDirIn } from "./workDir.ts";

const otherRepository = "https://github.com/local/another";
const otherConnection =
  "arn:aws:codeconnections:us-east-1:000000000000:connection/11111111-2222-3333-4444-555555555555";
const tokenSecretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:github-token-AbCdEf";
const token = "ghp_0123456789abcdefghij";

const project = await readProject(root);

describe("the program under Pulumi's engine, in this process", function () {
  this.timeout(180_000);
  const temporary = temporaryDirectories();
  let empty: EmptyStack;
  let config: Record<string, string>;
  let stateFolder: string;
  /** The resources there are in the cloud, by type and id, as the provider has made and deleted them. */
  let existing: string[];
  /** How many more resources are created before one fails. */
  let createdBeforeFailure = Number.POSITIVE_INFINITY;
  let stackOf: (name: string) => Promise<Stack>;

  before(async () => {
    keepConnectionsApart();
    const directory = await temporary();
    stateFolder = await temporary();
    empty = await startEmpty(project, directory, 0, async () => {});
    await empty.cloud.github.createRepository("local/another", project.branch, "http://127.0.0.1/");
    existing = [];
    const provider = localProvider(empty.cloud, root);
    const keyOf = (urn: string, id: string): string => `${urn.split("::")[2]?.split("$").at(-1)} ${id}`;
    const recording: LifeCycle = {
      ...provider,
      async create(urn, inputs) {
        createdBeforeFailure -= 1;
        if (createdBeforeFailure < 0) {
          createdBeforeFailure = Number.POSITIVE_INFINITY;
          throw new Error("this creation fails once");
        }
        const created = await provider.create(urn, inputs);
        existing.push(keyOf(urn, created.id));
        return created;
      },
      async delete(id, urn, props) {
        await provider.delete(id, urn, props);
        existing.splice(existing.indexOf(keyOf(urn, id)), 1);
      },
    };
    const envVars = {
      PULUMI_BACKEND_URL: `file://${stateFolder}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_DEBUG_PROVIDERS: `aws:${await serveProvider(recording)}`,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    const pulumiCommand = await PulumiCommand.get({ root: await cliFolder() });
    config = { ...project.config.values };
    // So that the cases begin with the defaults.
    for (const key of ["releaseStrategy", "buildTimeoutMinutes"]) {
      delete config[`${project.name}:${key}`];
    }
    stackOf = async (stackName) => {
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName, projectName: project.name, program: loadProgram },
        { pulumiCommand, workDir: await workDirIn(await temporary()), envVars },
      );
      await set(stack, {});
      return stack;
    };
  });

  /** Gives a stack the local settings and others; where a value is empty, the setting is left out. */
  async function set(stack: Stack, settings: Readonly<Record<string, string>>): Promise<void> {
    const own = Object.entries(settings).map(([key, value]) => [`${project.name}:${key}`, value]);
    const all = Object.entries({ ...config, ...Object.fromEntries(own) }).filter(([, value]) => value !== "");
    const saved = await stack.workspace.stackSettings(stack.name);
    await stack.workspace.saveStackSettings(stack.name, { ...saved, config: Object.fromEntries(all) });
  }

  after(async () => {
    await empty.cloud.close();
  });

  function stateOf(stackName: string): Promise<string> {
    return readFile(join(stateFolder, ".pulumi/stacks", project.name, `${stackName}.json`), "utf8");
  }

  describe("changes, when a setting changes, exactly what belongs to it:", () => {
    let stack: Stack;
    let asCreated: Awaited<ReturnType<Stack["exportStack"]>>;

    before(async () => {
      stack = await stackOf("settings");
      await stack.up();
      asCreated = await stack.exportStack();
    });

    beforeEach(async () => {
      await stack.importStack(asCreated);
      await set(stack, {});
    });

    const cases: readonly [settings: Record<string, string>, changes: Record<string, string>][] = [
      [
        { branch: "release/1.x" },
        {
          "cloudwatch.EventTarget configuration-target": "update input",
          "codebuild.Project deploy": "update sourceVersion",
          "codebuild.Webhook deploy-webhook": "update filterGroups",
          "codebuild.Project pull-request": "update sourceVersion",
          "codebuild.Webhook pull-request-webhook": "update filterGroups",
        },
      ],
      [
        { repository: otherRepository },
        {
          "codebuild.Project deploy": "update source",
          "codebuild.Webhook deploy-webhook": "replace",
          "codebuild.Project pull-request": "update source",
          "codebuild.Webhook pull-request-webhook": "replace",
        },
      ],
      ...[{ connectionArn: otherConnection }, { connectionArn: "", tokenSecretArn }].map(
        (settings): [Record<string, string>, Record<string, string>] => [
          settings,
          {
            "codebuild.Project deploy": "update source",
            "iam.RolePolicy deploy-source-policy": "update policy",
            "codebuild.Project pull-request": "update source",
            "iam.RolePolicy pull-request-source-policy": "update policy",
          },
        ],
      ),
      [
        { releaseStrategy: "canary10Percent5Minutes", buildTimeoutMinutes: "10" },
        {
          "codebuild.Project deploy": "update buildTimeout",
          "codedeploy.DeploymentGroup hello-user-deployments": "update deploymentConfigName",
          "iam.RolePolicy deploy-policy": "update policy",
        },
      ],
      [
        { releaseStrategy: "canary25Percent2Minutes", buildTimeoutMinutes: "7" },
        {
          "codebuild.Project deploy": "update buildTimeout",
          "codedeploy.DeploymentConfig canary25Percent2Minutes": "create computePlatform trafficRoutingConfig",
          "codedeploy.DeploymentGroup hello-user-deployments": "update deploymentConfigName",
          "iam.RolePolicy deploy-policy": "update policy",
        },
      ],
      [
        {
          functions: JSON.stringify({ "hello-user": { releaseStrategy: "linear10PercentEvery1Minute" } }),
          buildTimeoutMinutes: "15",
        },
        {
          "codebuild.Project deploy": "update buildTimeout",
          "codedeploy.DeploymentGroup hello-user-deployments": "update deploymentConfigName",
          "iam.RolePolicy deploy-policy": "update policy",
        },
      ],
      [
        { logRetentionDays: "90" },
        {
          "cloudwatch.LogGroup deploy-log": "update retentionInDays",
          "cloudwatch.LogGroup hello-user-log": "update retentionInDays",
          "cloudwatch.LogGroup http-access-log": "update retentionInDays",
          "cloudwatch.LogGroup pull-request-log": "update retentionInDays",
        },
      ],
      [
        { buildCompute: "arm" },
        {
          "codebuild.Project deploy": "update environment",
          "codebuild.Project pull-request": "update environment",
        },
      ],
      [{ buildCompute: "x86Lambda" }, { "codebuild.Project deploy": "update buildTimeout environment" }],
      [{ buildTimeoutMinutes: "60" }, { "codebuild.Project deploy": "update buildTimeout" }],
      [{ corsOrigins: '["https://www.example.com"]' }, { "apigatewayv2.Api http-api": "update corsConfiguration" }],
      [{ throttlingRateLimit: "7" }, { "apigatewayv2.Stage http-stage": "update defaultRouteSettings" }],
      [{ throttlingBurstLimit: "7" }, { "apigatewayv2.Stage http-stage": "update defaultRouteSettings" }],
      [{ protect: "true" }, {}],
      [
        { previewRole: "create", previewStateBucket: "team-state" },
        {
          "index.PreviewRole preview": "create",
          "iam.OpenIdConnectProvider preview-oidc": "create clientIdLists url",
          "iam.Role preview-role": "create assumeRolePolicy description",
          "iam.RolePolicy preview-policy": "create policy role",
        },
      ],
      [{ alarms: '{"apiErrors":5}' }, { "cloudwatch.MetricAlarm monitoring-api-5xx": "update threshold" }],
      [
        { alerts: "true", alertSubscribers: '["team@example.com"]' },
        {
          "cloudwatch.Dashboard monitoring-dashboard": created("dashboardBody dashboardName"),
          "cloudwatch.EventRule monitoring-builds": created("description eventPattern"),
          "cloudwatch.EventRule monitoring-deployments": created("description eventPattern"),
          "cloudwatch.EventTarget monitoring-builds-target": created("arn inputTransformer rule"),
          "cloudwatch.EventTarget monitoring-deployments-target": created("arn inputTransformer rule"),
          "cloudwatch.MetricAlarm monitoring-api-4xx": created(alarmInputs("statistic")),
          "cloudwatch.MetricAlarm monitoring-api-5xx": "update alarmActions okActions",
          "cloudwatch.MetricAlarm monitoring-failed-builds": created(alarmInputs("statistic unit")),
          "cloudwatch.MetricAlarm monitoring-hello-user-duration": created(alarmInputs("extendedStatistic unit")),
          "cloudwatch.MetricAlarm monitoring-hello-user-errors": created(alarmInputs("statistic unit")),
          "cloudwatch.MetricAlarm monitoring-hello-user-throttles": created(alarmInputs("statistic unit")),
          "sns.Topic monitoring-alerts": created("name"),
          "sns.TopicPolicy monitoring-alerts-policy": created("arn policy"),
          "sns.TopicSubscription monitoring-subscriber-a96e3689": created("endpoint protocol topic"),
        },
      ],
      [
        { tracing: "true" },
        {
          "iam.RolePolicy hello-user-policy": "update policy",
          "lambda.Function hello-user": "update tracingConfig",
          "ssm.Parameter configuration": "update insecureValue",
        },
      ],
      [
        { jwtIssuer: "https://login.example.com", jwtAudience: '["my-api"]' },
        {
          "apigatewayv2.Authorizer http-authorizer": created(
            "apiId authorizerType identitySources jwtConfiguration name",
          ),
          "apigatewayv2.Route http-GET /hello_user": "update authorizationType authorizerId",
        },
      ],
      [
        { domainName: "api.example.com", hostedZoneId: "Z0123456789", defaultEndpoint: "false" },
        {
          "acm.Certificate domain-certificate": created("domainName validationMethod"),
          "acm.CertificateValidation domain-validation": created("certificateArn validationRecordFqdns"),
          "apigatewayv2.Api http-api": "update disableExecuteApiEndpoint",
          "apigatewayv2.ApiMapping domain-mapping": created("apiId domainName stage"),
          "apigatewayv2.DomainName domain": created("domainName domainNameConfiguration"),
          "index.CustomDomain domain": "create",
          "route53.Record domain-record": created("aliases name type zoneId"),
          "route53.Record domain-validation-record": created("allowOverwrite name records ttl type zoneId"),
        },
      ],
      ...[
        [{ memorySize: 256 }, "memorySize"],
        [{ timeout: 3 }, "timeout"],
        [{ environment: { GREETING: "hi" } }, "environment"],
      ].map(([settings, property]): [Record<string, string>, Record<string, string>] => [
        { functions: JSON.stringify({ "hello-user": settings }) },
        {
          "lambda.Function hello-user": `update ${property}`,
          "ssm.Parameter configuration": "update insecureValue",
        },
      ]),
    ];
    for (const [settings, changes] of cases) {
      it(
        Object.entries(settings)
          .map(([key, value]) => `${key} = ${value}`)
          .join(" and "),
        async () => {
          await set(stack, settings);
          expect(await changesOf(stack)).to.deep.equal(changes);
        },
      );
    }

    it("another strategy of the stack's own: the configuration before goes once no group uses it any more", async () => {
      const strategy = (name: string) => set(stack, { releaseStrategy: name, buildTimeoutMinutes: "60" });
      await strategy("canary25Percent2Minutes");
      await stack.up();
      await strategy("canary30Percent2Minutes");
      expect(await changesOf(stack)).to.deep.equal({
        "codedeploy.DeploymentConfig canary25Percent2Minutes": "delete computePlatform trafficRoutingConfig",
        "codedeploy.DeploymentConfig canary30Percent2Minutes": "create computePlatform trafficRoutingConfig",
        "codedeploy.DeploymentGroup hello-user-deployments": "update deploymentConfigName",
        "iam.RolePolicy deploy-policy": "update policy",
      });
    });

    it("a token, which the state, the output and the preview hold only encrypted or not at all", async () => {
      await set(stack, { connectionArn: "" });
      await stack.setConfig(`${project.name}:token`, { value: token, secret: true });
      const preview = await stack.preview({ diff: true });
      const up = await stack.up({ diff: true });
      expect(up.summary.resourceChanges).to.deep.include({ create: 3, update: 4 });
      expect(preview.stdout).to.contain("[secret]");
      const state = await stateOf("settings");
      expect(state).to.contain("secretString");
      for (const [where, text] of Object.entries({
        state,
        preview: preview.stdout + preview.stderr,
        up: up.stdout + up.stderr,
      })) {
        expect(text, where).to.not.contain(token);
      }
    });

    it("an encrypted environment, in the same way", async () => {
      const functions = JSON.stringify({ "hello-user": { environment: { KEY: "a-secret-value" } } });
      await stack.setConfig(`${project.name}:functions`, { value: functions, secret: true });
      const up = await stack.up({ diff: true });
      const state = await stateOf("settings");
      expect(up.summary.resourceChanges).to.deep.include({ update: 2 });
      expect(state + up.stdout + up.stderr).to.not.contain("a-secret-value");
    });
  });

  describe("leaves nothing of a setting that is set back:", () => {
    let stack: Stack;

    before(async () => {
      stack = await stackOf("set-back");
      await stack.up();
    });

    for (const settings of [
      { tracing: "true" },
      { functions: '{"hello-user":{"memorySize":256,"timeout":3,"environment":{"GREETING":"hi"}}}' },
      { corsOrigins: '["https://www.example.com"]', throttlingRateLimit: "7" },
      { jwtIssuer: "https://login.example.com", jwtAudience: '["my-api"]' },
      { domainName: "back.example.com", hostedZoneId: "Z0123456789", defaultEndpoint: "false" },
      { alerts: "true", alertSubscribers: '["team@example.com"]' },
      { previewRole: "create", previewStateBucket: "team-state" },
      { releaseStrategy: "canary25Percent2Minutes", buildTimeoutMinutes: "7" },
      { buildCompute: "armLambda" },
      { pullRequestTokenSecretArn: tokenSecretArn },
    ]) {
      it(Object.keys(settings).join(", "), async () => {
        const before = await whatIs(stack);
        await set(stack, settings);
        const { stdout, summary } = await stack.up();
        expect(summary.resourceChanges, stdout).to.not.have.property("delete");
        expect(await whatIs(stack)).to.not.deep.equal(before);
        await set(stack, {});
        await stack.up();
        expect(await whatIs(stack)).to.deep.equal(before);
      });
    }

    /** The stack's resources, and the function as Lambda has it, without what counts its versions. */
    async function whatIs(of: Stack): Promise<unknown> {
      const { resources } = (await of.exportStack()).deployment as {
        resources: { urn: string; id?: string; inputs?: object; outputs?: Record<string, unknown> }[];
      };
      const { configuration } = (({ Version: _, RevisionId: __, ...others }) => ({ configuration: others }))(
        empty.cloud.lambda.resolve(`${project.name}-${of.name}_hello-user`, "$LATEST") as unknown as Record<
          string,
          unknown
        >,
      );
      const known = resources.map(({ urn, id, inputs, outputs = {} }) => {
        const { version: _, qualifiedArn: __, ...others } = outputs;
        return [urn, { id, inputs, outputs: others }];
      });
      return { configuration, resources: Object.fromEntries(known) };
    }
  });

  it("completes an up in which any one creation has failed, with nothing made twice and nothing left over", async () => {
    const idsOf = async ({ name }: Stack): Promise<string[]> => {
      const { checkpoint } = JSON.parse(await stateOf(name));
      const resources: { type: string; id: string; custom: boolean }[] = checkpoint.latest.resources;
      return resources
        .filter((resource) => resource.custom && !resource.type.startsWith("pulumi:"))
        .map(({ type, id }) => `${type} ${id}`);
    };
    existing.splice(0);
    const whole = await stackOf("whole");
    await whole.up();
    const all = (await idsOf(whole)).length;
    expect(existing).to.have.lengthOf(all).above(20);
    await whole.destroy();
    expect(existing).to.deep.equal([]);

    for (let k = 0; k < all; k++) {
      const stack = await stackOf(`fails-${k}`);
      createdBeforeFailure = k;
      expect(await messageOf(stack.up())).to.contain("this creation fails once");
      const { summary } = await stack.up();
      expect(summary.result).to.equal("succeeded");
      const ids = await idsOf(stack);
      expect(ids).to.have.lengthOf(all);
      expect(existing, `creation ${k}`).to.have.members(ids);
      existing.splice(0);
    }
  }).timeout(900_000);

  describe("takes over what another stack has left:", () => {
    it("the account's OIDC provider and the domain's validation record", async () => {
      const settings = {
        previewRole: "create",
        previewStateBucket: "team-state",
        domainName: "shared.example.com",
        hostedZoneId: "Z0123456789",
      };
      const records = () => existing.filter((key) => key.includes("shared.example.com._CNAME"));
      const first = await stackOf("first");
      await set(first, settings);
      await first.up();
      const [record] = records();
      expect(record).to.be.a("string");
      await first.destroy();
      expect(records()).to.deep.equal([record]);

      const second = await stackOf("second");
      await set(second, settings);
      expect(await changesOf(second)).to.deep.include({
        "iam.OpenIdConnectProvider preview-oidc": "import clientIdLists url",
      });
      expect((await second.preview()).changeSummary).to.have.all.keys("same");
      await second.destroy();
      expect(records()).to.include(record);
    });
  });
});

/** What `up` does to a resource that is new: these are its inputs. */
function created(inputs: string): string {
  return `create ${inputs.split(" ").sort().join(" ")}`;
}

function alarmInputs(others: string): string {
  const all = "actionsEnabled alarmActions alarmDescription comparisonOperator dimensions evaluationPeriods metricName";
  return `${all} name namespace okActions period threshold treatMissingData ${others}`;
}

let runs = 0;

/** `index.ts` declares its resources when it is imported. */
async function loadProgram(): Promise<Record<string, unknown>> {
  runs += 1;
  return { ...(await import(`${root}/index.ts?engine=${runs}`)) };
}

/** What `up` does, by resource: `replace`, or the inputs that it updates. */
async function changesOf(stack: Stack): Promise<Record<string, string>> {
  const changes: Record<string, string> = {};
  await stack.up({
    onEvent({ resourcePreEvent }: EngineEvent) {
      const { op = "same", urn = "", type = "", old, new: next } = resourcePreEvent?.metadata ?? {};
      if (op === "same" || type.startsWith("pulumi:")) {
        return;
      }
      const [, module = "", typeName] = type.split(":");
      const key = `${module.split("/")[0]}.${typeName} ${urn.split("::").at(-1)}`;
      const inputs = [...new Set([...Object.keys(old?.inputs ?? {}), ...Object.keys(next?.inputs ?? {})])];
      const changed = inputs.filter((name) => !isDeepStrictEqual(old?.inputs?.[name], next?.inputs?.[name])).sort();
      changes[key] = op.includes("replace") ? "replace" : [op, ...changed].join(" ");
    },
  });
  return changes;
}

async function messageOf(operation: Promise<unknown>): Promise<string> {
  return operation.then(
    () => "it did not fail",
    (error: Error) => error.message,
  );
}
