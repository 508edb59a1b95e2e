import { openSync, readFileSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { hasEnded } from "../../../sample/processes.ts";
import { configureIdentity } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { type Build, runBuild } from "../../services/codebuild/build.ts";

describe("local CodeBuild: a build", () => {
  const temporary = temporaryDirectories();

  /** Runs a buildspec in a clone of a repository with these files; `phases` is its JSON form. */
  async function run(
    phases: object,
    options: {
      files?: Record<string, string>;
      spec?: object;
      minutes?: number;
      signal?: AbortSignal;
      variables?: Record<string, string>;
    } = {},
  ): Promise<{ build: Build; log: string; status: Record<string, string>; left: string[] }> {
    const directory = await temporary();
    const repository = join(directory, "repository ö");
    const buildspec = JSON.stringify({ version: 0.2, phases, ...options.spec });
    for (const [name, content] of Object.entries({ "buildspec.yml": buildspec, ...options.files })) {
      await mkdir(dirname(join(repository, name)), { recursive: true });
      await writeFile(join(repository, name), content);
    }
    await git(repository, "init", "--quiet");
    await configureIdentity(repository);
    await git(repository, "add", "--all");
    await git(repository, "commit", "--quiet", "--message=Build me");
    const logFile = join(directory, "log");
    const build: Build = {
      id: "p:1",
      number: 1,
      project: "p",
      sourceVersion: await git(repository, "rev-parse", "HEAD"),
      status: "IN_PROGRESS",
      phases: [],
      tests: [],
      startTime: new Date(),
      logFile,
    };
    await runBuild(build, {
      directory: join(directory, "builds"),
      repository,
      buildspec: "buildspec.yml",
      timeoutMinutes: options.minutes ?? 5,
      variables: options.variables ?? {},
      environment: { CODEBUILD_BUILD_ID: "p:1" },
      log: openSync(logFile, "a"),
      signal: options.signal ?? new AbortController().signal,
      onChange: () => {},
    });
    const log = readFileSync(logFile, "utf8");
    const status = Object.fromEntries(build.phases.map((phase) => [phase.type, phase.status]));
    return { build, log, status, left: await readdir(directory) };
  }

  const passing = { commands: ["true"] };
  const failing = { commands: ["echo before", "exit 3", "echo never"] };

  it("runs install, pre_build, build and post_build in that order", async () => {
    const echo = (name: string) => ({ commands: [`echo ran-${name}`] });
    const { build, log } = await run({
      post_build: echo("d"),
      build: echo("c"),
      pre_build: echo("b"),
      install: echo("a"),
    });
    expect(build.status).to.equal("SUCCEEDED");
    expect(log.match(/^ran-./gm)).to.deep.equal(["ran-a", "ran-b", "ran-c", "ran-d"]);
  });

  it("skips every later phase when install fails", async () => {
    const { build, status } = await run({ install: failing, pre_build: passing, build: passing, post_build: passing });
    expect(build.status).to.equal("FAILED");
    expect(status).to.deep.equal({ DOWNLOAD_SOURCE: "SUCCEEDED", INSTALL: "FAILED", UPLOAD_ARTIFACTS: "SUCCEEDED" });
  });

  it("skips every later phase when pre_build fails, and says which command failed how", async () => {
    const { build, log, status } = await run({ pre_build: failing, build: passing, post_build: passing });
    expect(status).to.deep.equal({ DOWNLOAD_SOURCE: "SUCCEEDED", PRE_BUILD: "FAILED", UPLOAD_ARTIFACTS: "SUCCEEDED" });
    expect(build.phases[1]?.message).to.equal(
      "COMMAND_EXECUTION_ERROR: Error while executing command: exit 3. Reason: exit status 3",
    );
    expect(log).to.contain("\nbefore\n").and.not.contain("\nnever\n");
  });

  it("runs post_build also when build failed, with CODEBUILD_BUILD_SUCCEEDING 0", async () => {
    const tell = { commands: ['echo "succeeding=$CODEBUILD_BUILD_SUCCEEDING"'] };
    const { build, log, status } = await run({ pre_build: tell, build: failing, post_build: tell });
    expect(build.status).to.equal("FAILED");
    expect(status).to.include({ BUILD: "FAILED", POST_BUILD: "SUCCEEDED" });
    expect(log.match(/^succeeding=.*$/gm)).to.deep.equal(["succeeding=1", "succeeding=0"]);
  });

  it("skips post_build when build fails with on-failure: ABORT", async () => {
    const { status } = await run({ build: { ...failing, "on-failure": "ABORT" }, post_build: passing });
    expect(status).to.not.have.property("POST_BUILD");
  });

  it("runs finally after failed commands, and a failure in it fails the phase", async () => {
    const last = await run({ pre_build: { ...failing, finally: ["echo at-last"] } });
    expect(last.log).to.contain("\nat-last\n");
    expect(last.build.phases[1]?.message).to.contain("exit status 3");
    const { status } = await run({ pre_build: { ...passing, finally: ["exit 4"] } });
    expect(status).to.include({ PRE_BUILD: "FAILED" });
  });

  it("keeps variables and the folder from one command and phase to the next", async () => {
    const { log } = await run({
      install: { commands: ['mkdir "sub dir\'"', 'cd "sub dir\'"', "export TOLD='a \"b\"\n$c'"] },
      build: { commands: ['pwd; printf "told=%s\\n" "$TOLD"'] },
    });
    expect(log).to.match(/\/src\/sub dir'\n/);
    expect(log).to.contain('told=a "b"\n$c\n');
  });

  it("gives the project's variables before the buildspec's, and its own before all", async () => {
    const spec = { env: { variables: { A: "buildspec", B: "buildspec" } } };
    const commands = ['echo "$A-$B-$CODEBUILD_BUILD_ID-$CODEBUILD_RESOLVED_SOURCE_VERSION"', 'cd "$CODEBUILD_SRC_DIR"'];
    const { build, log } = await run({ build: { commands } }, { spec, variables: { B: "project" } });
    expect(log).to.contain(`\nbuildspec-project-p:1-${build.sourceVersion}\n`);
    expect(build.status).to.equal("SUCCEEDED");
  });

  it("lets no AWS credential, git setting or home of this machine into a build, and its own Node.js first", async () => {
    process.env.AWS_SECRET_ACCESS_KEY = "real";
    process.env.GITHUB_TOKEN = "real";
    const { log } = await run({ build: { commands: ["env; echo node=$(command -v node)"] } });
    delete process.env.AWS_SECRET_ACCESS_KEY;
    delete process.env.GITHUB_TOKEN;
    expect(log).to.not.contain("=real");
    expect(log).to.not.match(new RegExp(`^HOME='?${process.env.HOME}$`, "m"));
    expect(log).to.contain(`node=${process.execPath}`);
  });

  it("reads JUnit reports also of a failed build, and names the failed test", async () => {
    const junit = `<testsuites><testsuite name="s">
      <testcase classname="GET /x" name="says &quot;hi&quot;"/><testcase name="breaks"><failure>no</failure></testcase>
      <testcase name="waits"><skipped/></testcase></testsuite></testsuites>`;
    const { build } = await run(
      { build: { commands: ["exit 1"] } },
      { files: { "out/a.xml": junit }, spec: { reports: { tests: { files: ["*.xml"], "base-directory": "out" } } } },
    );
    expect(build.tests).to.deep.equal([
      { name: 'GET /x says "hi"', status: "SUCCEEDED" },
      { name: "breaks", status: "FAILED" },
      { name: "waits", status: "SKIPPED" },
    ]);
  });

  for (const [what, buildspec, message] of [
    ["an unknown phase", { phases: { deploy: passing } }, /phases: .*"deploy"/],
    ["an unknown key of a phase", { phases: { build: { ...passing, "run-as": "me" } } }, /phases\.build: .*"run-as"/],
    ["an unknown key at the top", { phases: {}, batch: {} }, /the file: .*"batch"/],
    ["another version", { version: 0.1, phases: {} }, /version: /],
    ["a retry", { phases: { build: { ...passing, "on-failure": "RETRY" } } }, /on-failure: /],
    ["a reserved variable", { phases: {}, env: { variables: { CODEBUILD_X: "1" } } }, /CODEBUILD_/],
    [
      "a report of another format",
      { phases: {}, reports: { t: { files: ["x"], "file-format": "TESTNGXML" } } },
      /JUNITXML/,
    ],
  ] as const) {
    it(`refuses a buildspec with ${what}, by name, before any command runs`, async () => {
      const { build, status } = await run({}, { spec: buildspec });
      expect(status).to.deep.equal({ DOWNLOAD_SOURCE: "FAILED" });
      expect(build.status).to.equal("FAILED");
      expect(build.phases[0]?.message).to.match(message);
    });
  }

  it("refuses a buildspec that is not YAML", async () => {
    const { build } = await run({}, { files: { "buildspec.yml": "phases: [" } });
    expect(build.phases[0]?.message).to.match(/buildspec\.yml is not YAML/);
  });

  it("fails in INSTALL when runtime-versions asks for another Node.js than there is", async () => {
    const { build, status } = await run({ install: { "runtime-versions": { nodejs: 18 } }, build: passing });
    expect(status).to.deep.equal({ DOWNLOAD_SOURCE: "SUCCEEDED", INSTALL: "FAILED", UPLOAD_ARTIFACTS: "SUCCEEDED" });
    expect(build.phases[1]?.message).to.match(/asks for nodejs 18; .* has, nodejs 24/);
  });

  it("is stopped with all its processes at its time-out", async () => {
    const { build, log } = await run({ build: { commands: ["sleep 60 & echo pid=$!; wait"] } }, { minutes: 0.01 });
    expect(build.status).to.equal("TIMED_OUT");
    expect(await hasEnded(Number(/pid=(\d+)/.exec(log)?.[1]))).to.equal(true);
  });

  it("is stopped when it is told to, and runs no further phase", async () => {
    const { build, status } = await run(
      { build: { commands: ["sleep 60"] }, post_build: { commands: ["echo never"] } },
      { signal: AbortSignal.timeout(300) },
    );
    expect(build.status).to.equal("STOPPED");
    expect(status).to.include({ BUILD: "FAILED", POST_BUILD: "FAILED" });
  });

  it("leaves neither its folder nor what it started in the background", async () => {
    const { log, left } = await run({ build: { commands: ["sleep 60 >/dev/null 2>&1 & echo pid=$!"] } });
    expect(left).to.not.include("builds");
    expect(await hasEnded(Number(/pid=(\d+)/.exec(log)?.[1]))).to.equal(true);
  });
});
