import { expect } from "chai";
import { type Released, verdictOf } from "../release/verdict.ts";
import { commit, newer, verdicts } from "./verdicts.ts";

describe("the verdict of a release", () => {
  for (const [results, exitCode, line] of verdicts) {
    it(`is ${exitCode}, ${line.replace(commit, "C").replace(newer, "D")}`, () => {
      const all = results.map((result, index) => ({ name: "ab"[index], version: "3", ...result }) as Released);
      expect(verdictOf(commit, all)).to.deep.equal({ exitCode, line });
    });
  }
});
