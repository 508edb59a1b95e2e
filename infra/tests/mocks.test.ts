import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { dependenciesOf, dev, evaluate, failureOf, valueFrom } from "./mocks.ts";

describe("the mocks fixture", () => {
  it("fails on a resource type that the program does not use", async () => {
    const { message } = await failureOf(evaluate(dev, () => new aws.s3.Bucket("b")));
    expect(message).to.contain("b: the mocks have no resource of type aws:s3/bucket:Bucket");
  });

  it("fails on a component type that the program does not use", async () => {
    const { message } = await failureOf(evaluate(dev, () => new pulumi.ComponentResource("infra:index:X", "x")));
    expect(message).to.contain("x: the mocks have no component of type infra:index:X");
  });

  it("fails on a provider function that the program does not use, though nothing waits for its answer", async () => {
    const { message } = await failureOf(
      evaluate(dev, () => {
        aws.getRegionsOutput();
      }),
    );
    expect(message).to.contain("the mocks do not answer aws:index/getRegions:getRegions {}");
  });

  it("fails on an argument to a provider function that the program calls without", async () => {
    const { message } = await failureOf(
      evaluate(dev, () => {
        aws.getRegionOutput({ region: "us-east-1" });
      }),
    );
    expect(message).to.contain('the mocks do not answer aws:index/getRegion:getRegion {"region":"us-east-1"}');
  });

  it("fails on a second resource with the URN of another, as the engine does", async () => {
    const { message } = await failureOf(
      evaluate(dev, () => {
        new aws.cloudwatch.LogGroup("log", { name: "/one" });
        new aws.cloudwatch.LogGroup("log", { name: "/two" });
      }),
    );
    expect(message).to.contain("log: a second aws:cloudwatch/logGroup:LogGroup of this name has the same URN");
  });

  it("fails on an input that is rejected, though nothing waits for the resource", async () => {
    const { message } = await failureOf(
      evaluate(dev, () => {
        new aws.cloudwatch.LogGroup("log", { name: Promise.reject(new Error("no input")) });
      }),
    );
    expect(message).to.contain("no input");
  });

  it("rejects the value of an output that failed", async () => {
    let error: unknown;
    // An output has promises of its own that nothing handles: evaluate() notices them.
    await failureOf(
      evaluate(dev, () =>
        valueFrom(pulumi.output(Promise.reject(new Error("no output")))).catch((reason: unknown) => {
          error = reason;
        }),
      ),
    );
    expect(error).to.be.an("error").with.property("message", "no output");
  });

  it("rejects a value that holds an unknown", async () => {
    let error: unknown;
    await valueFrom({ known: 1, unknown: [pulumi.unknown] }).catch((reason: unknown) => {
      error = reason;
    });
    expect(error).to.be.an("error").with.property("message", "the value is unknown");
  });

  it("resolves a known value, however deep its outputs are, and the resources behind it", async () => {
    const { result } = await evaluate(dev, () => {
      const log = new aws.cloudwatch.LogGroup("log", { name: "/log" });
      return { value: pulumi.output([{ id: log.id }]) };
    });
    expect(await valueFrom(result)).to.deep.equal({ value: [{ id: "/log" }] });
    expect(await dependenciesOf(result.value)).to.deep.equal(["cloudwatch.LogGroup log"]);
  });

  it("starts every evaluation in a runtime of its own", async () => {
    const read = () => ({ project: pulumi.getProject(), stack: pulumi.getStack(), x: new pulumi.Config().get("x") });
    const first = await evaluate({ project: "p", stack: "one", config: { x: "1" } }, read);
    const second = await evaluate({ project: "q", stack: "two", config: {} }, read);
    expect(first.result).to.deep.equal({ project: "p", stack: "one", x: "1" });
    expect(second.result).to.deep.equal({ project: "q", stack: "two", x: undefined });
  });
});
