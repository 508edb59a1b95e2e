import { glob, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { addFunction, checkout, configureIdentity, copyProject, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { type Cloud, startCloud } from "../cloud.ts";
import { cliFolder } from "./cli.ts";
import {
  counts,
  createsAndChanges,
  destroys,
  get,
  outputsOf,
  pulumi,
  resourceCount,
  type Target,
} from "./commandLine.ts";

describe("the pulumi command line, on the local cloud", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let target: Target;
  let clone: string;
  let cloud: Cloud;

  before(async () => {
    await cliFolder();
    const directory = await temporary();
    const project = join(directory, "project");
    clone = join(directory, "clone");
    await copyProject(project);
    target = { project, stack: "local", command: [process.execPath, "local/pulumi.ts"] };
    cloud = await startCloud(project, ["--empty"]);
    await git(directory, "clone", "--quiet", cloud.endpoints.git, clone);
    await configureIdentity(clone);
  });

  after(() => cloud.stop());

  const run = (...args: string[]): Promise<string> => pulumi(target, ...args);
  const live = (): Promise<string> => get(target, "/hello_user");

  /** Changes files of the clone and pushes them. */
  async function push(files: Readonly<Record<string, (text: string) => string>>, message: string): Promise<void> {
    for (const [file, change] of Object.entries(files)) {
      const text = await readFile(join(clone, file), "utf8");
      await writeFile(join(clone, file), change(text));
    }
    await git(clone, "add", "--all");
    await git(clone, "commit", "--quiet", `--message=${message}`);
    await git(clone, "push", "--quiet", "origin", "main");
  }

  /** How the next build that ends has ended. */
  async function nextBuild(): Promise<string> {
    const seen = endsOf(cloud.builds()).length;
    while (endsOf(cloud.builds()).length === seen) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return endsOf(cloud.builds())[seen] ?? "";
  }

  /** The memory of the version that is live, in MB, as Lambda has it and as the handler sees it. */
  async function liveMemory(): Promise<string> {
    const { apiUrl, functionNames } = await outputsOf(target);
    const lambda = new LambdaClient({
      endpoint: cloud.endpoints.aws,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const FunctionName = functionNames["hello-user"];
    const { MemorySize } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier: "live" }));
    const { headers } = await fetch(`${apiUrl}/hello_user`);
    return `${MemorySize} ${headers.get("x-memory")}`;
  }

  it("previews the resources of preview.txt, as any page that shows them does", async () => {
    const tree = treeOf(JSON.parse(await run("preview", "--json")));
    expect(tree).to.equal(await readFile(join(import.meta.dirname, "preview.txt"), "utf8"));
    for await (const page of glob(["README.md", "docs/*.md"], { cwd: checkout })) {
      const shown = (await readFile(join(checkout, page), "utf8")).match(
        /^ \+ {3}pulumi:pulumi:Stack.*\n( \+ .*\n)*/gm,
      );
      expect(shown ?? tree, page).to.deep.equal(shown ? [tree] : tree);
    }
  });

  createsAndChanges(() => target);

  it("redeploys by git push into what pulumi up created, and neither refresh nor up takes the new code back", async () => {
    const built = nextBuild();
    const greet = (text: string): string => text.replaceAll("hello user", "good morning");
    await push(
      {
        "functions/hello-user/handler.ts": (text) =>
          greet(text).replace(
            "headers: {",
            'headers: { "x-memory": process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? "",',
          ),
        "functions/hello-user/smoke.json": greet,
        "tests/functions/hello-user.test.ts": (text) =>
          greet(text).replace(/.*(\{ headers \}|expect\(headers\)).*\n/g, ""),
      },
      "Say good morning",
    );
    expect(await built).to.equal("build 1: SUCCEEDED");
    expect(await live()).to.equal('200 {"message":"good morning"}');
    expect(counts(await run("refresh", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} unchanged`]);
    expect(counts(await run("up", "--yes", "--skip-preview", "--refresh"))).to.deep.equal([
      `${resourceCount} unchanged`,
    ]);
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  it("releases a changed memory by a build that starts by itself, and the handler sees it", async () => {
    expect(await liveMemory()).to.equal("128 128");
    const built = nextBuild();
    await run("config", "set", "--path", "functions.hello-user.memorySize", "256");
    const up = await run("up", "--yes", "--skip-preview");
    expect(counts(up)).to.deep.equal(["2 updated", `${resourceCount - 2} unchanged`]);
    expect(up).to.match(/~ configurationHash *: .*a change is released by a build of push-to-live-local_deploy/);
    expect(await built).to.equal("build 2: SUCCEEDED");
    expect(await liveMemory()).to.equal("256 256");
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  it("does not smuggle a red commit in with a changed memory", async () => {
    const red = nextBuild();
    await push(
      { "functions/hello-user/handler.ts": (text) => text.replaceAll("good morning", "good night") },
      "Turn red",
    );
    expect(await red).to.contain("build 3: FAILED");
    const built = nextBuild();
    await run("config", "set", "--path", "functions.hello-user.memorySize", "512");
    await run("up", "--yes", "--skip-preview");
    expect(await built).to.contain("build 4: FAILED");
    expect(await liveMemory()).to.equal("256 256");
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  it("does not smuggle a rolled-back commit in with a changed memory", async () => {
    const green = nextBuild();
    await push(
      { "functions/hello-user/handler.ts": (text) => text.replaceAll("good night", "good morning") },
      "Mend it",
    );
    expect(await green).to.equal("build 5: SUCCEEDED");
    expect(await liveMemory()).to.equal("512 512");
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: cloud.endpoints.aws,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      CODEDEPLOY_APPLICATION: "push-to-live-local",
    };
    // To the version of build 2, with its 256 MB.
    const args = ["--function", "hello-user", "--to", "3", "--yes"];
    const { code, output } = await runFile("deploy/rollback.ts", args, { cwd: target.project, env });
    expect(code, output).to.equal(0);
    const rolledBack = await liveMemory();
    const built = nextBuild();
    await run("config", "set", "--path", "functions.hello-user.memorySize", "1024");
    await run("up", "--yes", "--skip-preview");
    expect(await built).to.contain("build 6: FAILED");
    expect(await liveMemory())
      .to.equal(rolledBack)
      .and.not.equal("1024 1024");
  });

  it("creates a second stack beside the first, with names and an API of its own", async () => {
    const second = { ...target, stack: "second" };
    const config = await readFile(join(target.project, "Pulumi.local.yaml"), "utf8");
    await pulumi(second, "stack", "select", "--create");
    await writeFile(join(target.project, "Pulumi.second.yaml"), config);
    expect(counts(await pulumi(second, "up", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} created`]);
    expect(await get(second, "/hello_user")).to.equal('200 {"message":"hello user"}');
    expect(await live()).to.equal('200 {"message":"good morning"}');
    expect(counts(await pulumi(second, "destroy", "--yes", "--skip-preview"))).to.deep.equal([
      `${resourceCount} deleted`,
    ]);
    expect(await live()).to.equal('200 {"message":"good morning"}');
  });

  destroys(() => target);

  it("creates it anew after that", async () => {
    await git(target.project, "checkout", "--quiet", "Pulumi.local.yaml");
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} created`]);
    expect(await live()).to.equal('200 {"message":"hello user"}');
  });

  describe("with more functions", () => {
    const perFunction = 13;
    // A function more or less is a change of configuration: the build that starts by itself brings hello-user to the branch's code.
    const folderOf = (index: number): string => `fn-${String(index).padStart(3, "0")}`;

    it("adds a second by a folder and a statement, and what it adds is the function's own", async () => {
      await addFunction(target.project, folderOf(2));
      expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal([
        `${perFunction} created`,
        "2 updated",
        `${resourceCount - 2} unchanged`,
      ]);
      expect(await get(target, "/fn-002")).to.equal('200 {"function":"fn-002"}');
      expect(await live()).to.match(/^200 /);
    });

    it("adds others up to the hundredth in the same way", async () => {
      for (let index = 3; index <= 100; index++) {
        await addFunction(target.project, folderOf(index));
      }
      expect(counts(await run("preview"))).to.deep.equal([
        `${98 * perFunction} to create`,
        "2 to update",
        `${resourceCount - 2 + perFunction} unchanged`,
      ]);
    });

    it("takes them away by the folder and the statement, and deletes what was theirs and nothing else", async () => {
      await git(target.project, "checkout", "--quiet", "index.ts");
      for (let index = 2; index <= 100; index++) {
        await rm(join(target.project, "functions", folderOf(index)), { recursive: true });
      }
      expect(counts(await run("up", "--yes", "--skip-preview"))).to.have.members([
        "2 updated",
        `${perFunction} deleted`,
        `${resourceCount - 2} unchanged`,
      ]);
      expect(await get(target, "/fn-002")).to.equal('404 {"message":"Not Found"}');
      expect(await live()).to.match(/^200 /);
    });
  });
});

/** The lines that tell how builds ended, without why. */
function endsOf(builds: string): string[] {
  return builds.match(/^ *build \d+: (SUCCEEDED|FAILED)/gm)?.map((line) => line.trim()) ?? [];
}

interface Preview {
  readonly steps: readonly { readonly urn: string; readonly newState: { readonly parent?: string } }[];
}

/** The tree that `preview` prints on a terminal; siblings, which it prints as they come, are in order of name and type. */
function treeOf({ steps }: Preview): string {
  const rows: [type: string, name: string][] = [];
  const add = (parent: string | undefined, indent: string): void => {
    const children = steps.filter(({ newState }) => newState.parent === parent).map(({ urn }) => urn);
    const sorted = children.map((urn) => ({ urn, ...shownOf(urn) }));
    sorted.sort((one, other) => (`${one.name} ${one.type}` < `${other.name} ${other.type}` ? -1 : 1));
    for (const [index, { urn, type, name }] of sorted.entries()) {
      const isLast = index === sorted.length - 1;
      rows.push([parent === undefined ? type : `${indent}${isLast ? "└─" : "├─"} ${type}`, name]);
      add(urn, parent === undefined ? "" : `${indent}${isLast ? "   " : "│  "}`);
    }
  };
  add(undefined, "");
  const width = Math.max(...rows.map(([type]) => type.length));
  return rows.map(([type, name]) => ` +   ${type.padEnd(width)}  ${name}\n`).join("");
}

/** A resource's type and name as the CLI shows them, e.g. `aws:iam:Role` of `aws:iam/role:Role`. */
function shownOf(urn: string): { type: string; name: string } {
  const [, , types = "", name = ""] = urn.split("::");
  return {
    type:
      types
        .split("$")
        .at(-1)
        ?.replace(/\/\w+:/, ":") ?? "",
    name,
  };
}
