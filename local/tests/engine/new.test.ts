import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { checkout, copyFiles, shell } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { cliFolder } from "./cli.ts";

describe("pulumi new with this repository as the template", function () {
  this.timeout(600_000);
  const temporary = temporaryDirectories();
  let project: string;

  before(async () => {
    const pulumi = join(await cliFolder(), "bin/pulumi");
    const directory = await temporary();
    const template = join(directory, "template");
    project = join(directory, "other");
    await copyFiles(checkout, template);
    // As in a clone: what git leaves out is not there.
    await rm(join(template, "node_modules"));
    await mkdir(project);
    const { code, output } = await shell(
      project,
      `${pulumi} new ${template} --name other --description Another --stack dev --generate-only --yes`,
      { PULUMI_HOME: join(directory, "home"), PULUMI_SKIP_UPDATE_CHECK: "true" },
    );
    expect(code, output).to.equal(0);
    await symlink(join(checkout, "node_modules"), join(project, "node_modules"));
  });

  it("makes a project of the new name, with nothing of the template's in names and keys", async () => {
    const { name, description, template } = parse(await readFile(join(project, "Pulumi.yaml"), "utf8"));
    expect({ name, description, template }).to.deep.equal({
      name: "other",
      description: "Another",
      template: undefined,
    });
    const { code, output } = await shell(
      project,
      // Tests tell of a sample, pages of the template, and a licence stays with what it is for.
      "grep -rnI push-to-live . --exclude-dir=node_modules --exclude-dir=tests --exclude-dir=sample --exclude=*.md --exclude=LICENSE",
    );
    expect({ code, output }).to.deep.equal({ code: 1, output: "" });
  });

  it("rehearses the pipeline by the new name", async () => {
    const { code, output } = await shell(project, "npm run rehearse");
    expect(code, output).to.equal(0);
    expect(output).to.contain("other-local_deploy").and.not.contain("push-to-live");
  });

  it("passes its tests", async () => {
    const { code, output } = await shell(project, "npm test");
    expect(code, output).to.equal(0);
  });
});
