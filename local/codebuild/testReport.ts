import { XMLParser } from "fast-xml-parser";
import { z } from "zod";

/** A test case of a report. */
export interface TestCase {
  /** The suite and the test, as the report names them. */
  readonly name: string;
  readonly status: "FAILED" | "SKIPPED" | "SUCCEEDED";
  readonly message?: string;
}

const testcase = z.looseObject({ name: z.string(), classname: z.string().default("") });
type Suite = { testcase: z.infer<typeof testcase>[]; testsuite: Suite[] };
const suite: z.ZodType<Suite> = z.object({
  testcase: z.array(testcase).default([]),
  testsuite: z.array(z.lazy(() => suite)).default([]),
});
const report = z.union([
  z.object({ testsuites: suite }).transform(({ testsuites }) => testsuites),
  z.object({ testsuite: z.array(suite) }).transform(({ testsuite }) => ({ testcase: [], testsuite })),
]);

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  textNodeName: "text",
  parseAttributeValue: false,
  isArray: (name) => name === "testcase" || name === "testsuite",
});

/**
 * Reads the test cases of a JUnit XML file.
 *
 * @throws {Error} when the text is no such file.
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html
 */
export function parseJUnit(xml: string): TestCase[] {
  return casesOf(report.parse(parser.parse(xml)));
}

function casesOf({ testcase, testsuite }: Suite): TestCase[] {
  return [
    ...testcase.map((found): TestCase => {
      const name = [found.classname, found.name].filter(Boolean).join(" ");
      const failure = found.failure ?? found.error;
      if (failure !== undefined) {
        return { name, status: "FAILED", message: textOf(failure) };
      }
      return { name, status: found.skipped === undefined ? "SUCCEEDED" : "SKIPPED" };
    }),
    ...testsuite.flatMap(casesOf),
  ];
}

function textOf(failure: unknown): string {
  const { message, text } = z
    .object({ message: z.string().optional(), text: z.string().optional() })
    .catch({})
    .parse(failure);
  return typeof failure === "string" ? failure : (message ?? text ?? "");
}
