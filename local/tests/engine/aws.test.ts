import { join } from "node:path";
import { expect } from "chai";
import { copyProject, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { readProject } from "../../program/project.ts";
import { type Cloud, startCloud } from "../cloud.ts";
import { cliFolder } from "./cli.ts";

describe("npm run test:aws, with the local cloud's provider in place of AWS's", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let project: string;
  let cloud: Cloud;

  before(async () => {
    await cliFolder();
    project = join(await temporary(), "project");
    await copyProject(project);
    // The local cloud's provider runs here, and not in the copy of the command that it serves: it finds the archive here.
    await runFile("deploy/bundle.ts", [], { cwd: project });
    cloud = await startCloud(project, ["--empty"]);
  });

  after(() => cloud.stop());

  it("makes nothing unless it is told to, and says what it would make and cost", async () => {
    const { code, output } = await runFile("local/tests/aws/run.ts", [], { cwd: project });
    expect(code).to.equal(1);
    expect(output)
      .to.match(/--yes-create-resources/)
      .and.to.match(/What it costs +under 0.01 USD/);
  });

  it("passes, and leaves nothing", async () => {
    const { values: config } = (await readProject(project)).config;
    const args = [
      "--yes-create-resources",
      ...["--repository", config["push-to-live:repository"] ?? ""],
      ...["--connection-arn", config["push-to-live:connectionArn"] ?? ""],
      ...["--region", config["aws:region"] ?? ""],
    ];
    const env = {
      ...process.env,
      PULUMI_DEBUG_PROVIDERS: `aws:${cloud.endpoints.provider}`,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
    const { code, output } = await runFile("local/tests/aws/run.ts", args, { cwd: project, env });
    expect(code, output).to.equal(0);
    expect(output).to.contain("9 passing");
  });
});
