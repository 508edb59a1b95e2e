import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { copyProject, shell } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";

/** Something that a person does to a project on the first day. */
export interface Change {
  readonly what: string;
  readonly make: (project: string) => Promise<void>;
  /** What the rehearsal says that it is about; undefined where there is none any more. */
  readonly rehearses: RegExp | undefined;
}

export const tutorial = /^Rehearsing the tutorial's story/m;
export const ownPipeline = /^Rehearsing this project's own pipeline/m;

/** Tests that a copy of the project in which each change is made passes its own tests, and is rehearsed. */
export function passesItsTests(changes: readonly Change[]): void {
  const temporary = temporaryDirectories();

  for (const { what, make, rehearses } of changes) {
    it(`passes its tests${rehearses ? " and is rehearsed" : ""}: ${what}`, async () => {
      const project = join(await temporary(), "project");
      await copyProject(project);
      await make(project);
      await git(project, "add", "--all");
      await git(project, "commit", "--quiet", `--message=${what}`);
      const tests = await shell(project, "npm test");
      expect(tests.code, tests.output).to.equal(0);
      expect(tests.output).to.match(/\d+ passing/);
      if (rehearses) {
        const rehearsal = await shell(project, "npm run rehearse");
        expect(rehearsal.code, rehearsal.output).to.equal(0);
        expect(rehearsal.output)
          .to.match(rehearses)
          .and.match(/All \d+ steps held/);
      }
      expect(await git(project, "status", "--porcelain")).to.equal("");
    });
  }
}

/** Changes a file of the project. */
export async function edit(project: string, file: string, from: RegExp, to: string): Promise<void> {
  const path = join(project, file);
  const before = await readFile(path, "utf8");
  const after = before.replace(from, to);
  expect(after, file).to.not.equal(before);
  await writeFile(path, after);
}
