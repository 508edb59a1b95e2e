import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import type { Buildspec } from "./buildspec.ts";

/** A test case of a report. */
export interface TestCase {
  /** The suite and the test, as the report names them. */
  readonly name: string;
  readonly status: "FAILED" | "SKIPPED" | "SUCCEEDED";
}

/** How many test cases a report holds. @see https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html */
const maxCases = 500;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  htmlEntities: true,
  isArray: (name) => name === "testcase" || name === "testsuite",
});

/**
 * Reads the test cases of a build's reports.
 *
 * @param groups The buildspec's.
 * @param source The folder that it is in.
 * @throws {Error} when a report has more cases than it holds.
 */
export async function readReports(groups: NonNullable<Buildspec["reports"]>, source: string): Promise<TestCase[]> {
  const tests: TestCase[] = [];
  for (const [group, { files, "base-directory": base }] of Object.entries(groups)) {
    const cwd = join(source, base);
    const before = tests.length;
    for await (const file of glob(files, { cwd })) {
      tests.push(...parseJUnit(await readFile(join(cwd, file), "utf8")));
    }
    const count = tests.length - before;
    if (count > maxCases) {
      // What CodeBuild does beyond its quota it does not say: here, no case is dropped unseen.
      throw new Error(`the report ${group} has ${count} test cases, and a report holds ${maxCases}: split it`);
    }
  }
  return tests;
}

/**
 * Reads the test cases of a JUnit XML file, in whatever suites they are.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
 */
export function parseJUnit(xml: string): TestCase[] {
  return casesOf(parser.parse(xml));
}

function casesOf({ testsuites, testsuite = [], testcase = [] }: Suite): TestCase[] {
  const own = testcase.map(({ classname, name, failure, error, skipped }): TestCase => {
    const failed = failure !== undefined || error !== undefined;
    const status = failed ? "FAILED" : skipped === undefined ? "SUCCEEDED" : "SKIPPED";
    return { name: [classname, name].filter(Boolean).join(" "), status };
  });
  return [...own, ...testsuite.flatMap(casesOf), ...(testsuites ? casesOf(testsuites) : [])];
}

interface Suite {
  readonly testsuites?: Suite;
  readonly testsuite?: readonly Suite[];
  readonly testcase?: readonly {
    readonly classname?: string;
    readonly name?: string;
    readonly failure?: unknown;
    readonly error?: unknown;
    readonly skipped?: unknown;
  }[];
}
