import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, cp, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { root } from "../../sample/project.ts";
import { temporaryDirectories } from "../../sample/temporary.ts";

describe("the deploy build's install", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();

  it("takes only the workspaces that it needs, at most 90 MB: they check the functions' types, run their tests and bundle them", async () => {
    const clone = join(await temporary(), "clone");
    const left = /node_modules|^\.git$|^\.local$|^dist$|^reports$/;
    for (const name of await readdir(root)) {
      if (!left.test(name)) {
        await cp(join(root, name), join(clone, name), { recursive: true });
      }
    }
    const { phases } = parse(await readFile(join(root, "buildspec.yml"), "utf8"));
    const PATH = `${dirname(process.execPath)}:${process.env.PATH?.replaceAll(join(root, "node_modules"), "")}`;
    const run = (command: string): string =>
      execFileSync("sh", ["-c", command], {
        cwd: clone,
        env: { ...process.env, PATH, CODEBUILD_SRC_DIR: clone },
        encoding: "utf8",
        stdio: "pipe",
      });
    for (const command of [...phases.install.commands, ...phases.pre_build.commands, ...phases.build.commands]) {
      run(command);
    }
    const [megabytes] = run("du -sm node_modules").split("\t");
    expect(Number(megabytes)).to.be.at.most(90);
    expect(existsSync(join(clone, "node_modules/@pulumi"))).to.equal(false);
    expect(existsSync(join(clone, "node_modules/zod"))).to.equal(false);
    expect(existsSync(join(clone, "node_modules/mocha"))).to.equal(true);
    expect(await readFile(join(clone, "reports/functions.xml"), "utf8")).to.match(/<testsuite .*errors="0"/);
    expect(existsSync(join(clone, "dist/hello-user.zip"))).to.equal(true);
    await appendFile(join(clone, "functions/hello-user/handler.ts"), "export const answer: string = 42;\n");
    expect(() => phases.pre_build.commands.map(run), "a type error").to.throw(
      /Command failed: sh -c npm run typecheck/,
    );
  });
});
