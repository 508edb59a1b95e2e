import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { join, sep } from "node:path";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { copyProject, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { localStack, readProject } from "../../program/project.ts";
import { type LifeCycle, localProvider } from "../../program/provider.ts";
import { serveProvider } from "../../program/providerServer.ts";
import { type EmptyStack, startEmpty } from "../../program/stack.ts";
import { cliFolder } from "./cli.ts";
import { counts, pulumi, type Target } from "./commandLine.ts";

/** As many of the settings as go together. */
const settings = {
  alerts: "true",
  alertSubscribers: ["team@example.com"],
  corsOrigins: ["https://www.example.com"],
  domainName: "api.example.com",
  hostedZoneId: "Z0123456789",
  functions: { "hello-user": { memorySize: 256, environment: { GREETING: "hi" } } },
  jwtIssuer: "https://login.example.com",
  jwtAudience: ["my-api"],
  previewRole: "create",
  previewStateBucket: "team-state",
  releaseStrategy: "canary25Percent2Minutes",
  tracing: "true",
};

interface State {
  readonly deployment: { readonly resources: readonly { readonly urn: string; inputs: object; outputs: object }[] };
}

/** A person's machine: its own checkout, home and temporary folder; the state is shared. */
interface Machine extends Target {
  readonly env: NodeJS.ProcessEnv;
}

describe("a stack that several machines work on", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let directory: string;
  let empty: EmptyStack;
  let first: Machine;
  let second: Machine;
  let checked: { readonly failures: readonly unknown[] }[];

  before(async () => {
    directory = await temporary();
    await copyProject(join(directory, "one/project"));
    empty = await startEmpty(
      await readProject(join(directory, "one/project")),
      join(directory, "cloud"),
      0,
      async () => {},
    );
    // The engine starts a provider in the project's folder, wherever that is by then.
    const here = join(directory, "here");
    await symlink(join(directory, "one/project"), here);
    const provider = localProvider(empty.cloud, here);
    checked = [];
    const recording: LifeCycle = {
      ...provider,
      async check(...args) {
        const result = await provider.check(...args);
        checked.push({ failures: result.failures ?? [] });
        return result;
      },
    };
    const port = await serveProvider(recording);
    first = await machine("one", port);
    const file = join(first.project, "Pulumi.local.yaml");
    const { config, ...others } = parse(await readFile(file, "utf8"));
    await writeFile(file, stringify({ ...others, config: { ...config, ...settings } }));
    await git(first.project, "commit", "--quiet", "--all", "--message=The stack's settings");
    await pulumi(first, "stack", "select", "--create");
    await pulumi(first, "config", "set", "--secret", "token", "ghp_0123456789abcdefghij");
    await pulumi(first, "config", "rm", "connectionArn");

    await pulumi(first, "up", "--yes", "--skip-preview");

    await mkdir(join(directory, "two"));
    await rename(first.project, join(directory, "two/moved"));
    await rm(join(directory, "one"), { recursive: true });
    await rm(here);
    await symlink(join(directory, "two/moved"), here);
    second = await machine("two", port, "moved");
  });

  after(() => empty.cloud.close());

  async function machine(name: string, port: number, project = "project"): Promise<Machine> {
    const [home, temp] = [join(directory, name, "home"), join(directory, name, "tmp")];
    await mkdir(join(home, ".pulumi/versions"), { recursive: true });
    await mkdir(temp);
    const cli = await cliFolder();
    await symlink(cli, join(home, ".pulumi/versions", cli.split(sep).at(-1) ?? ""));
    await mkdir(join(directory, "state"), { recursive: true });
    const env = {
      HOME: home,
      TMPDIR: temp,
      USER: `user-of-machine-${name}`,
      PATH: process.env.PATH,
      PULUMI_HOME: join(home, ".pulumi"),
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "local",
      PULUMI_DEBUG_PROVIDERS: `aws:${port}`,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    const path = join(directory, name, project);
    return { project: path, stack: localStack, command: [join(path, "node_modules/.bin/pulumi")], env };
  }

  async function stateOf(target: Target): Promise<State> {
    return JSON.parse(await pulumi(target, "stack", "export", "--show-secrets"));
  }

  it("has in its state no path, user, host or time of the machine that ran up", async () => {
    const { deployment } = await stateOf(second);
    expect(deployment.resources).to.have.length.above(50);
    const secrets = [directory, root, homedir(), tmpdir(), hostname(), "user-of-machine-one", "/one/"];
    const held = deployment.resources.flatMap(({ urn, inputs, outputs }) => {
      const text = JSON.stringify({ inputs, outputs });
      const found = secrets.filter((secret) => text.includes(secret));
      const words = text.match(new RegExp(`\\b${userInfo().username}\\b|\\d{4}-\\d\\d-\\d\\dT[^"]*`, "g")) ?? [];
      return [...found, ...words].map((secret) => `${urn}: ${secret}`);
    });
    expect(held).to.deep.equal([]);
  });

  it("has nothing to do on another machine, whose checkout, home and temporary folder are elsewhere", async () => {
    checked.length = 0;
    const { deployment } = await stateOf(second);
    const count = deployment.resources.filter(({ urn }) => !urn.includes("pulumi:providers:")).length;
    expect(counts(await pulumi(second, "preview"))).to.deep.equal([`${count} unchanged`]);
    expect(counts(await pulumi(second, "up", "--yes", "--skip-preview"))).to.deep.equal([`${count} unchanged`]);
    expect(counts(await pulumi(second, "refresh", "--yes", "--skip-preview"))).to.deep.equal([`${count} unchanged`]);
    expect(checked.flatMap(({ failures }) => failures)).to.deep.equal([]);
    expect(checked.length).to.be.above(count);
  });

  it("is previewed from a folder within the project, too", async () => {
    const within = { ...second, project: join(second.project, "functions/hello-user") };
    expect(counts(await pulumi(within, "preview")).join()).to.match(/^\d+ unchanged$/);
  });

  it("is taken away by another machine", async () => {
    const output = await pulumi(second, "destroy", "--yes", "--skip-preview");
    expect(counts(output).join()).to.match(/^\d+ deleted$/);
    expect((await stateOf(second)).deployment.resources ?? []).to.deep.equal([]);
  });
});
