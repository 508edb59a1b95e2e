import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { running } from "../../../sample/processes.ts";
import { addFunction, copyProject, type Ended, root, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { parseBuildspec } from "../../services/codebuild/buildspec.ts";

describe("npm run rehearse", function () {
  this.timeout(600_000);
  const temporary = temporaryDirectories();
  let directory: string;
  let project: string;

  before(async () => {
    directory = await temporary();
    project = join(directory, "mein Projekt ü");
    await copyProject(project);
    await addFunction(project, "another");
    await git(project, "add", "--all");
    await git(project, "commit", "--quiet", "--message=A function beside the sample's");
  });

  /** Runs the rehearsal with an empty folder for temporary files, and tells what it left there and which processes. */
  async function rehearse(stopAt?: string): Promise<Ended & { left: string[]; processes: string[] }> {
    const TMPDIR = await temporary();
    const env = { ...process.env, TMPDIR, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    const ended = await runFile("local/rehearse.ts", [], {
      cwd: project,
      env,
      onOutput: (text, kill) => stopAt !== undefined && text.includes(stopAt) && kill("SIGINT"),
    });
    return { ...ended, left: await readdir(TMPDIR), processes: running(TMPDIR) };
  }

  it("tells the whole story, without a git identity, and leaves the checkout as it was and nothing else", async () => {
    const { code, output, left, processes } = await rehearse();
    expect(code, output).to.equal(0);
    expect(output).to.match(
      /^Rehearsing the tutorial's story, as functions\/hello-user is the sample's, and GET \/hello_user asks for no token\.\n/,
    );
    expect(output.match(/^\d\. .*$/gm)).to.deep.equal([
      "1. The stack exists",
      "2. A commit changes only the test to expect a user's name",
      "3. The handler is fixed",
      "4. A commit only touches the README",
      "5. A pull request is red, then green, then merged; in this copy it runs the functions' tests only",
      "6. A release passes its tests, and fails in production",
      "7. Two pushes at once",
      "8. One command rolls back",
      "9. Somebody has asked for the page all the while",
    ]);
    expect(output).to.match(/All 9 steps held, in \d+\.\d s\.\n$/);
    expect(output).to.contain("failing test: GET /hello_user greets the user whom the query string names");
    expect(output).to.not.contain("✖");
    expect({ left, processes }).to.deep.equal({ left: [], processes: [] });
    expect(await git(project, "status", "--porcelain", "--ignored")).to.equal("!! node_modules");
  });

  it("has pull requests run buildspec.pr.yml with other packages and other tests, and is otherwise the same", async () => {
    const [own, copied] = await Promise.all(
      ["buildspec.pr.yml", "sample/firstIteration/buildspec.pr.yml"].map(async (file) =>
        parseBuildspec(await readFile(join(root, file), "utf8"), file),
      ),
    );
    const { install, build } = own?.phases ?? {};
    expect([install?.commands, build?.commands].flat()).to.deep.equal([
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
      'cd "${PROJECT_DIRECTORY:-.}"',
      "npm ci --prefer-offline",
      "npm run typecheck",
      'npm run test:team -- --reporter tests/reporter.ts --reporter-option junit="$CODEBUILD_SRC_DIR/reports/tests.xml"',
      "npm run bundle",
    ]);
    const withoutCommands = (spec: typeof own) =>
      JSON.parse(JSON.stringify(spec, (key, value) => (key === "commands" ? undefined : value)));
    expect(withoutCommands(copied)).to.deep.equal(withoutCommands(own));
  });

  it("ends at Ctrl-C during a build with exit code 130, and leaves nothing", async () => {
    const { code, output, left, processes } = await rehearse("DOWNLOAD_SOURCE SUCCEEDED");
    expect(output).to.contain("Stopped by SIGINT.");
    expect(code).to.equal(130);
    expect({ left, processes }).to.deep.equal({ left: [], processes: [] });
  });

  it("ends with exit code 1 and the build's log when a step does not hold, and leaves nothing", async () => {
    // It is the tutorial's story as long as the sample has the same test.
    const files = ["tests", "sample/tests"].map((folder) => join(project, folder, "functions/hello-user.test.ts"));
    const right = await readFile(join(project, "tests/functions/hello-user.test.ts"), "utf8");
    const wrong = right.replace("greets the user whom the query string names", "greets somebody");
    await Promise.all(files.map((file) => writeFile(file, wrong)));
    const { code, output, left, processes } = await rehearse();
    await Promise.all(files.map((file) => writeFile(file, right)));
    expect(code).to.equal(1);
    expect(output).to.match(/✖ failing test: undefined, expected GET \/hello_user greets the user/);
    expect(output).to.match(/The log of build 1:[\s\S]*1\) GET \/hello_user\s+greets somebody:/);
    expect(output).to.contain("Step 2 of 9 did not hold.");
    expect({ left, processes }).to.deep.equal({ left: [], processes: [] });
  });

  for (const [what, code, message] of [
    [
      "a resource type that the local cloud does not know",
      'new aws.s3.Bucket("extra");',
      "extra: the local cloud has no resource of type aws:s3/bucket:Bucket",
    ],
    [
      "a provider function that it does not answer, though nothing waits for it",
      "aws.getAvailabilityZonesOutput({});",
      "the local cloud does not answer aws:index/getAvailabilityZones:getAvailabilityZones",
    ],
    [
      "an input that fails",
      'new aws.cloudwatch.LogGroup("late", { name: api.url.apply(() => { throw new Error("no name"); }), retentionInDays: 1 });',
      "no name",
    ],
    [
      "an export that fails",
      'export const late = api.url.apply(() => { throw new Error("no output"); });',
      "no output",
    ],
  ] as const) {
    it(`names ${what}, and leaves nothing`, async () => {
      const file = join(project, "index.ts");
      const right = await readFile(file, "utf8");
      await writeFile(file, `${right}\nimport * as aws from "@pulumi/aws";\n${code}\n`);
      const { code: exit, output, left, processes } = await rehearse();
      await writeFile(file, right);
      expect(exit, output).to.equal(1);
      expect(output)
        .to.match(/the program could not be deployed: /)
        .and.contain(message);
      expect({ left, processes }).to.deep.equal({ left: [], processes: [] });
    });
  }
});
