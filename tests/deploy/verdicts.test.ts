import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type Released, verdictOf } from "../../deploy/release.ts";
import { root } from "../project.ts";
import { commits } from "./releasing.ts";

describe("the verdict of a release", () => {
  const [commit, newer] = commits;
  /** The rows of the table in docs/releases.md: an exit code, and what the last line is like. */
  let rows: { readonly exitCode: number; readonly line: RegExp }[];

  before(async () => {
    const text = await readFile(join(root, "docs/releases.md"), "utf8");
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

  it("has a table of eight lines", () => {
    expect(rows).to.have.lengthOf(8);
  });

  for (const [results, exitCode, line] of [
    [[{ outcome: "released" }], 0, `Released: commit ${commit}. Live: a version 3`],
    [[{ outcome: "unchanged" }], 0, `Unchanged: commit ${commit}. Live: a version 3`],
    [[{ outcome: "superseded", by: newer }], 0, `Superseded: commit ${commit} by ${newer}. Live: a version 3`],
    [[{ outcome: "failed" }], 1, `Not released: commit ${commit}. Live: a version 3`],
    [[{ outcome: "failed", version: undefined }], 1, `Not released: commit ${commit}. Live: a version unknown`],
    [[{ outcome: "rolled back" }], 2, `Rolled back: commit ${commit}. Live: a version 3`],
    [
      [{ outcome: "released" }, { outcome: "failed" }],
      1,
      `Not released: commit ${commit}. Live: a version 3 (released), b version 3 (failed)`,
    ],
    [
      [{ outcome: "failed" }, { outcome: "rolled back" }],
      2,
      `Rolled back: commit ${commit}. Live: a version 3 (failed), b version 3 (rolled back)`,
    ],
    [
      [{ outcome: "superseded", by: newer }, { outcome: "unchanged" }],
      0,
      `Superseded: commit ${commit} by ${newer}. Live: a version 3 (superseded), b version 3 (unchanged)`,
    ],
    [
      [{ outcome: "unchanged" }, { outcome: "released" }],
      0,
      `Released: commit ${commit}. Live: a version 3 (unchanged), b version 3 (released)`,
    ],
  ] as [Partial<Released>[], number, string][]) {
    it(`is ${exitCode}, ${line.replace(commit, "C").replace(newer, "D")}: a row of the table`, () => {
      const all = results.map((result, index) => ({ name: "ab"[index], version: "3", ...result }) as Released);
      expect(verdictOf(commit, all)).to.deep.equal({ exitCode, line });
      expect(rows.filter((row) => row.exitCode === exitCode && row.line.test(line))).to.have.lengthOf(1);
    });
  }
});
