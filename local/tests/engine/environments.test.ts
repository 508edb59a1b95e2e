import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { parse } from "yaml";
import { configureIdentity, copyProject, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import { readProject } from "../../program/project.ts";
import { localProvider } from "../../program/provider.ts";
import { serveProvider } from "../../program/providerServer.ts";
import type { Build } from "../../services/codebuild/build.ts";
import { cliFolder } from "./cli.ts";
import { keepConnectionsApart } from "./connections.ts";
import { workDirIn } from "./workDir.ts";

const names = ["dev", "prod", "pr-7"] as const;

const project = await readProject(root);

describe("an environment per stack, on one local cloud", function () {
  this.timeout(180_000);
  const temporary = temporaryDirectories();
  const stacks = {} as Record<(typeof names)[number], Stack>;
  let cloud: LocalCloud;
  let clone: string;

  before(async () => {
    keepConnectionsApart();
    const directory = await temporary();
    // So fast that a canary of five minutes takes a second.
    cloud = await LocalCloud.start(join(directory, "cloud"), 0, { timeScale: 300 });
    const remote = await cloud.github.createRepository("local/push-to-live", "main", `${cloud.awsUrl}/post-receive`);
    clone = join(directory, "clone");
    await copyProject(clone);
    await configureIdentity(clone);
    await git(clone, "remote", "add", "origin", remote);
    await git(clone, "push", "--quiet", "origin", "main", "main:production");
    const envVars = {
      PULUMI_BACKEND_URL: `file://${await temporary()}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_DEBUG_PROVIDERS: `aws:${await serveProvider(localProvider(cloud, root))}`,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    const pulumiCommand = await PulumiCommand.get({ root: await cliFolder() });
    const local = project.config.values;
    const where = ["aws:region", key("repository"), key("connectionArn")].map((name) => [name, local[name]]);
    for (const stackName of names) {
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName, projectName: project.name, program: loadProgram },
        { pulumiCommand, workDir: await workDirIn(await temporary()), envVars },
      );
      // A pull request's or a person's stack is one like dev, on a branch of its own.
      const settings =
        stackName === "pr-7"
          ? { ...(await settingsOf("dev")), [key("branch")]: "feature" }
          : await settingsOf(stackName);
      const own = Object.entries({ ...settings, ...Object.fromEntries(where) }).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]);
      await stack.workspace.saveStackSettings(stackName, {
        ...(await stack.workspace.stackSettings(stackName)),
        config: Object.fromEntries(own),
      });
      stacks[stackName] = stack;
    }
  });

  after(() => cloud.close());

  /** Pushes what the clone has to a branch, and returns the build of each deploy project that it starts, once it has ended. */
  async function push(branch: string): Promise<Build[]> {
    const { builds } = cloud.codebuild;
    const before = builds.length;
    await git(clone, "push", "--quiet", "origin", `HEAD:${branch}`);
    return Promise.all(builds.slice(before).map((build) => cloud.codebuild.ended(build)));
  }

  /** What a stack's API answers, three times: with a canary under way not always the same. */
  async function answersOf(name: (typeof names)[number]): Promise<string[]> {
    const { apiUrl } = await stacks[name].outputs();
    const answers = [1, 2, 3].map(async () => (await fetch(`${apiUrl?.value}/hello_user`)).text());
    return [...new Set(await Promise.all(answers))];
  }

  it("creates dev, prod and a pull request's stack from their settings, with no name in common", async () => {
    // With alerts, of which a preview knows the least.
    const { changeSummary } = await stacks.prod.preview();
    expect(changeSummary).to.have.all.keys("create");
    const seen = new Map<string, string>();
    for (const name of names) {
      expect((await stacks[name].up()).summary.result).to.equal("succeeded");
      const { deployment } = await stacks[name].exportStack();
      const resources: { type: string; id?: string; custom: boolean }[] = deployment.resources;
      for (const { type, id } of resources.filter(
        ({ custom, type }) => custom && !/^pulumi:|:Stage$|:Route$|:Permission$/.test(type),
      )) {
        expect(seen.get(`${type} ${id}`), `${type} ${id} of ${name}`).to.equal(undefined);
        seen.set(`${type} ${id}`, name);
      }
    }
    for (const name of names) {
      expect(await answersOf(name)).to.deep.equal(['{"message":"hello user"}']);
    }
  });

  it("puts a push to main live in dev, and nowhere else", async () => {
    const file = join(clone, "functions/hello-user/handler.ts");
    await writeFile(file, (await readFile(file, "utf8")).replaceAll("hello user", "good morning"));
    for (const test of ["tests/functions/hello-user.test.ts", "functions/hello-user/smoke.json"]) {
      const path = join(clone, test);
      await writeFile(path, (await readFile(path, "utf8")).replaceAll("hello user", "good morning"));
    }
    await git(clone, "commit", "--quiet", "--all", "--message=Good morning");
    const builds = await push("main");
    expect(builds.map(({ project, status }) => `${project} ${status}`)).to.deep.equal([
      "push-to-live-dev_deploy SUCCEEDED",
    ]);
    expect(await answersOf("dev")).to.deep.equal(['{"message":"good morning"}']);
    expect(await answersOf("prod")).to.deep.equal(['{"message":"hello user"}']);
    expect(await answersOf("pr-7")).to.deep.equal(['{"message":"hello user"}']);
  });

  it("promotes the same commit to prod by a push of it to production, bit by bit", async () => {
    const statuses: (string | undefined)[] = [];
    cloud.codedeploy.on("deployment", ({ status, deploymentConfigName }) =>
      statuses.push(`${deploymentConfigName} ${status}`),
    );
    const builds = await push("production");
    expect(builds.map(({ project, status }) => `${project} ${status}`)).to.deep.equal([
      "push-to-live-prod_deploy SUCCEEDED",
    ]);
    expect(builds[0]?.resolvedSourceVersion).to.equal(await git(clone, "rev-parse", "HEAD"));
    const canary = "CodeDeployDefault.LambdaCanary10Percent5Minutes";
    expect(statuses).to.deep.equal([`${canary} InProgress`, `${canary} Succeeded`]);
    expect(await answersOf("prod")).to.deep.equal(['{"message":"good morning"}']);
    expect(await answersOf("pr-7")).to.deep.equal(['{"message":"hello user"}']);
  });

  it("takes a pull request's stack away, and leaves the others", async () => {
    expect((await stacks["pr-7"].destroy()).summary.result).to.equal("succeeded");
    expect(await answersOf("dev")).to.deep.equal(['{"message":"good morning"}']);
    expect(await answersOf("prod")).to.deep.equal(['{"message":"good morning"}']);
  });
});

function key(setting: string): string {
  return `${project.name}:${setting}`;
}

/** The settings that the repository has for a stack, by their full keys. */
async function settingsOf(stack: string): Promise<Record<string, unknown>> {
  const { config } = parse(await readFile(join(root, `Pulumi.${stack}.yaml`), "utf8"));
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name.includes(":") ? name : key(name), value]),
  );
}

let runs = 0;

/** `index.ts` declares its resources when it is imported. */
async function loadProgram(): Promise<Record<string, unknown>> {
  runs += 1;
  return { ...(await import(`${root}/index.ts?environment=${runs}`)) };
}
