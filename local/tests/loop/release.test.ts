import { appendFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { bundleFunctions } from "../../../deploy/bundle.ts";
import { copyProject, type Ended, root, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import { functionSettings, groupSettings } from "../localFunction.ts";

const application = "push-to-live-test";

describe("npm run release and npm run rollback", function () {
  this.timeout(240_000);
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

    const zip = await readFile(join(project, (await bundleFunctions(project)).pathOf("hello-user")));
    const settings = functionSettings(`${application}_hello-user`);
    cloud.lambda.putAlias(settings.FunctionName, "live", cloud.lambda.createFunction(settings, zip));
    cloud.codedeploy.putDeploymentGroup(application, "hello-user", groupSettings());
  });

  after(() => cloud.close());

  /** Bundles and releases what is checked out in a folder. */
  async function release(cwd: string, env: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<Ended> {
    await bundleFunctions(cwd);
    return run("release", cwd, env, ...args);
  }

  const rollback = (...args: string[]): Promise<Ended> => run("rollback", project, {}, ...args);

  function run(command: string, cwd: string, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
    return runFile(`deploy/${command}.ts`, args, {
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
      output: `hello-user: unchanged, live stays at version 1\nUnchanged: commit ${head}. Live: hello-user version 1\n`,
    });
  });

  it("releases a commit, and an older one that was cloned before does not take it back", async () => {
    await appendFile(join(project, "functions/hello-user/handler.ts"), "\nexport const newer = 1;\n");
    const newer = await commit(project, "Newer");
    await git(project, "push", "--quiet", "origin", "main");
    await appendFile(join(clone, "functions/hello-user/handler.ts"), "\nexport const older = 1;\n");
    const released = await release(project);
    expect(released.output).to.match(new RegExp(`\nReleased: commit ${newer}\\. Live: hello-user version 2\n$`));
    const older = await git(clone, "rev-parse", "HEAD");
    const superseded = await release(clone, { CODEBUILD_RESOLVED_SOURCE_VERSION: older });
    expect(superseded.output).to.contain(`hello-user: superseded by ${newer}; live stays at version 2\n`);
    expect(superseded.output).to.match(
      new RegExp(`\nSuperseded: commit ${older} by ${newer}\\. Live: hello-user version 2\n$`),
    );
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

  for (const [args, message] of [
    [
      [],
      /^hello-user: from version 2 of \w{40} to version 1 of no commit\nNot rolled back: there is no terminal .*--yes /,
    ],
    [
      ["--to", "7", "--yes"],
      /^Not rolled back: hello-user: --to is "7", which is not a published version; --to can be 1 \(no commit\)\n$/,
    ],
    [
      ["--to", "$LATEST", "--yes"],
      /^Not rolled back: hello-user: --to is "\$LATEST", which is not a published version; /,
    ],
    [
      ["--function", "nope"],
      /^Not rolled back: --function is "nope", which is not a function; it can be hello-user\n$/,
    ],
    [
      ["--all"],
      /^Not rolled back: Unknown option '--all'.*\nUsage: npm run rollback \[-- \[--function <folder>\] \[--to /,
    ],
    [["--to"], /^Not rolled back: Option '--to <value>' argument missing\nUsage: npm run rollback /],
  ] as const) {
    it(`rolls nothing back with the arguments [${args}], and says why`, async () => {
      const before = cloud.lambda.getAlias(`${application}_hello-user`, "live");
      const { code, output } = await rollback(...args);
      expect(code).to.equal(1);
      expect(output).to.match(message);
      expect(cloud.lambda.getAlias(`${application}_hello-user`, "live")).to.equal(before);
    });
  }

  it("takes --to for one function only", async () => {
    await mkdir(join(project, "functions/goodbye"));
    await writeFile(join(project, "functions/goodbye/handler.ts"), "");
    const { code, output } = await rollback("--to", "1", "--yes");
    await rm(join(project, "functions/goodbye"), { recursive: true });
    expect([code, output]).to.deep.equal([
      1,
      "Not rolled back: --to is a version of one function: choose it with --function, which can be goodbye, hello-user\n",
    ]);
  });

  it("rolls back; then the commit's release stops, unless forced, and the next commit's does not", async () => {
    const rolledBack = await rollback("--function", "hello-user", "--yes");
    expect(rolledBack.output).to.match(/\nRolled back\. Live: hello-user version 1\n$/);
    const head = await git(project, "rev-parse", "HEAD");
    const stopped = await release(project);
    expect(stopped).to.deep.equal({
      code: 1,
      output: `Not released: commit ${head} of functions/hello-user was rolled back: push a fix, or release it all the same with "npm run release -- --force"\n`,
    });
    const forced = await release(project, {}, "--force");
    expect(forced.output).to.match(new RegExp(`\nReleased: commit ${head}\\. Live: hello-user version 3\n$`));
    const again = await rollback("--to", "1", "--yes");
    await appendFile(join(project, "functions/hello-user/handler.ts"), "\nexport const fix = 1;\n");
    const fix = await commit(project, "Fix");
    const released = await release(project);
    expect(released.output).to.match(new RegExp(`\nReleased: commit ${fix}\\. Live: hello-user version 4\n$`));
    expect([rolledBack, forced, again, released].map(({ code }) => code)).to.deep.equal([0, 0, 0, 0]);
  });

  it("names an option that a release does not have", async () => {
    const { code, output } = await run("release", project, {}, "--forse");
    expect(code).to.equal(1);
    expect(output).to.match(/^Not released: Unknown option '--forse'.*\nUsage: npm run release \[-- --force\]\n$/);
  });
});
