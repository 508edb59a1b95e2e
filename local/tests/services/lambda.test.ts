import { readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { hasEnded } from "../../../sample/processes.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
import { refusal } from "../refusal.ts";

const logGroup = functionSettings("fn").LoggingConfig.LogGroup;

describe("local Lambda", () => {
  const temporary = temporaryDirectories();
  let directory: string;
  let cloud: LocalCloud;

  beforeEach(async () => {
    directory = await temporary();
    cloud = await LocalCloud.start(directory, 0);
    cloud.logs.createLogGroup(logGroup);
  });

  afterEach(() => cloud.close());

  function create(code: string, timeout = 3): void {
    const settings = { ...functionSettings("fn"), Timeout: timeout };
    cloud.lambda.createFunction(settings, zipSync({ "handler.mjs": strToU8(code) }));
  }

  async function invoke(event: unknown = {}): Promise<{ payload: unknown; error: string | undefined }> {
    const { payload, error } = await cloud.lambda.invoke("fn", "1", JSON.stringify(event));
    return { payload: JSON.parse(payload), error };
  }

  /** The lines of the log, once there are so many: what a function prints may come after its answer. */
  async function logLines(count: number): Promise<string[]> {
    const group = join(directory, "logs", logGroup);
    for (;;) {
      const files = readdirSync(group, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".log"));
      const lines = files.flatMap((file) => readFileSync(join(group, file), "utf8").trimEnd().split("\n"));
      if (lines.length >= count) {
        return lines;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it("leaves the files of a zip alone that another function or version has brought already", () => {
    create("export const handler = async () => 1;");
    const [file = ""] = readdirSync(join(directory, "lambda"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith("handler.mjs"),
    );
    const path = join(directory, "lambda", file);
    utimesSync(path, 1, 1);
    create("export const handler = async () => 1;");
    expect(statSync(path).mtimeMs).to.equal(1000);
  });

  it("runs the unpacked zip in a process of its own, and keeps it for the next invocation", async () => {
    create("let n = 0; export const handler = async (event) => ({ n: ++n, pid: process.pid, event });");
    const [first, second] = [await invoke({ a: 1 }), await invoke()];
    expect(first.payload).to.deep.include({ n: 1, event: { a: 1 } });
    expect(second.payload).to.deep.include({ n: 2 });
    expect((first.payload as { pid: number }).pid)
      .to.equal((second.payload as { pid: number }).pid)
      .and.not.equal(process.pid);
  });

  it("gives each of many concurrent invocations an environment for itself, and makes the rest wait", async () => {
    create(`
      let busy = false;
      export const handler = async () => {
        if (busy) throw new Error("two at once");
        busy = true;
        await new Promise((resolve) => setTimeout(resolve, 20));
        busy = false;
        return process.pid;
      };`);
    const replies = await Promise.all(Array.from({ length: 40 }, () => invoke()));
    expect(replies.map(({ error }) => error)).to.deep.equal(Array(40).fill(undefined));
    expect(new Set(replies.map(({ payload }) => payload)).size).to.be.within(2, 16);
  });

  it("hands no variable of this machine's environment to a function", async () => {
    process.env.PUSH_TO_LIVE_SECRET = "secret";
    create("export const handler = async () => Object.keys(process.env);");
    const { payload } = await invoke();
    delete process.env.PUSH_TO_LIVE_SECRET;
    expect(payload).to.include.members(["AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "LAMBDA_TASK_ROOT"]);
    expect(payload).to.not.include.members(["PUSH_TO_LIVE_SECRET"]);
  });

  it("reports a thrown error as Lambda does", async () => {
    create('export const handler = async () => { throw new TypeError("no user"); };');
    const { payload, error } = await invoke();
    expect(error).to.equal("Unhandled");
    expect(payload).to.deep.include({ errorType: "TypeError", errorMessage: "no user" });
  });

  it("reports a handler that cannot be loaded", async () => {
    create("export const main = 1;");
    expect((await invoke()).payload).to.deep.include({
      errorType: "Runtime.HandlerNotFound",
      errorMessage: "handler.handler is undefined or not exported",
    });
  });

  it("survives process.exit, and starts another environment", async () => {
    create("export const handler = async ({ exit }) => { if (exit) process.exit(7); return 'alive'; };");
    const { payload } = await invoke({ exit: true });
    expect(payload).to.deep.include({ errorType: "Runtime.ExitError" });
    expect((payload as { errorMessage: string }).errorMessage).to.match(/Runtime exited with error: exit status 7$/);
    expect((await invoke()).payload).to.equal("alive");
  });

  it("ends an endless loop at the function's timeout, and starts another environment", async () => {
    create("export const handler = async ({ loop }) => { while (loop); return 'alive'; };", 1);
    const started = Date.now();
    const { payload } = await invoke({ loop: true });
    expect(Date.now() - started).to.be.at.least(950);
    expect(payload).to.deep.include({ errorType: "Sandbox.Timedout" });
    expect((payload as { errorMessage: string }).errorMessage).to.match(/Task timed out after 1\.00 seconds$/);
    expect((await invoke()).payload).to.equal("alive");
  });

  it("does not count the loading of the handler as the function's time", async () => {
    create("await new Promise((resolve) => setTimeout(resolve, 1500)); export const handler = async () => 1;", 1);
    expect((await invoke()).payload).to.equal(1);
  });

  it("keeps what the function prints as lines of JSON with level and request, and a report, in its log group", async () => {
    create(`
      export const handler = async (event, { awsRequestId }) => {
        console.log("out");
        console.info({ user: "you", error: new RangeError("inside") });
        console.warn("%s of %d", "one", 2);
        console.error("it failed:", new TypeError("no user"));
        console.debug(1n);
        console.trace(new SyntaxError("alone"));
        process.stdout.write("as it is\\n");
        return awsRequestId;
      };`);
    const { payload: requestId } = await invoke();
    const lines = await logLines(8);
    expect(lines).to.include("as it is");
    const reports = lines.filter((line) => line.startsWith('{"type"'));
    expect(reports).to.have.lengthOf(1);
    expect(reports[0]).to.match(/"type":"platform\.report".*"status":"success"/);
    const printed = lines.filter((line) => line.startsWith('{"timestamp"')).map((line) => JSON.parse(line));
    for (const { timestamp, requestId: id } of printed) {
      expect(new Date(timestamp).toISOString()).to.equal(timestamp);
      expect(id).to.equal(requestId);
    }
    expect(printed.map(({ level, message, errorType }) => [level, withoutStack(message), errorType])).to.deep.equal([
      ["INFO", "out", undefined],
      ["INFO", { user: "you", error: { errorType: "RangeError", errorMessage: "inside" } }, undefined],
      ["WARN", "one of 2", undefined],
      ["ERROR", printed[3].message, "TypeError"],
      ["DEBUG", "1n", undefined],
      ["TRACE", { errorType: "SyntaxError", errorMessage: "alone" }, undefined],
    ]);
    expect(printed[3]).to.deep.include({ errorMessage: "no user" });
    expect(printed[3].message).to.match(/^it failed: TypeError: no user\n/);
    expect(printed[3].stackTrace[0]).to.equal("TypeError: no user");
  });

  for (const [what, thrown, errorType, errorMessage] of [
    ["an error", 'new TypeError("no user")', "TypeError", "no user"],
    ["what is no error", '"no user"', "Error", "no user"],
  ] as const) {
    it(`logs ${what} that the function throws, with its type`, async () => {
      create(`export const handler = async () => { throw ${thrown}; };`);
      await invoke();
      const [line = "{}"] = (await logLines(2)).filter((each) => each.includes('"level":"ERROR"'));
      const { level, requestId, message } = JSON.parse(line);
      expect(level).to.equal("ERROR");
      expect(requestId).to.match(/^[0-9a-f-]{36}$/);
      expect(withoutStack(message)).to.deep.equal({ errorType, errorMessage });
      expect(message.stackTrace[0]).to.equal(`${errorType}: ${errorMessage}`);
    });
  }

  it("leaves no process behind when it is closed", async () => {
    create("export const handler = async () => process.pid;");
    const { payload } = await invoke();
    await cloud.close();
    expect(await hasEnded(payload as number)).to.equal(true);
  });

  it("refuses a zip that is none", () => {
    const settings = functionSettings("fn");
    expect(() => cloud.lambda.createFunction(settings, strToU8("no zip"))).to.throw("Could not unzip uploaded file");
  });

  describe("by weight", () => {
    const requests = 400;

    /** How many of the requests to `live` each version got, where version 2 has this share. */
    async function share(weight: number): Promise<{ "1": number; "2": number }> {
      cloud.lambda.putAlias("fn", "live", "1", { "2": weight });
      const counts = { "1": 0, "2": 0 };
      for (let request = 0; request < requests; request++) {
        const { payload } = await cloud.lambda.invoke("fn", "live", "{}");
        counts[JSON.parse(payload) as "1" | "2"] += 1;
      }
      return counts;
    }

    beforeEach(async () => {
      await cloud.close();
      cloud = await LocalCloud.start(directory, 0, { random: seeded(5) });
      create("export const handler = async (_, { functionVersion }) => functionVersion;");
      cloud.lambda.updateFunction(functionSettings("fn"));
    });

    it("gives a version its share of an alias's requests, the same for the same random numbers", async () => {
      const random = seeded(5);
      const expected = Array.from({ length: requests }, random).filter((number) => number < 0.1).length;
      const counts = await share(0.1);
      expect(counts).to.deep.equal({ "1": requests - expected, "2": expected });
      // Six standard deviations to either side.
      expect(counts["2"]).to.be.within(4, 76);
    });

    for (const [weight, version] of [
      [0, "1"],
      [1, "2"],
    ] as const) {
      it(`gives every request to version ${version} where version 2 has ${weight * 100} percent`, async () => {
        expect((await share(weight))[version]).to.equal(requests);
      });
    }

    it("tells of the alias what its first version is, however often it is asked", async () => {
      cloud.lambda.putAlias("fn", "live", "1", { "2": 1 });
      expect(cloud.lambda.resolve("fn", "live").Version).to.equal("1");
    });

    it("takes no weight of a version that there is not", () => {
      expect(() => cloud.lambda.putAlias("fn", "live", "1", { "9": 0.1 })).to.throw("Function not found");
    });
  });

  describe("called by the AWS SDK", () => {
    const live = { FunctionName: "fn", Name: "live" };
    let lambda: Lambda;

    beforeEach(async () => {
      lambda = new Lambda(clientOptions(cloud));
      create("export const handler = async ({ fails }) => { if (fails) throw new Error(); return process.pid; };");
      await lambda.publishVersion({ FunctionName: "fn" });
      cloud.lambda.putAlias("fn", "live", "1");
    });

    afterEach(() => lambda.destroy());

    const versions = async () =>
      (await lambda.listVersionsByFunction({ FunctionName: "fn" })).Versions?.map(({ Version }) => Version);

    it("keeps an alias's weights when it is described, and clears them when it is told to", async () => {
      cloud.lambda.putAlias("fn", "live", "1", { "2": 0.1 });
      const before = await lambda.getAlias(live);
      const described = await lambda.updateAlias({ ...live, Description: "d", RevisionId: before.RevisionId });
      expect(described.RoutingConfig).to.deep.equal({ AdditionalVersionWeights: { "2": 0.1 } });
      const stale = { ...live, RevisionId: before.RevisionId, RoutingConfig: { AdditionalVersionWeights: {} } };
      expect((await refusal(lambda.updateAlias(stale))).name).to.equal("PreconditionFailedException");
      const cleared = await lambda.updateAlias({ ...stale, RevisionId: described.RevisionId });
      expect(cleared).to.deep.include({ FunctionVersion: "1", Description: "d" });
      expect([cleared.RoutingConfig, cloud.lambda.getAlias("fn", "live").RoutingConfig]).to.deep.equal([
        undefined,
        undefined,
      ]);
      expect(cleared.RevisionId).to.not.equal(described.RevisionId);
    });

    it("refuses to set an alias's weights, and leaves it as it is", async () => {
      const { status, message } = await refusal(
        lambda.updateAlias({ ...live, RoutingConfig: { AdditionalVersionWeights: { "2": 0.1 } } }),
      );
      expect([status, message]).to.deep.equal([501, "the local cloud clears an alias's weights; CodeDeploy sets them"]);
      expect((await lambda.getAlias(live)).RoutingConfig).to.equal(undefined);
    });

    it("lists a function's aliases", async () => {
      cloud.lambda.putAlias("fn", "other", "2");
      const { Aliases = [] } = await lambda.listAliases({ FunctionName: "fn" });
      expect(Aliases.map(({ Name, FunctionVersion }) => [Name, FunctionVersion])).to.deep.equal([
        ["live", "1"],
        ["other", "2"],
      ]);
    });

    it("deletes a version with its environments, and never gives its number again", async () => {
      const { Payload = [] } = await lambda.invoke({ FunctionName: "fn", Qualifier: "2" });
      await lambda.deleteFunction({ FunctionName: "fn", Qualifier: "2" });
      expect(await hasEnded(Number(Buffer.from(Payload)))).to.equal(true);
      expect(await versions()).to.deep.equal(["$LATEST", "1"]);
      expect((await refusal(lambda.invoke({ FunctionName: "fn", Qualifier: "2" }))).name).to.equal(
        "ResourceNotFoundException",
      );
      expect((await lambda.publishVersion({ FunctionName: "fn" })).Version).to.equal("3");
      expect(await versions()).to.deep.equal(["$LATEST", "1", "3"]);
    });

    it("deletes no version that an alias refers to, be it by a weight, and no function", async () => {
      await lambda.publishVersion({ FunctionName: "fn" });
      cloud.lambda.putAlias("fn", "live", "1", { "2": 0.1 });
      for (const [Qualifier, by] of [
        ["1", "alias live"],
        ["2", "alias live"],
        ["$LATEST", "the function"],
      ] as const) {
        const { name, status, message } = await refusal(lambda.deleteFunction({ FunctionName: "fn", Qualifier }));
        expect([name, status, message]).to.deep.equal([
          "ResourceConflictException",
          409,
          `fn:${Qualifier} is in use by ${by}`,
        ]);
      }
      expect((await refusal(lambda.deleteFunction({ FunctionName: "fn" }))).status).to.equal(501);
      const gone = await refusal(lambda.deleteFunction({ FunctionName: "fn", Qualifier: "9" }));
      expect(gone.name).to.equal("ResourceNotFoundException");
      expect(await versions()).to.deep.equal(["$LATEST", "1", "2", "3"]);
    });

    it("counts invocations and errors of a function, an alias and each version behind it", async () => {
      for (const [qualifier, fails] of [["live"], ["live", true], ["2"], ["$LATEST", true]] as const) {
        await cloud.lambda.invoke("fn", qualifier, JSON.stringify({ fails }));
      }
      cloud.lambda.putAlias("fn", "live", "2");
      await cloud.lambda.invoke("fn", "live", "{}");
      const cloudwatch = new CloudWatch(clientOptions(cloud));
      const sumOf = async (MetricName: string, others: Record<string, string> = {}): Promise<number> => {
        const Dimensions = Object.entries({ FunctionName: "fn", ...others }).map(([Name, Value]) => ({ Name, Value }));
        const Metric = { Namespace: "AWS/Lambda", MetricName, Dimensions };
        const { MetricDataResults } = await cloudwatch.getMetricData({
          StartTime: new Date(0),
          EndTime: new Date(Date.now() + 60_000),
          MetricDataQueries: [{ Id: "q", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
        });
        return (MetricDataResults?.[0]?.Values ?? []).reduce((sum, value) => sum + value, 0);
      };
      const found: unknown[] = [];
      for (const others of [
        {},
        { Resource: "fn:live" },
        { Resource: "fn:live", ExecutedVersion: "1" },
        { Resource: "fn:live", ExecutedVersion: "2" },
        { Resource: "fn:2" },
        { Resource: "fn:2", ExecutedVersion: "2" },
      ]) {
        found.push([await sumOf("Invocations", others), await sumOf("Errors", others)]);
      }
      expect(found).to.deep.equal([
        [5, 2],
        [3, 1],
        [2, 1],
        [1, 0],
        [1, 0],
        [0, 0],
      ]);
      expect(await sumOf("Duration")).to.be.greaterThan(0);
      cloudwatch.destroy();
    });

    it("finds the lines of a version by its streams' prefix, and those with a term", async () => {
      const logs = new CloudWatchLogs(clientOptions(cloud));
      const day = "2026/01/31";
      cloud.logs.put(logGroup, `${day}/[2]b`, "two\nan ERROR of two");
      cloud.logs.put(logGroup, `${day}/[1]a`, "an ERROR of one\n");
      const found = async (input: object) =>
        (await logs.filterLogEvents({ logGroupName: logGroup, ...input })).events?.map((event) => [
          event.logStreamName,
          event.message,
        ]);
      const [one, two] = [`${day}/[1]a`, `${day}/[2]b`];
      expect(await found({})).to.deep.equal([
        [one, "an ERROR of one"],
        [two, "two"],
        [two, "an ERROR of two"],
      ]);
      expect(await found({ logStreamNamePrefix: `${day}/[2]` })).to.deep.equal([
        [two, "two"],
        [two, "an ERROR of two"],
      ]);
      expect(await found({ logStreamNamePrefix: `${day}/[2]`, filterPattern: "ERROR" })).to.deep.equal([
        [two, "an ERROR of two"],
      ]);
      expect(await found({ filterPattern: "ERROR", limit: 1 })).to.deep.equal([[one, "an ERROR of one"]]);
      expect(await found({ filterPattern: "WARN" })).to.deep.equal([]);
      cloud.logs.createLogGroup("/empty");
      expect(await found({ logGroupName: "/empty" })).to.deep.equal([]);
      expect((await refusal(found({ logGroupName: "/none" }))).name).to.equal("ResourceNotFoundException");
      const pattern = await refusal(found({ filterPattern: "{ $.level = ERROR }" }));
      expect([pattern.name, pattern.message]).to.deep.equal([
        "InvalidParameterException",
        "the local cloud filters by one term, not by { $.level = ERROR }",
      ]);
      const unknown = await refusal(found({ startTime: 1 }));
      expect(unknown.message).to.match(/^the local cloud does not implement startTime of logs:FilterLogEvents; /);
      logs.destroy();
    });
  });
});

/** A message of a log line without the stack trace of an error in it. */
function withoutStack(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, (key, value) => (key === "stackTrace" ? undefined : value)));
}

/** Random numbers from 0 to 1, the same for the same seed: the generator mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
