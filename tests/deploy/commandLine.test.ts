import { appendFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { bundleFunctions } from "../../deploy/bundle.ts";
import { LocalCloud } from "../../local/cloud.ts";
import { git } from "../../local/git.ts";
import { functionSettings } from "../localFunction.ts";
import { copyProject, type Ended, root, runFile } from "../project.ts";
import { temporaryDirectories } from "../temporary.ts";

const application = "push-to-live-test";

describe("npm run release", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let project: string;
  let clone: string;

  before(async () => {
    const directory = await temporary();
    cloud = await LocalCloud.start(join(directory, "cloud"), 0);
    project = join(directory, "project");
    clone = join(directory, "clone");
    await copyProject(project);
    await git(directory, "clone", "--quiet", "--bare", project, "remote.git");
    await git(project, "remote", "add", "origin", join(directory, "remote.git"));
    // As a build's clone: what is pushed later is not in it.
    await git(directory, "clone", "--quiet", join(directory, "remote.git"), clone);
    await symlink(join(root, "node_modules"), join(clone, "node_modules"));

    const zip = await readFile((await bundleFunctions(project)).pathOf("hello-user"));
    const settings = functionSettings(`${application}-hello-user`);
    cloud.lambda.putAlias(settings.FunctionName, "live", cloud.lambda.createFunction(settings, zip));
    cloud.codedeploy.createDeploymentGroup(application, "hello-user", "CodeDeployDefault.LambdaAllAtOnce");
  });

  after(() => cloud.close());

  /** Bundles and releases what is checked out in a folder. */
  async function release(cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    await bundleFunctions(cwd);
    return runFile("deploy/release.ts", [], {
      cwd,
      env: {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL: cloud.awsUrl,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        CODEDEPLOY_APPLICATION: application,
        ...env,
      },
    });
  }

  async function commit(path: string, message: string): Promise<string> {
    await git(path, "add", "--all");
    await git(path, "-c", "user.name=n", "-c", "user.email=e@example.com", "commit", "--quiet", `--message=${message}`);
    return git(path, "rev-parse", "HEAD");
  }

  it("says that nothing is to be released when nothing changed", async () => {
    const head = await git(project, "rev-parse", "HEAD");
    expect(await release(project)).to.deep.equal({
      code: 0,
      output:
        "hello-user: unchanged, live stays at version 1\n" +
        `Nothing to release at commit ${head}: every function is unchanged or superseded by a later commit\n`,
    });
  });

  it("releases a commit, and an older one that was cloned before does not take it back", async () => {
    await appendFile(join(project, "functions/hello-user/handler.ts"), "\nexport const newer = 1;\n");
    const newer = await commit(project, "Newer");
    await git(project, "push", "--quiet", "origin", "main");
    await appendFile(join(clone, "functions/hello-user/handler.ts"), "\nexport const older = 1;\n");
    const released = await release(project);
    expect(released.output).to.match(new RegExp(`\nReleased commit ${newer}: hello-user is live at version 2\n$`));
    const older = await git(clone, "rev-parse", "HEAD");
    const superseded = await release(clone, { CODEBUILD_RESOLVED_SOURCE_VERSION: older });
    expect(superseded.output).to.contain(`hello-user: superseded by ${newer}, live stays at version 2\n`);
    expect([released.code, superseded.code]).to.deep.equal([0, 0]);
  });

  it("refuses a working tree with changes, and a missing CODEDEPLOY_APPLICATION", async () => {
    const file = join(project, "a-change");
    await writeFile(file, "");
    const dirty = await release(project);
    await rm(file);
    expect(dirty.code).to.equal(1);
    expect(dirty.output).to.match(/^Not released: a release is of a commit.*commit them first\n\?\? a-change\n$/);
    const missing = await release(project, { CODEDEPLOY_APPLICATION: undefined });
    expect(missing.code).to.equal(1);
    expect(missing.output).to.match(/^Not released: CODEDEPLOY_APPLICATION is not set: it is <project>-<stack>/);
  });

  for (const [what, content, message] of [
    ["no JSON", "{", /is not a smoke test/],
    ["no response", '{"event":{}}', /is not a smoke test/],
    ["an empty response", '{"event":{},"response":{}}', /has no expected response, so it could not fail/],
    ["a list for a response", '{"event":{},"response":[200]}', /has no expected response, so it could not fail/],
  ] as const) {
    it(`refuses a smoke.json with ${what}, before anything changes`, async () => {
      await writeFile(join(project, "functions/hello-user/smoke.json"), content);
      const { code, output } = await release(project, { CODEBUILD_RESOLVED_SOURCE_VERSION: "c".repeat(40) });
      await git(project, "checkout", "--quiet", "functions/hello-user/smoke.json");
      expect(code).to.equal(1);
      expect(output)
        .to.match(/^Not released: functions\/hello-user\/smoke\.json /)
        .and.match(message);
    });
  }

  it("refuses a function that the stack lacks, and says what to do", async () => {
    await mkdir(join(project, "functions/goodbye"));
    await writeFile(join(project, "functions/goodbye/handler.ts"), "export const handler = async () => 1;\n");
    await writeFile(join(project, "functions/goodbye/smoke.json"), '{"event":{},"response":{"body":1}}');
    const { code, output } = await release(project, { CODEBUILD_RESOLVED_SOURCE_VERSION: "c".repeat(40) });
    await rm(join(project, "functions/goodbye"), { recursive: true });
    expect(code).to.equal(1);
    expect(output).to.contain(`the stack ${application} has no function for functions/goodbye; nothing was released`);
  });
});
