import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { verdicts } from "../../deploy/tests/verdicts.ts";
import { checkout } from "../../sample/project.ts";

describe("the table of verdicts in docs/releases.md", () => {
  /** The rows of the table in docs/releases.md: an exit code, and what the last line is like. */
  let rows: { readonly exitCode: number; readonly line: RegExp }[];

  before(async () => {
    const text = await readFile(join(checkout, "docs/releases.md"), "utf8");
    rows = [...text.matchAll(/^\| (\d+) \| (`[^|]+`) \|/gm)].flatMap(([, exitCode, lines = ""]) =>
      [...lines.matchAll(/`([^`]+)`/g)].map(([, line = ""]) => ({
        exitCode: Number(exitCode),
        line: new RegExp(
          `^${line
            .replaceAll(".", "\\.")
            .replaceAll("<id>", "[0-9a-f]{40}")
            .replaceAll("<reason>", "(?!commit [0-9a-f]{40}\\.).+")
            .replaceAll("<live>", "(\\S+ version (\\d+|unknown)( \\([a-z ]+\\))?(, )?)+")}$`,
        ),
      })),
    );
  });

  it("has eight lines", () => {
    expect(rows).to.have.lengthOf(8);
  });

  for (const [, exitCode, line] of verdicts) {
    it(`has one for ${line.replaceAll(/[0-9a-f]{40}/g, "C")}`, () => {
      expect(rows.filter((row) => row.exitCode === exitCode && row.line.test(line))).to.have.lengthOf(1);
    });
  }
});

describe("the states in docs/releases.md", () => {
  it("are functions of deploy/release.ts, in the same order", async () => {
    const [page, code] = await Promise.all(
      ["docs/releases.md", "deploy/release.ts"].map((file) => readFile(join(checkout, file), "utf8")),
    );
    const states = new Set([...(page?.matchAll(/^ {2}\S+ --> (\w+):/gm) ?? [])].map(([, state]) => state));
    expect(states.size).to.equal(10);
    const functions = [...(code?.matchAll(/^(?:async )?function (\w)(\w*)/gm) ?? [])]
      .map(([, first = "", rest]) => `${first.toUpperCase()}${rest}`)
      .filter((name) => states.has(name));
    expect(functions).to.deep.equal([...states]);
  });
});
