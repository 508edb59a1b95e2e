import Mocha from "mocha";

const { Spec, XUnit } = Mocha.reporters;

/**
 * Mocha's spec on the console and its JUnit file, where CodeBuild's test report reads it, from one run:
 * `--reporter tests/reporter.ts --reporter-option junit=<file>`.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
 */
export default class SpecAndJUnit extends Spec {
  readonly #junit: Mocha.reporters.XUnit;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const { junit } = options.reporterOptions ?? {};
    if (typeof junit !== "string") {
      throw new Error("name the JUnit file: --reporter-option junit=<file>");
    }
    this.#junit = new XUnit(runner, { ...options, reporterOptions: { output: junit } });
  }

  override done(failures: number, finish: (failures: number) => void): void {
    this.#junit.done(failures, finish);
  }
}
