import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { copyProject } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import { localPassphrase, readProject } from "../../program/project.ts";
import { localProvider } from "../../program/provider.ts";
import { serveProvider } from "../../program/providerServer.ts";
import { cliFolder } from "./cli.ts";
import { counts, pulumi, resourceCount, type Target } from "./commandLine.ts";

describe("a project under Pulumi's engine", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let target: Target;

  before(async () => {
    await cliFolder();
    const directory = await temporary();
    const project = join(directory, "project");
    await copyProject(project);
    cloud = await LocalCloud.start(join(directory, "cloud"), 0);
    await mkdir(join(directory, "state"));
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: localPassphrase,
      PULUMI_DEBUG_PROVIDERS: `aws:${await serveProvider(localProvider(cloud, project))}`,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    target = { project, stack: "local", command: [join(project, "node_modules/.bin/pulumi")], env };
    await pulumi(target, "stack", "select", "--create");
  });

  after(() => cloud.close());

  it("has its settings read by the local cloud in every form that pulumi config set writes", async () => {
    const { name } = await readProject(target.project);
    for (const args of [
      ["branch", "release/1.x"],
      ["logRetentionDays", "7"],
      ["alerts", "true"],
      ["--path", "alertSubscribers[0]", "team@example.com"],
      ["--path", "alertSubscribers[1]", "ops@example.com"],
      ["--path", "functions.hello-user.memorySize", "256"],
      ["--path", "functions.hello-user.environment.MODE", "fast"],
      ["--path", "functions.hello-user.environment.KEY", "--secret", "s3cret"],
      ["--secret", "token", "ghp_0123456789abcdefghij"],
      ["aws:defaultTags", '{"tags":{"team":"shop"}}'],
    ]) {
      await pulumi(target, "config", "set", ...args);
    }
    const engine: Record<string, { value: string; secret: boolean }> = JSON.parse(
      await pulumi(target, "config", "--json", "--show-secrets"),
    );
    const { config, branch } = await readProject(target.project);
    expect(branch).to.equal("release/1.x");
    const parsed = (text: string): unknown => (/^[{[]/.test(text) ? JSON.parse(text) : text);
    for (const [key, { value }] of Object.entries(engine)) {
      expect(parsed(config.values[key] ?? ""), key).to.deep.equal(parsed(value));
    }
    expect(Object.keys(config.values)).to.have.members(Object.keys(engine));
    const secret = Object.keys(engine).filter((key) => engine[key]?.secret);
    expect(secret).to.include.members([`${name}:token`, `${name}:functions`]);
    expect(new Set(config.secretKeys)).to.deep.equal(new Set(secret));
    await git(target.project, "checkout", "--quiet", "Pulumi.local.yaml");
  });

  it("is previewed without the local cloud's room", async () => {
    const page = await readFile(join(target.project, "docs/make-it-yours.md"), "utf8");
    const [, rooms = ""] = /^git rm -r --quiet (.*) Pulumi\.local\.yaml$/m.exec(page) ?? [];
    expect(rooms.split(" ")).to.include("local");
    for (const room of rooms.split(" ")) {
      await rm(join(target.project, room), { recursive: true });
    }
    expect(counts(await pulumi(target, "preview"))).to.deep.equal([`${resourceCount} to create`]);
  });
});
