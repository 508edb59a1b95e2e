import { existsSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { root } from "../../sample/project.ts";
import { declareStack } from "./components.ts";
import { dev, evaluate, only } from "./mocks.ts";
import { statementsIn } from "./policies.ts";
import { configuration, configurationHash, inputsOf, loadProgram, type Program } from "./sampleProgram.ts";
import { withSettings } from "./stacks.ts";

describe("the function", () => {
  it("runs the bundle on Node 24 and arm64, as its own role, and writes JSON to its own log", async () => {
    const { code, ...others } = await inputsOf("lambda.Function hello-user");
    expect(code).to.be.an.instanceOf(pulumi.asset.FileArchive);
    expect(others).to.deep.equal({
      name: "push-to-live-dev_hello-user",
      ...configuration,
      publish: true,
    });
  });

  it("has as its code the zip that the program has bundled", async () => {
    const { code } = await inputsOf("lambda.Function hello-user");
    const path = code instanceof pulumi.asset.FileArchive ? await code.path : "";
    expect(path).to.equal("dist/hello-user.zip");
    expect(existsSync(join(root, path))).to.equal(true);
  });

  it("has the alias live, which begins at the version that up has published", async () => {
    expect(await inputsOf("lambda.Alias hello-user-live")).to.deep.equal({
      name: "live",
      functionName: "push-to-live-dev_hello-user",
      functionVersion: "3",
    });
  });

  it("has the memory, the timeout and the environment of the settings, whose change is a change of configuration", async () => {
    const functions = { "hello-user": { memorySize: 512, timeout: 3, environment: { GREETING: "hi" } } };
    const { registrations } = await loadProgram(withSettings({ functions: JSON.stringify(functions) }));
    expect(only(registrations, "lambda.Function hello-user").inputs).to.deep.include({
      memorySize: 512,
      timeout: 3,
      environment: { variables: { GREETING: "hi" } },
    });
    expect(only(registrations, "ssm.Parameter configuration").inputs.insecureValue)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(configurationHash);
  });

  it("keeps an encrypted environment secret, and the hash of it", async () => {
    const functions = { "hello-user": { environment: { KEY: "a-secret-value" } } };
    const { registrations } = await loadProgram(withSettings({}, { functions: JSON.stringify(functions) }));
    const secrets = registrations.filter(({ inputs }) =>
      JSON.stringify(inputs).includes(pulumi.runtime.specialSecretSig),
    );
    expect(secrets.map(({ key }) => key)).to.deep.equal(["lambda.Function hello-user", "ssm.Parameter configuration"]);
  });

  it("may do exactly what index.ts gives it beside writing its log", async () => {
    const statement = {
      Sid: "ReadOrders",
      Effect: "Allow",
      Action: ["dynamodb:GetItem"],
      Resource: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
    } as const;
    const { registrations } = await evaluate(dev, () =>
      declareStack(["orders"], [{ ...statement, Action: [...statement.Action] }]),
    );
    const { policy } = only(registrations, "iam.RolePolicy orders-policy").inputs;
    const [log, ...others] = statementsIn(policy);
    expect(log).to.have.property("Sid", "WriteLog");
    expect(others).to.deep.equal([statement]);
  });

  it("records no requests in X-Ray by default", async () => {
    const { registrations } = await loadProgram(dev);
    expect(only(registrations, "lambda.Function hello-user").inputs).to.deep.include({
      tracingConfig: { mode: "PassThrough" },
    });
    expect(JSON.stringify(registrations)).to.not.contain("xray");
  });

  it("has X-Ray record requests when the settings say so: in the function's configuration, whose change is released, and in its rights", async () => {
    const plain = await loadProgram(dev);
    const traced = await loadProgram(withSettings({ tracing: "true" }));
    expect(only(traced.registrations, "lambda.Function hello-user").inputs.tracingConfig).to.deep.equal({
      mode: "Active",
    });
    const hashOf = ({ registrations }: Program) =>
      only(registrations, "ssm.Parameter configuration").inputs.insecureValue;
    expect(hashOf(traced)).to.not.equal(hashOf(plain));
    const { policy } = only(traced.registrations, "iam.RolePolicy hello-user-policy").inputs;
    expect(policy)
      .to.have.nested.property("Statement[1]")
      .that.deep.equals({
        Sid: "WriteTraces",
        Effect: "Allow",
        Action: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        Resource: "*",
      });
  });
});
