import { XMLParser } from "fast-xml-parser";

/** A test case of a report. */
export interface TestCase {
  /** The suite and the test, as the report names them. */
  readonly name: string;
  readonly status: "FAILED" | "SKIPPED" | "SUCCEEDED";
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  htmlEntities: true,
  isArray: (name) => name === "testcase" || name === "testsuite",
});

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
