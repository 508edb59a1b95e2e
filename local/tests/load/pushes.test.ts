import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { copyProject, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { quoted } from "../../github/shell.ts";
import { readProject } from "../../program/project.ts";
import { type Stack, startStack } from "../../program/stack.ts";

const pushes = 8;

describe("a burst of real pushes, built at once", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let project: string;
  let stack: Stack;
  /** The file for which each build waits, so that all are under way before one releases. */
  let go: string;

  before(async () => {
    const directory = await temporary();
    project = join(directory, "project");
    go = join(directory, "go");
    await copyProject(project);
    await trimBuildspec();
    await git(project, "commit", "--quiet", "--all", "--message=Only bundles and releases");
    const seed = async (remote: string): Promise<void> => {
      await git(project, "remote", "add", "origin", remote);
      await git(project, "push", "--quiet", "origin", "main");
    };
    stack = await startStack(await readProject(project), join(directory, "cloud"), 0, seed, { timeScale: 600 });
  });

  after(() => stack.cloud.close());

  it("ends with the newest commit's code live; every build is green and says what came of it", async () => {
    const { cloud, outputs } = stack;
    for (let push = 1; push <= pushes; push++) {
      // The sixth takes the fifth back.
      await write(push === 6 ? 4 : push);
      await git(project, "commit", "--quiet", "--all", `--message=Push ${push}`);
      await git(project, "push", "--quiet", "origin", "main");
    }
    const { builds } = cloud.codebuild;
    const atOnce = builds.filter(({ status }) => status === "IN_PROGRESS").length;
    await writeFile(go, "");
    await Promise.all(builds.map((build) => cloud.codebuild.ended(build)));

    const logs = await Promise.all(builds.map(({ logFile }) => readFile(logFile, "utf8")));
    const verdicts = logs.map((log) => /^(Released|Superseded|Unchanged): commit .*$/m.exec(log)?.[0]);
    console.table(builds.map(({ number, status }, index) => ({ build: number, status, verdict: verdicts[index] })));
    expect(atOnce).to.equal(pushes);
    for (const [index, { status, sourceVersion }] of builds.entries()) {
      expect(status, logs[index]).to.equal("SUCCEEDED");
      expect(verdicts[index]).to.contain(`: commit ${sourceVersion}`);
    }
    expect(verdicts.at(-1)).to.match(/^(Released|Unchanged): /);
    const response = await fetch(`${outputs.apiUrl}/hello_user`);
    expect(response.headers.get("x-push")).to.equal(String(pushes));
    const alias = cloud.lambda.getAlias(outputs.functionNames["hello-user"] ?? "", "live");
    expect(alias.Description).to.contain(`latest commit ${await git(project, "rev-parse", "HEAD")}: `);
  });

  /** Leaves the packages' installation and the tests out: the builds then wait, and go on in another order than that of the pushes. */
  async function trimBuildspec(): Promise<void> {
    const file = join(project, "buildspec.yml");
    const { version, env, phases }: Record<string, Record<string, object>> = parse(await readFile(file, "utf8"));
    const install = {
      ...phases?.install,
      commands: [
        `ln -s ${quoted(join(root, "node_modules"))} node_modules`,
        `while [ ! -e ${quoted(go)} ]; do sleep 0.1; done`,
        "sleep 0.$((CODEBUILD_BUILD_NUMBER * 7 % 10))",
      ],
    };
    await writeFile(
      file,
      stringify({ version, env, phases: { install, build: phases?.build, post_build: phases?.post_build } }),
    );
  }

  /** Has the function say which push it is of. */
  async function write(push: number): Promise<void> {
    const code = `export const handler = async () => ({
  statusCode: 200,
  headers: { "content-type": "application/json", "x-push": "${push}" },
  body: JSON.stringify({ message: "hello user" }),
});
`;
    await writeFile(join(project, "functions/hello-user/handler.ts"), code);
  }
});
