import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { addFunction, copyProject, shell } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";

/** Something that a person does to a project on the first day. */
interface Change {
  readonly what: string;
  readonly make: (project: string) => Promise<void>;
  /** What the rehearsal says that it is about; undefined where there is none any more. */
  readonly rehearses: RegExp | undefined;
}

const tutorial = /^Rehearsing the tutorial's story/m;
const ownPipeline = /^Rehearsing this project's own pipeline/m;

const changes: readonly Change[] = [
  {
    what: "another word in the answer, and in the tests of it",
    make: async (project) => {
      for (const file of ["functions/hello-user/handler.ts", "tests/functions/hello-user.test.ts"]) {
        await edit(project, file, /Hello /g, "Hi ");
      }
    },
    rehearses: ownPipeline,
  },
  {
    what: "a second and a third function",
    make: async (project) => {
      for (const folder of ["goodbye-user", "orders"]) {
        await addFunction(project, folder);
      }
    },
    rehearses: tutorial,
  },
  {
    what: "the sample under another name, the project too, and a branch master",
    make: async (project) => {
      await rename(join(project, "functions/hello-user"), join(project, "functions/greet"));
      await rename(join(project, "tests/functions/hello-user.test.ts"), join(project, "tests/functions/greet.test.ts"));
      for (const file of ["index.ts", "tests/functions/greet.test.ts"]) {
        await edit(project, file, /hello-user/g, "greet");
      }
      await edit(project, "Pulumi.yaml", /^name: .*$/m, "name: my_App");
      await edit(project, "Pulumi.local.yaml", /^config:$/m, "config:\n  branch: master");
    },
    rehearses: ownPipeline,
  },
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
];

describe("a project of one's own", function () {
  this.timeout(600_000);
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
});

async function edit(project: string, file: string, from: RegExp, to: string): Promise<void> {
  const path = join(project, file);
  const before = await readFile(path, "utf8");
  const after = before.replace(from, to);
  expect(after, file).to.not.equal(before);
  await writeFile(path, after);
}
