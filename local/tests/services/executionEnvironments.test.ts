import { readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { hasEnded } from "../../../sample/processes.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { functionSettings } from "../localFunction.ts";

const logGroup = functionSettings("fn").LoggingConfig.LogGroup;

describe("an execution environment of the local Lambda", () => {
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
});

/** A message of a log line without the stack trace of an error in it. */
function withoutStack(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, (key, value) => (key === "stackTrace" ? undefined : value)));
}
