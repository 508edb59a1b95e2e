import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { copyProject, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { placeOf } from "../../program/place.ts";

describe("where a mistake in the program is", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();

  it("is told where a stack names a file of the project's, the nearest first, and none of its packages'", () => {
    const error = new Error("no");
    error.stack = [
      "Error: no",
      "    at make (file:///a%20b/node_modules/x/index.js:1:1)",
      "    at new HttpApi (file:///a%20b/infra/httpApi.ts:12:34)",
      "    at file:///a%20b/index.ts:5:6",
    ].join("\n");
    expect(placeOf(error, "/a b")).to.equal("infra/httpApi.ts:12:34");
    expect(placeOf(error, "/a")).to.equal(undefined);
    expect(placeOf("no error", "/a b")).to.equal(undefined);
  });

  for (const [what, file, line, told] of [
    ["a name that there is not", "index.ts", "console.log(setings);", /^index\.ts:\d+:13: setings is not defined$/m],
    ["a syntax error", "index.ts", "const 1 = 2;", /^index\.ts:\d+:7: /m],
    ["TypeScript that Node.js does not strip", "infra/httpApi.ts", "enum A { B }", /^infra\/httpApi\.ts:\d+:1: /m],
    [
      "an import of what a module has not",
      "index.ts",
      'import { nothing } from "./infra/httpApi.ts";',
      /^index\.ts:\d+:10: /m,
    ],
    [
      "a mistake in a component",
      "infra/httpApi.ts",
      "missing();",
      /^infra\/httpApi\.ts:\d+:1: missing is not defined$/m,
    ],
  ] as const) {
    it(`is told of ${what} by file, line and column, once`, async () => {
      const project = join(await temporary(), "a project");
      await copyProject(project);
      const path = join(project, file);
      const text = await readFile(path, "utf8");
      await writeFile(path, `${text}\n${line}\n`);
      const { code, output } = await runFile("local/rehearse.ts", [], { cwd: project });
      expect(code, output).to.equal(1);
      expect(output).to.match(told);
      const rows = text.split("\n").length + 1;
      expect(output).to.contain(`${file}:${rows}:`);
      expect(output.split(`${file}:`)).to.have.lengthOf(2);
    });
  }
});
