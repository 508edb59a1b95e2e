import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { shell } from "../../../sample/project.ts";
import { passesItsTests, tutorial } from "./change.ts";

describe("a project of one's own: its pages and rooms", function () {
  this.timeout(600_000);
  passesItsTests([
    {
      what: "a README of one's own, and no docs",
      make: async (project) => {
        await writeFile(join(project, "README.md"), "# Shop\n");
        await rm(join(project, "docs"), { recursive: true });
      },
      rehearses: tutorial,
    },
    {
      what: "local taken away, as docs/make-it-yours.md says",
      make: async (project) => {
        const page = await readFile(join(project, "docs/make-it-yours.md"), "utf8");
        const [, commands = ""] = /## Without the local cloud\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(page) ?? [];
        expect(commands).to.match(/^git rm .*local/m);
        // Its packages are its own: those of the checkout are there for every room.
        await rm(join(project, "node_modules"));
        for (const command of [commands, "npm ci", "npm run lint", "npm run typecheck", "npm run bundle"]) {
          const { code, output } = await shell(project, command);
          expect(code, `${command}\n${output}`).to.equal(0);
        }
        expect(await readdir(project))
          .to.include("dist")
          .and.not.include("local");
      },
      rehearses: undefined,
    },
  ]);
});
