import { expect } from "chai";
import { type Released, verdictOf } from "../../deploy/release.ts";
import { commits } from "./releasing.ts";
import { verdicts } from "./verdicts.ts";

describe("the verdict of a release", () => {
  const [commit, newer] = commits;
  for (const [results, exitCode, line] of verdicts) {
    it(`is ${exitCode}, ${line.replace(commit, "C").replace(newer, "D")}`, () => {
      const all = results.map((result, index) => ({ name: "ab"[index], version: "3", ...result }) as Released);
      expect(verdictOf(commit, all)).to.deep.equal({ exitCode, line });
    });
  }
});
