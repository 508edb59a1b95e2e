import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { copyProject } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { readProject } from "../../program/project.ts";
import { type Stack, startStack } from "../../program/stack.ts";
import { hurryRollbacks, ManualClock } from "../manualClock.ts";
import { binomialTest } from "./binomial.ts";
import { seeded } from "./seeded.ts";
import { Traffic, tellingVersion } from "./traffic.ts";

/** A handler that answers as `smoke.json` wants it, tells its version in a header, and begins with `start`. */
const handlerThat = (start: string) => `
let requests = 0;

export async function handler(): Promise<object> {
  requests += 1;
  ${start}
  const headers = { "content-type": "application/json", "x-version": ${tellingVersion} };
  return { statusCode: 200, headers, body: JSON.stringify({ message: "hello user" }) };
}
`;
const failing = `if (requests % 10 === 0) throw new Error(${tellingVersion} + "has no connection left");`;
/** How many requests the canary gets before an alarm is evaluated; of those, each tenth of an environment fails. */
const canaryRequests = 50;
const tests = `
describe("the function", () => {
  it("is not tested for its tenth request", () => {});
});
`;

describe("a canary whose release throws on every tenth request, pushed under load", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let project: string;
  let stack: Stack;
  const clock = new ManualClock();

  before(async () => {
    const directory = await temporary();
    project = join(directory, "project");
    await copyProject(project);
    await configure({ releaseStrategy: "canary10Percent5Minutes", buildTimeoutMinutes: "10" });
    await configure({ throttlingRateLimit: "1000000", throttlingBurstLimit: "1000000" });
    await writeFile(join(project, "functions/hello-user/handler.ts"), handlerThat(""));
    await writeFile(join(project, "tests/functions/hello-user.test.ts"), tests);
    await git(project, "commit", "--quiet", "--all", "--message=A canary");
    stack = await startStack(
      await readProject(project),
      join(directory, "cloud"),
      0,
      async (remote) => {
        await git(project, "remote", "add", "origin", remote);
        await git(project, "push", "--quiet", "origin", "main");
      },
      // The canary's five minutes never pass: the alarm ends it.
      { clock, random: seeded(1) },
    );
    hurryRollbacks(stack.cloud, clock);
  });

  after(() => stack.cloud.close());

  it("is rolled back: the build is red and says why, and only the canary's share of requests saw it", async () => {
    const { cloud, outputs } = stack;
    const functionName = outputs.functionNames["hello-user"] ?? "";
    const traffic = new Traffic(cloud.lambda, functionName);
    await writeFile(join(project, "functions/hello-user/handler.ts"), handlerThat(failing));
    await git(project, "commit", "--quiet", "--all", "--message=No connection left");
    const commit = await git(project, "rev-parse", "HEAD");
    await git(project, "push", "--quiet", "origin", "main");
    const [build] = cloud.codebuild.builds;
    if (!build) {
      throw new Error("the push has started no build");
    }
    while (build.status === "IN_PROGRESS" && build.phases.at(-1)?.type !== "POST_BUILD") {
      await once(cloud.codebuild, "build");
    }
    // With which the release tells of its canary.
    let isTold = false;
    cloud.awsEndpoint.on("call", ({ operation }) => {
      isTold ||= operation === "GetMetricData";
    });
    let hasRung = false;
    await traffic.make(`${outputs.apiUrl}/hello_user`, 2, () => {
      const seen = traffic.intervals[1]?.got.get("2") ?? 0;
      if (!hasRung && isTold && seen >= canaryRequests) {
        hasRung = true;
        clock.advance(10);
      }
      return build.status !== "IN_PROGRESS";
    });

    const log = await readFile(build.logFile, "utf8");
    expect(build.status, log).to.equal("FAILED");
    expect(build.phases.find(({ type }) => type === "POST_BUILD")).to.include({ status: "FAILED" });
    expect(build.phases.find(({ type }) => type === "POST_BUILD")?.message).to.match(/Reason: exit status 2$/);
    expect(log).to.match(/hello-user: version 2 has 10 % of traffic, \d+ errors; 5 min left/);
    // The version's errors are the API's 5xx too: either alarm may be the first.
    expect(log).to.match(/was stopped: ALARM_ACTIVE, .* the deployment was stopped: .*(\/version-2-errors|-api-5xx)/);
    expect(log).to.match(/ {2}version 2 logged: \{.*"level":"ERROR".*version 2 has no connection left.*\}/);
    expect(log).to.contain("hello-user: live is version 1\n");
    expect(log).to.contain(`Rolled back: commit ${commit}. Live: hello-user version 1\n`);
    expect(cloud.lambda.getAlias(functionName, "live")).to.include({ FunctionVersion: "1" });

    const { answers, intervals } = traffic;
    expect(intervals.map(({ version, weights }) => [version, weights])).to.deep.equal([
      ["1", {}],
      ["1", { 2: 0.1 }],
      ["1", {}],
    ]);
    const [, canary] = intervals;
    const trials = [...(canary?.got.values() ?? [])].reduce((sum, count) => sum + count, 0);
    const seen = canary?.got.get("2") ?? 0;
    const failed = answers.filter(({ status }) => status !== 200);
    console.log(
      `      ${answers.length} requests, ${trials} of them during the canary: ${seen} got it, ${failed.length} of those failed`,
    );
    expect(binomialTest(seen, trials, 0.1)).to.be.greaterThan(1e-6);
    expect(failed.length).to.be.within(1, Math.ceil(seen / 10));
    for (const each of failed) {
      expect(each.status).to.equal(500);
      expect(traffic.versionsDuring(each)).to.include("2");
    }
    expect(intervals[2]?.got.has("2"), "seen after the rollback").to.equal(false);
  });

  /** Sets some of the local stack's settings. */
  async function configure(settings: Record<string, string>): Promise<void> {
    const file = join(project, "Pulumi.local.yaml");
    const content: { config: Record<string, string> } = parse(await readFile(file, "utf8"));
    for (const [key, value] of Object.entries(settings)) {
      content.config[key] = value;
    }
    await writeFile(file, stringify(content));
  }
});
