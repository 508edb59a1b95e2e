import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "chai";
import { running } from "../../../sample/processes.ts";
import { configureIdentity, copyProject, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";

const handler = "functions/hello-user/handler.ts";
const handlerTest = "tests/functions/hello-user.test.ts";

describe("npm start", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let directory: string;
  let project: string;
  let clone: string;
  let started: ChildProcess;
  let endpoints: Record<string, string>;
  let output = "";

  before(async () => {
    directory = await temporary();
    project = join(directory, "mein Projekt ü");
    clone = join(directory, "clone");
    await copyProject(project);
    started = spawn(process.execPath, ["local/start.ts", "--json", "--port", "0", "--time-scale", "3600"], {
      cwd: project,
      env: ownCache(),
    });
    started.stderr?.on("data", (chunk) => {
      output += chunk;
    });
    if (!started.stdout) {
      throw new Error("no standard output");
    }
    const [line] = await once(createInterface({ input: started.stdout }), "line");
    endpoints = JSON.parse(line);
    await git(directory, "clone", "--quiet", endpoints.git ?? "", clone);
    await configureIdentity(clone);
  });

  after(async () => {
    if (started.exitCode === null) {
      started.kill("SIGKILL");
    }
  });

  /** With the cache in this test's own folder. */
  const ownCache = (): NodeJS.ProcessEnv => ({ ...process.env, XDG_CACHE_HOME: join(directory, "cache") });

  async function get(path: string): Promise<string> {
    return (await fetch(endpoints.api + path)).text();
  }

  async function replace(file: string, from: string, to: string): Promise<void> {
    const text = await readFile(join(clone, file), "utf8");
    expect(text).to.contain(from);
    await writeFile(join(clone, file), text.replaceAll(from, to));
  }

  /** Commits and pushes; the number of the build that this started, or undefined when it started none. */
  async function startBuild(message: string, branch = "main"): Promise<number | undefined> {
    await git(clone, "commit", "--quiet", "--all", `--message=${message}`);
    const { stderr: told } = await promisify(execFile)("git", ["push", "origin", `HEAD:${branch}`], { cwd: clone });
    const [, build] = /: build (\d+) of \S+ started/.exec(told) ?? [];
    return build === undefined ? undefined : Number(build);
  }

  /** Waits for the line that says how a build ended; the test's timeout ends the wait. */
  async function buildEnded(build: number | undefined): Promise<string> {
    for (;;) {
      const [ended] = new RegExp(`build ${build}: (SUCCEEDED|FAILED).*(?=\\n)`).exec(output) ?? [];
      if (ended !== undefined || !started.stderr) {
        return ended ?? "";
      }
      await once(started.stderr, "data");
    }
  }

  /** Commits and pushes; the line that says how the build ended. */
  async function push(message: string): Promise<string> {
    const build = await startBuild(message);
    expect(build).to.be.a("number");
    return buildEnded(build);
  }

  it("writes the endpoints that it prints to .local/endpoints.json, readable by the user alone", async () => {
    const file = join(project, ".local", "endpoints.json");
    expect(JSON.parse(await readFile(file, "utf8"))).to.deep.equal(endpoints);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(endpoints).to.have.all.keys(
      "api",
      "git",
      "webhook",
      "webhookSecret",
      "aws",
      "region",
      "provider",
      "functions",
      "deployProject",
      "pullRequestProject",
      "github",
      "githubTokens",
    );
    expect(endpoints).to.deep.include({
      functions: { "hello-user": "push-to-live-local_hello-user" },
      deployProject: "push-to-live-local_deploy",
      pullRequestProject: "push-to-live-local_pull-request",
      region: "us-east-1",
    });
  });

  it("answers, after a push, with the new handler", async () => {
    expect(await get("/hello_user")).to.equal('{"message":"hello user"}');
    await replace(handler, "hello user", "good morning");
    await replace(handlerTest, "hello user", "good morning");
    await replace("functions/hello-user/smoke.json", "hello user", "good morning");
    expect(await push("Say good morning")).to.match(/SUCCEEDED/);
    expect(await get("/hello_user")).to.equal('{"message":"good morning"}');
  });

  it("keeps the old answer after a push with a red test, and names the test", async () => {
    const before = await get("/hello_user?user=x");
    await replace(handler, "`Hello ", "`Goodbye ");
    expect(await push("Forget the test")).to.match(
      /FAILED; failed test: GET \/hello_user greets the user whom the query string names/,
    );
    expect(await get("/hello_user?user=x")).to.equal(before);
  });

  it("fails a build that uses a package which only the checkout has, as CodeBuild would", async () => {
    await replace(handler, "`Goodbye ", "`Hello ");
    expect(existsSync(join(project, "node_modules", "@pulumi", "pulumi"))).to.equal(true);
    const use = `npm run bundle && node -e "require.resolve('@pulumi/pulumi')"`;
    await replace("buildspec.yml", "- npm run bundle", `- ${use}`);
    const seen = output.length;
    expect(await push("Use a package that is not there")).to.match(/FAILED; log: /);
    expect(output.slice(seen)).to.contain("PRE_BUILD SUCCEEDED");
    await replace("buildspec.yml", use, "npm run bundle");
  });

  it("keeps its repository and its builds out of the checkout, and refuses a cache within a project", async () => {
    expect(endpoints.git).to.match(new RegExp(`^${join(directory, "cache", "push-to-live")}/[0-9a-f]{16}/github/`));
    expect((await readdir(join(project, ".local"))).sort()).to.deep.equal(["endpoints.json", "logs"]);
    const other = join(directory, "other");
    await copyProject(other);
    const { code, output: told } = await runFile("local/start.ts", ["--port", "0"], {
      cwd: other,
      env: { ...process.env, XDG_CACHE_HOME: join(other, "cache") },
    });
    expect(code).to.equal(1);
    expect(told).to.contain(`${join(other, "node_modules")} would be found by the builds in`);
  });

  it("runs post_build after a failed build phase, and deploys nothing", async () => {
    await replace(handler, "at most", "no more than");
    await replace(handlerTest, "at most", "no more than");
    await replace("deploy/bundle.ts", 'target: "node24"', 'target: "node0"');
    const before = await get(`/hello_user?user=${"a".repeat(101)}`);
    const seen = output.length;
    expect(await push("Break the bundle")).to.match(/FAILED; log: /);
    expect(output.slice(seen).match(/\w*BUILD (SUCCEEDED|FAILED)/g)).to.deep.equal([
      "PRE_BUILD SUCCEEDED",
      "BUILD FAILED",
      "POST_BUILD SUCCEEDED",
    ]);
    expect(await get(`/hello_user?user=${"a".repeat(101)}`)).to.equal(before);
  });

  it("ends with the newer of two pushes that follow each other at once", async () => {
    await replace("deploy/bundle.ts", 'target: "node0"', 'target: "node24"');
    const builds: (number | undefined)[] = [];
    for (const greeting of ["good evening", "good night"]) {
      const from = greeting === "good evening" ? "good morning" : "good evening";
      for (const file of [handler, handlerTest, "functions/hello-user/smoke.json"]) {
        await replace(file, from, greeting);
      }
      builds.push(await startBuild(`Say ${greeting}`));
    }
    expect(builds).to.not.include(undefined);
    const ended = [await buildEnded(builds[0]), await buildEnded(builds[1])];
    expect(await get("/hello_user")).to.equal('{"message":"good night"}');
    for (const line of ended) {
      expect(line).to.match(/SUCCEEDED/);
    }
  });

  it("builds nothing after a push to another branch", async () => {
    await replace(handler, "`Hello ", "`Farewell ");
    expect(await startBuild("On a branch", "feature")).to.equal(undefined);
  });

  it("refuses to run twice in one checkout, and the first goes on", async () => {
    const { code, output: told } = await runFile("local/start.ts", ["--port", "0"], { cwd: project, env: ownCache() });
    expect(code).to.equal(1);
    expect(told).to.equal(`the local cloud of this checkout is running at ${endpoints.api}: stop it first\n`);
    expect(await get("/hello_user")).to.equal('{"message":"good night"}');
  });

  it("ends at Ctrl-C with exit code 0, and leaves no process and no endpoints", async () => {
    started.kill("SIGINT");
    const [code] = await once(started, "exit");
    expect(code).to.equal(0);
    expect(existsSync(join(project, ".local", "endpoints.json"))).to.equal(false);
    expect(running(directory)).to.deep.equal([]);
  });

  it("keeps what was pushed when it is started again, and says so", async () => {
    const pushed = await git(endpoints.git ?? "", "rev-parse", "--short", "main");
    const { code, output: told } = await runFile("local/start.ts", ["--port", "0"], {
      cwd: project,
      env: ownCache(),
      onOutput: (text, kill) => text.includes("Ctrl-C stops it") && kill("SIGTERM"),
    });
    expect(code).to.equal(0);
    expect(told).to.match(/^ +API +(http:\S+)\n +GET \1\/hello_user$/m);
    expect(told).to.contain(
      `The branch main of the git remote stays at ${pushed}, which was pushed earlier; the API serves this checkout until the next push.`,
    );
  });

  it("says what to do when the port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, output: told } = await runFile("local/start.ts", ["--port", String(port)], {
      cwd: project,
      env: ownCache(),
    });
    server.close();
    expect(code).to.equal(1);
    expect(told).to.equal(
      `port ${port} of 127.0.0.1 is in use: choose another with --port N, or --port 0 for any that is free\n`,
    );
  });

  for (const [args, message] of [
    [["--port", "eighty"], /--port is "eighty": it must be a whole number from 0/],
    [["--port", "65536"], /--port is "65536"/],
    [["--time-scale", "0"], /--time-scale is "0": it must be a whole number from 1 to 3600/],
    [["--time-scale", "fast"], /--time-scale is "fast"/],
    [["--verbose"], /Unknown option '--verbose'/],
  ] as const) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { code, output: told } = await runFile("local/start.ts", [...args], { cwd: project, env: ownCache() });
      expect(code).to.equal(1);
      expect(told).to.match(message);
    });
  }
});
