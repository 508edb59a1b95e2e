import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { root, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { parseJUnit } from "../../services/codebuild/testReport.ts";

describe("the reporter", () => {
  const temporary = temporaryDirectories();
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  const reporter = join(root, "tests/reporter.ts");

  /** Runs `count` tests, one of which fails and one of which is skipped, and returns what the reports hold. */
  async function run(count: number, ...options: string[]) {
    const folder = await temporary();
    await writeFile(
      join(folder, "many.test.mjs"),
      `describe("many", () => {
        for (let i = 2; i < ${count}; i++) it("passes " + i + " <&\\"'>", () => {});
        it("fails", () => { throw new Error("as it <should>"); });
        it.skip("is skipped", () => {});
      });`,
    );
    const report = options.flatMap((option) => ["--reporter-option", option]);
    const args = ["many.test.mjs", "--reporter", reporter, "--reporter-option", "junit=reports/tests.xml", ...report];
    const { code, output } = await runFile(mocha, args, { cwd: folder });
    const files = (await readdir(join(folder, "reports"))).sort();
    const texts = await Promise.all(files.map((file) => readFile(join(folder, "reports", file), "utf8")));
    return { code, output, files, texts };
  }

  it("writes one file, as JUnit has it, with its time in ISO 8601", async () => {
    const { code, files, texts } = await run(5);
    expect(code).to.equal(1);
    expect(files).to.deep.equal(["tests.xml"]);
    expect(texts[0]).to.match(
      /^<testsuite name="Mocha Tests" tests="5" failures="1" errors="0" skipped="1" timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z" time="[\d.]+">\n/,
    );
    expect(parseJUnit(texts[0] ?? "").map(({ name, status }) => `${name}: ${status}`)).to.deep.equal([
      `many passes 2 <&"'>: SUCCEEDED`,
      `many passes 3 <&"'>: SUCCEEDED`,
      `many passes 4 <&"'>: SUCCEEDED`,
      "many fails: FAILED",
      "many is skipped: SKIPPED",
    ]);
  });

  it("splits more cases than a report holds into as many files as it is told, each with its own counts", async () => {
    const { files, texts } = await run(1200, "parts=3");
    expect(files).to.deep.equal(["tests-1.xml", "tests-2.xml", "tests-3.xml"]);
    expect(texts.map((text) => parseJUnit(text).length)).to.deep.equal([400, 400, 400]);
    expect(texts.map((text) => / failures="(\d)" errors="0" skipped="(\d)"/.exec(text)?.slice(1).join())).to.deep.equal(
      ["0,0", "0,0", "1,1"],
    );
  });

  it("fails where they do not fit, and says what to change", async () => {
    const { code, output } = await run(501);
    expect(code).to.equal(1);
    expect(output).to.contain("501 test cases are too many for 1 reports of 500").and.to.contain("parts=2");
  });
});
