import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { configureIdentity, copyProject, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { startCloud } from "../cloud.ts";

describe("npm start, wherever a project is", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let directory: string;
  let project: string;

  beforeEach(async () => {
    directory = await temporary();
    project = join(directory, "project");
    await copyProject(project);
  });

  async function set(settings: Readonly<Record<string, string>>): Promise<void> {
    const file = join(project, "Pulumi.local.yaml");
    const lines = Object.entries(settings).map(([key, value]) => `  ${key}: ${value}\n`);
    const text = await readFile(file, "utf8");
    const keys = Object.keys(settings).join("|");
    const others = text.replace(new RegExp(`^ {2}(${keys}): .*\\n`, "gm"), "");
    await writeFile(file, others.replace("config:\n", `config:\n${lines.join("")}`));
  }

  async function commitAll(path: string): Promise<void> {
    await git(path, "add", "--all");
    await git(path, "commit", "--quiet", "--message=The project");
  }

  /** Starts the local cloud, pushes another greeting to the branch, and tells what the API answers then. */
  async function pushed(branch: string, repository = project): Promise<string> {
    const cloud = await startCloud(project, [], join(directory, "cache"));
    try {
      for (const file of ["handler.ts", "smoke.json"]) {
        const path = join(project, "functions/hello-user", file);
        await writeFile(path, (await readFile(path, "utf8")).replaceAll("hello user", "good morning"));
      }
      const test = join(project, "tests/functions/hello-user.test.ts");
      await writeFile(test, (await readFile(test, "utf8")).replaceAll("hello user", "good morning"));
      await commitAll(repository);
      await git(repository, "push", "--quiet", cloud.endpoints.git, `HEAD:${branch}`);
      while (!/build 1: (SUCCEEDED|FAILED)/.test(cloud.builds())) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return `${await (await fetch(`${cloud.endpoints.api}/hello_user`)).text()} ${cloud.endpoints.deployProject}`;
    } finally {
      await cloud.stop();
    }
  }

  /** What a start that fails tells. */
  async function refusal(): Promise<string> {
    const env = { ...process.env, XDG_CACHE_HOME: join(directory, "cache") };
    const { code, output } = await runFile("local/start.ts", ["--port", "0"], { cwd: project, env });
    expect(code).to.equal(1);
    return output;
  }

  it("builds and releases a project of another name, from another branch of a repository on an Enterprise host", async () => {
    await writeFile(
      join(project, "Pulumi.yaml"),
      (await readFile(join(project, "Pulumi.yaml"), "utf8")).replace(/^name: .*/m, "name: my_App"),
    );
    await set({ branch: "release/1.x", repository: "https://github.example.com/team/app" });
    await commitAll(project);
    expect(await pushed("release/1.x")).to.equal('{"message":"good morning"} my_App-local_deploy');
  });

  it("builds and releases a project in a folder of a larger repository, and says how to set that folder", async () => {
    const repository = join(directory, "monorepo");
    await mkdir(join(repository, "services"), { recursive: true });
    await rm(join(project, ".git"), { recursive: true });
    await rename(project, join(repository, "services/shop"));
    project = join(repository, "services/shop");
    await git(repository, "init", "--quiet", "--initial-branch=main");
    await configureIdentity(repository);
    await commitAll(repository);
    expect(await refusal()).to.contain(
      'the project is in the folder "services/shop" of its repository, and the setting directory is "": npx pulumi config set --stack local directory services/shop',
    );
    await set({ directory: "services/shop" });
    expect(await pushed("main", repository)).to.match(/^\{"message":"good morning"\}/);
  });

  it("says what to do in a folder without git, and in one within another repository that does not have it", async () => {
    await rm(join(project, ".git"), { recursive: true });
    const make = `run git init, git add --all and git commit in ${project}`;
    expect(await refusal()).to.equal(`npm start needs a git checkout with a commit: ${make}\n`);
    await git(directory, "init", "--quiet", "--initial-branch=main");
    await configureIdentity(directory);
    await git(directory, "commit", "--quiet", "--allow-empty", "--message=Something else");
    expect(await refusal()).to.equal(
      `the last commit of the git repository ${directory} does not have this project: ${make}, or commit it there\n`,
    );
  });
});
