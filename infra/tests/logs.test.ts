import { expect } from "chai";
import { inputsOf } from "./sampleProgram.ts";

describe("the logs", () => {
  for (const [key, name] of [
    ["cloudwatch.LogGroup http-access-log", "/aws/vendedlogs/push-to-live-dev"],
    ["cloudwatch.LogGroup hello-user-log", "/aws/lambda/push-to-live-dev_hello-user"],
    ["cloudwatch.LogGroup deploy-log", "/aws/codebuild/push-to-live-dev_deploy"],
    ["cloudwatch.LogGroup pull-request-log", "/aws/codebuild/push-to-live-dev_pull-request"],
  ] as const) {
    it(`keeps ${name} for 30 days`, async () => {
      expect(await inputsOf(key)).to.deep.equal({ name, retentionInDays: 30 });
    });
  }
});
