import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect } from "chai";
import { git } from "../../local/git.ts";
import { configureIdentity, copyProject, root } from "../project.ts";
import { temporaryDirectories } from "../temporary.ts";

/** The folder in which npm's pulumi looks for the CLI of its version before it downloads one. */
async function cliFolder(): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const home = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  return join(home, "versions", devDependencies.pulumi, "bin");
}

describe("the pulumi command line, on the local cloud", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let project: string;
  let clone: string;
  let started: ChildProcess;
  let remote: string;
  let builds = "";

  before(async () => {
    const bin = await cliFolder();
    for (const name of ["pulumi", "pulumi-language-nodejs"]) {
      if (!existsSync(join(bin, name))) {
        throw new Error(
          `${join(bin, name)} is missing: .ci/engine/install builds it, or npx pulumi version downloads it`,
        );
      }
    }
    const directory = await temporary();
    project = join(directory, "project");
    clone = join(directory, "clone");
    await copyProject(project);
    started = spawn(process.execPath, ["local/start.ts", "--empty", "--json", "--port", "0"], { cwd: project });
    started.stderr?.on("data", (chunk) => {
      builds += chunk;
    });
    if (!started.stdout) {
      throw new Error("no standard output");
    }
    const [line] = await once(createInterface({ input: started.stdout }), "line");
    remote = JSON.parse(line).git;
    await git(directory, "clone", "--quiet", remote, clone);
    await configureIdentity(clone);
  });

  after(async () => {
    started.kill("SIGINT");
    await once(started, "exit");
  });

  /** Runs `npm run pulumi:local -- …`; a command that fails rejects with what it printed. */
  async function pulumi(...args: string[]): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["local/pulumi.ts", ...args, "--non-interactive"],
        {
          cwd: project,
          maxBuffer: 16 * 1024 * 1024,
        },
      );
      return stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`pulumi ${args.join(" ")}\n${stdout}${stderr}`);
    }
  }

  /** The counts at the end of an operation, e.g. `["25 to create"]`. */
  function counts(output: string): string[] {
    const lines = output.split(/^Resources:$/m).at(-1) ?? "";
    return (
      lines
        .split("\n\n")[0]
        ?.split("\n")
        .map((line) => line.replace(/^[\s+~-]+/, ""))
        .filter(Boolean) ?? []
    );
  }

  async function get(stack: string, path: string): Promise<string> {
    const { apiUrl } = JSON.parse(await pulumi("stack", "output", "--json", "--stack", stack));
    const response = await fetch(apiUrl + path);
    return `${response.status} ${await response.text()}`;
  }

  async function live(): Promise<string> {
    return get("local", "/hello_user");
  }

  it("previews the whole stack before anything exists", async () => {
    expect(counts(await pulumi("preview"))).to.deep.equal(["25 to create"]);
  });

  it("creates the stack, whose API answers", async () => {
    expect(counts(await pulumi("up", "--yes"))).to.deep.equal(["25 created"]);
    expect(await live()).to.equal('200 {"message":"hello user"}');
  });

  it("finds nothing to do a second time, and leaves the checkout as it was", async () => {
    expect(counts(await pulumi("up", "--yes"))).to.deep.equal(["25 unchanged"]);
    expect(await git(project, "status", "--porcelain")).to.equal("");
  });

  it("sees no difference in a changed handler: code belongs to the pipeline", async () => {
    const file = join(project, "functions/hello-user/handler.ts");
    const before = await readFile(file, "utf8");
    await writeFile(file, before.replace("hello user", "hello world"));
    const previewed = counts(await pulumi("preview"));
    await writeFile(file, before);
    expect(previewed).to.deep.equal(["25 unchanged"]);
  });

  it("redeploys by git push into what pulumi up created, and neither refresh nor up takes the new code back", async () => {
    for (const file of [
      "functions/hello-user/handler.ts",
      "functions/hello-user/smoke.json",
      "tests/functions/hello-user.test.ts",
    ]) {
      const text = await readFile(join(clone, file), "utf8");
      await writeFile(join(clone, file), text.replaceAll("hello user", "good morning"));
    }
    await git(clone, "commit", "--quiet", "--all", "--message=Say good morning");
    await git(clone, "push", "--quiet", "origin", "main");
    while (!/build 1: (SUCCEEDED|FAILED)/.test(builds)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(builds).to.contain("build 1: SUCCEEDED");
    expect(await live()).to.equal('200 {"message":"good morning"}');
    expect(counts(await pulumi("refresh", "--yes"))).to.deep.equal(["25 unchanged"]);
    expect(counts(await pulumi("up", "--yes", "--refresh"))).to.deep.equal(["25 unchanged"]);
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  it("shows what a changed setting would do, and up does it without replacing anything", async () => {
    const file = join(project, "Pulumi.local.yaml");
    await pulumi("config", "set", "logRetentionDays", "90");
    const diff = await pulumi("preview", "--diff");
    expect(diff.match(/~ retentionInDays: 30 => 90/g)).to.have.length(3);
    expect(counts(diff).join()).to.not.match(/replace|create|delete/);
    expect(counts(await pulumi("up", "--yes"))).to.deep.equal(["3 updated", "22 unchanged"]);
    await git(project, "checkout", "--quiet", file);
    expect(counts(await pulumi("up", "--yes"))).to.deep.equal(["3 updated", "22 unchanged"]);
  });

  it("refuses a setting that is not usable, and names it, before it registers anything", async () => {
    await pulumi("config", "set", "logRetentionDays", "31");
    const refusal = await pulumi("preview").catch((error: Error) => error.message);
    await git(project, "checkout", "--quiet", "Pulumi.local.yaml");
    expect(refusal).to.contain('push-to-live:logRetentionDays is "31": it must be one of 1, 3, 5');
    expect(refusal).to.not.match(/aws:/);
  });

  it("creates a second stack beside the first, with names and an API of its own", async () => {
    const config = await readFile(join(project, "Pulumi.local.yaml"), "utf8");
    await pulumi("stack", "init", "second", "--no-select");
    await writeFile(join(project, "Pulumi.second.yaml"), config);
    expect(counts(await pulumi("up", "--yes", "--stack", "second"))).to.deep.equal(["25 created"]);
    expect(await get("second", "/hello_user")).to.equal('200 {"message":"hello user"}');
    expect(await live()).to.equal('200 {"message":"good morning"}');
    expect(counts(await pulumi("destroy", "--yes", "--stack", "second"))).to.deep.equal(["25 deleted"]);
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  it("destroys all that it created, and the API no longer answers", async () => {
    const { apiUrl } = JSON.parse(await pulumi("stack", "output", "--json"));
    expect(counts(await pulumi("destroy", "--yes"))).to.deep.equal(["25 deleted"]);
    expect((await fetch(`${apiUrl}/hello_user`)).status).to.equal(404);
  });

  it("creates it anew after that", async () => {
    expect(counts(await pulumi("up", "--yes"))).to.deep.equal(["25 created"]);
    expect(await live()).to.equal('200 {"message":"hello user"}');
  });
});
