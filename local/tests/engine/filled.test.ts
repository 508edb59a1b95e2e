import { join } from "node:path";
import { expect } from "chai";
import { copyProject } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Cloud, startCloud } from "../cloud.ts";
import { cliFolder } from "./cli.ts";
import { pulumi } from "./commandLine.ts";

describe("pulumi up onto what npm start has filled", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let project: string;
  let cloud: Cloud;

  before(async () => {
    await cliFolder();
    project = join(await temporary(), "project");
    await copyProject(project);
    cloud = await startCloud(project);
  });

  after(() => cloud.stop());

  const answer = async (): Promise<string> => (await fetch(`${cloud.endpoints.api}/hello_user`)).text();

  it("is refused as AWS refuses what exists, and what it would have met goes on, also when up's own part is destroyed", async () => {
    const target = { project, stack: "local", command: [process.execPath, "local/pulumi.ts"] as [string, string] };
    const before = await answer();
    const refusal = await pulumi(target, "up", "--yes", "--skip-preview").catch(String);
    expect(refusal).to.contain("ResourceAlreadyExistsException: The specified log group already exists");
    expect(await answer()).to.equal(before);
    await pulumi(target, "destroy", "--yes", "--skip-preview");
    expect(await answer()).to.equal(before);
  });
});
