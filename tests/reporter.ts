import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import Mocha from "mocha";

const { Spec, XUnit } = Mocha.reporters;

/** How many test cases a report of CodeBuild holds. @see https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html */
const maxCases = 500;

/**
 * Mocha's spec on the console and JUnit files, where CodeBuild's test reports read them, from one run:
 * `--reporter tests/reporter.ts --reporter-option junit=<file>`. A report holds 500 test cases: with `--reporter-option parts=<n>` they are
 * in n files, `<file>-1.xml` to `<file>-<n>.xml`, each for a report of its own.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
 */
export default class SpecAndJUnit extends Spec {
  readonly #cases: Cases;
  readonly #file: string;
  readonly #parts: number;
  readonly #began = new Date();

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { junit, parts = "1" } = options.reporterOptions ?? {};
    if (typeof junit !== "string") {
      throw new Error("name the JUnit file: --reporter-option junit=<file>");
    }
    if (!/^[1-9]$/.test(parts)) {
      throw new Error(`--reporter-option parts is "${parts}", it can be 1 to 9`);
    }
    this.#file = junit.replace(/\.xml$/, "");
    this.#parts = Number(parts);
    this.#cases = new Cases(runner, options);
  }

  override done(failures: number, finish: (failures: number) => void): void {
    const { cases } = this.#cases;
    mkdirSync(dirname(this.#file), { recursive: true });
    const size = Math.ceil(cases.length / this.#parts);
    if (size > maxCases) {
      const needed = Math.ceil(cases.length / maxCases);
      console.error(
        `${this.#file}: ${cases.length} test cases are too many for ${this.#parts} reports of ${maxCases}: add to the reports in the buildspec, and say --reporter-option parts=${needed}`,
      );
    }
    for (let part = 0; part < this.#parts; part++) {
      const name = this.#parts === 1 ? `${this.#file}.xml` : `${this.#file}-${part + 1}.xml`;
      writeFileSync(name, this.#suite(cases.slice(part * size, (part + 1) * size)));
    }
    finish(size > maxCases ? Math.max(failures, 1) : failures);
  }

  #suite(cases: readonly string[]): string {
    const count = (element: string): number => cases.filter((text) => text.includes(element)).length;
    const times = cases.map((text) => Number(/ time="([\d.]+)"/.exec(text)?.[1] ?? 0));
    const attributes = {
      name: "Mocha Tests",
      tests: cases.length,
      failures: count("<failure>"),
      errors: 0,
      skipped: count("<skipped/>"),
      timestamp: this.#began.toISOString(),
      time: times.reduce((sum, time) => sum + time, 0).toFixed(3),
    };
    const start = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
    return [`<testsuite${start.join("")}>`, ...cases, "</testsuite>", ""].join("\n");
  }
}

/** Mocha's JUnit elements of the test cases, without the suite around them. */
class Cases extends XUnit {
  readonly cases: string[] = [];

  override write(line: string): void {
    if (line.startsWith("<testcase")) {
      this.cases.push(line);
    }
  }
}
