import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { decide } from "../../../infra/tests/iam.ts";
import { only, type Registration } from "../../../infra/tests/mocks.ts";
import { type Statement, statementsIn } from "../../../infra/tests/policies.ts";
import { loadProgram } from "../../../infra/tests/sampleProgram.ts";
import { configureIdentity, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import type { Call } from "../../aws/awsEndpoint.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import type { CommitStatus } from "../../github/repository.ts";
import { localProvider } from "../../program/provider.ts";
import type { Build } from "../../services/codebuild/build.ts";

/** The stack on the local cloud. */
const local = {
  project: "push-to-live",
  stack: "local",
  config: {
    repository: "https://github.com/local/push-to-live",
    connectionArn: "arn:aws:codeconnections:us-east-1:000000000000:connection/00000000-0000-0000-0000-000000000000",
  },
  region: "us-east-1",
  account: "000000000000",
} as const;

const cloneUrl = "https://github.com/local/push-to-live.git";
const context = "push-to-live-local/pull-request";
const deployContext = "AWS CodeBuild us-east-1 (push-to-live-local_deploy)";
const needsApproval = "Pull request approval required for starting a build";

/** What the local cloud gets of the program: the build projects as declared, and what a release needs. */
const types = [
  "cloudwatch.LogGroup",
  "codebuild.Project",
  "codebuild.Webhook",
  "codedeploy.Application",
  "codedeploy.DeploymentGroup",
  "lambda.Function",
  "lambda.Alias",
];

describe("a pull request on the local cloud, with the build projects that the program declares", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let registrations: readonly Registration[];
  let cloud: LocalCloud;
  let clone: string;

  before(async () => {
    ({ registrations } = await loadProgram(local));
  });

  beforeEach(async () => {
    const directory = await temporary();
    cloud = await LocalCloud.start(join(directory, "cloud"), 0);
    const remote = await cloud.github.createRepository("local/push-to-live", "main", `${cloud.awsUrl}/post-receive`);
    clone = join(directory, "clone");
    await git(directory, "clone", "--quiet", remote, clone);
    await configureIdentity(clone);
    await git(clone, "checkout", "--quiet", "-B", "main");
    await commit({ "buildspec.yml": buildspec("true"), "buildspec.pr.yml": buildspec("true") });
    await git(clone, "push", "--quiet", "origin", "main");
    const provider = localProvider(cloud, root);
    for (const { type, key, custom, inputs } of registrations) {
      if (custom && types.includes(key.split(" ")[0] ?? "")) {
        const urn = `urn:pulumi:local::push-to-live::${type}::${key.split(" ")[1]}`;
        // The mocks have published twice before.
        const own = "functionVersion" in inputs ? { ...inputs, functionVersion: "1" } : inputs;
        const { failures } = await provider.check(urn, {}, own);
        expect(failures).to.deep.equal([]);
        await provider.create(urn, own);
      }
    }
  });

  afterEach(() => cloud.close());

  /** A buildspec with one command. */
  function buildspec(command: string): string {
    return JSON.stringify({ version: 0.2, phases: { build: { commands: [command] } } });
  }

  async function commit(files: Readonly<Record<string, string>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(clone, name), content);
    }
    await git(clone, "add", "--all");
    await git(clone, "commit", "--quiet", "--allow-empty", `--message=Change ${Object.keys(files)}`);
    return git(clone, "rev-parse", "HEAD");
  }

  /** Pushes the clone's commit, waits for the builds that this started, and tells them and what git told the pusher. */
  async function push(...args: string[]): Promise<{ builds: readonly Build[]; told: string }> {
    return during(async () => {
      const { stderr } = await promisify(execFile)("git", ["push", "origin", ...args], { cwd: clone });
      return stderr;
    });
  }

  async function during(action: () => Promise<string>): Promise<{ builds: readonly Build[]; told: string }> {
    const before = cloud.codebuild.builds.length;
    const told = await action();
    const builds = cloud.codebuild.builds.slice(before);
    await Promise.all(builds.map((build) => cloud.codebuild.ended(build)));
    return { builds, told };
  }

  /** A request to the local GitHub's API, as curl makes it. */
  async function api(request: string, login = "owner", body?: object): Promise<{ status: number; body: unknown }> {
    const [method = "", path] = request.split(" ");
    const headers = { authorization: `Bearer ${cloud.github.tokens[login]}` };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${cloud.awsUrl}/repos/local/push-to-live/${path}`, init);
    return { status: response.status, body: await response.json() };
  }

  const comment = (body: string, login = "owner") =>
    during(async () => JSON.stringify(await api("POST issues/1/comments", login, { body })));

  /** The statuses that GitHub shows of a commit: the latest of each name. */
  async function shown(sha: string): Promise<Record<string, string>> {
    const { body } = await api(`GET commits/${sha}/statuses`);
    const oldestFirst = (body as CommitStatus[]).toReversed();
    return Object.fromEntries(oldestFirst.map((status) => [status.context, `${status.state}: ${status.description}`]));
  }

  const projectsOf = (builds: readonly Build[]): string[] => builds.map(({ project }) => project);

  it("is built when it is opened and when it gets a commit, with CodeBuild's variables, and deploys nothing", async () => {
    const echo = "env | grep CODEBUILD_ | sort; git rev-parse HEAD; ls";
    const first = await commit({ "buildspec.pr.yml": buildspec(echo) });
    const opened = await push("-o", "pr", "main:feature");
    expect(opened.told).to.match(/pull request 1 opened: .*200: build 1 of push-to-live-local_pull-request started/);
    expect(projectsOf(opened.builds)).to.deep.equal(["push-to-live-local_pull-request"]);
    const [build] = opened.builds;
    expect(build).to.include({ sourceVersion: "pr/1", resolvedSourceVersion: first, status: "SUCCEEDED" });
    const log = await readFile(build?.logFile ?? "", "utf8");
    for (const variable of [
      "CODEBUILD_SOURCE_VERSION=pr/1",
      `CODEBUILD_RESOLVED_SOURCE_VERSION=${first}`,
      "CODEBUILD_WEBHOOK_EVENT=PULL_REQUEST_CREATED",
      "CODEBUILD_WEBHOOK_TRIGGER=pr/1",
      "CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/feature",
      "CODEBUILD_WEBHOOK_BASE_REF=refs/heads/main",
      "CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID=1",
    ]) {
      expect(log).to.contain(`${variable}\n`);
    }
    const second = await commit({ another: "commit" });
    const updated = await push("main:feature");
    expect(updated.told).to.contain("pull request 1 updated:");
    expect(updated.builds[0]).to.include({ sourceVersion: "pr/1", resolvedSourceVersion: second });
    expect(await readFile(updated.builds[0]?.logFile ?? "", "utf8")).to.contain("EVENT=PULL_REQUEST_UPDATED");
  });

  it("goes red, then green, then is merged, and each commit shows the status of its build", async () => {
    const red = await commit({ "buildspec.pr.yml": buildspec("exit 1") });
    await push("-o", "pr", "main:feature");
    expect(await shown(red)).to.deep.equal({
      [context]: "failure: Build failed for project push-to-live-local_pull-request",
    });
    const green = await commit({ "buildspec.pr.yml": buildspec("true") });
    await push("main:feature");
    expect(await shown(green)).to.deep.equal({
      [context]: "success: Build succeeded for project push-to-live-local_pull-request",
    });
    const merged = await push("main");
    expect(merged.told).to.contain("pull request 1 merged:");
    expect(projectsOf(merged.builds)).to.deep.equal(["push-to-live-local_deploy"]);
    expect(await shown(green)).to.deep.equal({
      [context]: "success: Build succeeded for project push-to-live-local_pull-request",
      [deployContext]: "success: Build succeeded for project push-to-live-local_deploy",
    });
    expect((await api("GET pulls/1")).body).to.deep.include({ state: "closed", merged: true });
  });

  it("shows a status as pending while its build runs", async () => {
    const statuses: string[] = [];
    cloud.github.on("status", ({ state, description }) => statuses.push(`${state}: ${description}`));
    await commit({ a: "change" });
    await push("-o", "pr", "main:feature");
    expect(statuses).to.deep.equal([
      "pending: Build started for project push-to-live-local_pull-request",
      "success: Build succeeded for project push-to-live-local_pull-request",
    ]);
  });

  it("is built when it is reopened, and not when it is closed", async () => {
    await commit({ "buildspec.pr.yml": buildspec('echo "event=$CODEBUILD_WEBHOOK_EVENT"') });
    await push("-o", "pr", "main:feature");
    const change = (state: string) =>
      during(async () => String((await api("PATCH pulls/1", "owner", { state })).status));
    expect(await change("closed")).to.deep.equal({ builds: [], told: "200" });
    const reopened = await change("open");
    expect(projectsOf(reopened.builds)).to.deep.equal(["push-to-live-local_pull-request"]);
    expect(await readFile(reopened.builds[0]?.logFile ?? "", "utf8")).to.contain("\nevent=PULL_REQUEST_REOPENED\n");
    expect((await api("PATCH pulls/1", "contributor", { state: "closed" })).status).to.equal(403);
    expect((await push(":feature")).told).to.contain("pull request 1 closed:");
  });

  it("is not there without a commit that the branch does not have, and not for a branch without -o pr", async () => {
    const same = await push("-o", "pr", "main:feature");
    expect(same.told).to.contain("no pull request: there is no commit in feature that main does not have");
    await commit({ a: "change" });
    const plain = await push("main:feature");
    expect([...same.builds, ...plain.builds]).to.deep.equal([]);
    expect((await api("GET pulls/1")).status).to.equal(404);
    expect((await push("-o", "pr", "main")).told).to.contain(
      "no pull request: main is what pull requests are merged into",
    );
    await commit({ a: "further change" });
    expect((await push("-o", "draft", "main:other")).told).to.contain(
      "does not know -o draft; it knows -o pr and -o fork",
    );
  });

  describe("from a fork", () => {
    it("leaves the repository's branches alone, also the one of the branch's own name", async () => {
      const { stdout: before } = await promisify(execFile)("git", ["ls-remote", "--heads", "origin"], { cwd: clone });
      await commit({ a: "change" });
      expect((await push("-o", "fork", "main")).told).to.contain(
        "no pull request of contributor/push-to-live's main is open: add -o pr to open one",
      );
      const pushed = await push("-o", "pr", "-o", "fork", "main");
      expect(pushed.builds).to.deep.equal([]);
      await push("-o", "fork", "-o", "pr", "main:feature");
      const { stdout: after } = await promisify(execFile)("git", ["ls-remote", "--heads", "origin"], { cwd: clone });
      expect(after).to.equal(before);
      expect((await api("GET pulls/1")).body)
        .to.have.nested.include({ "head.ref": "main", "head.repo.full_name": "contributor/push-to-live" })
        .and.to.have.nested.property("user.login", "contributor");
    });

    it("runs nothing until somebody who may push has approved its latest commit, and then builds that commit once", async () => {
      const first = await commit({ a: "change" });
      const opened = await push("-o", "pr", "-o", "fork", "main:feature");
      expect(opened.builds).to.deep.equal([]);
      expect(opened.told).to.contain(`it needs the comment /codebuild_run(${first}) of somebody who may push`);
      expect(await shown(first)).to.deep.equal({ [context]: `failure: ${needsApproval}` });

      const latest = await commit({ a: "worse change" });
      expect((await push("-o", "fork", "main:feature")).builds).to.deep.equal([]);
      for (const [body, login] of [
        [`/codebuild_run(${first})`, "owner"],
        [`/codebuild_run(${"0".repeat(40)})`, "owner"],
        [`/codebuild_run(${latest.slice(0, 7)})`, "owner"],
        ["/codebuild_run()", "owner"],
        [`Do not comment /codebuild_run(${latest}) here`, "owner"],
        [`/codebuild_run(${latest})`, "contributor"],
      ] as const) {
        expect((await comment(body, login)).builds, `${login}: ${body}`).to.deep.equal([]);
      }
      expect(await shown(latest)).to.deep.equal({ [context]: `failure: ${needsApproval}` });

      const { builds } = await comment(`/codebuild_run(${latest})`);
      expect(
        builds.map(({ sourceVersion, resolvedSourceVersion }) => [sourceVersion, resolvedSourceVersion]),
      ).to.deep.equal([["pr/1", latest]]);
      expect(await shown(latest))
        .to.have.property(context)
        .that.matches(/^success/);
      expect((await comment(`/codebuild_run(${latest})`)).builds).to.deep.equal([]);

      const next = await commit({ a: "even worse" });
      expect((await push("-o", "fork", "main:feature")).builds).to.deep.equal([]);
      expect(await shown(next)).to.deep.equal({ [context]: `failure: ${needsApproval}` });
    });

    it("whose buildspec releases, once approved, makes no call of a release that its role may make", async () => {
      for (const folder of ["functions", "deploy", "local", "package.json", "package-lock.json", ".npmrc"]) {
        await cp(join(root, folder), join(clone, folder), { recursive: true });
      }
      await git(clone, "rm", "-r", "--quiet", "--cached", "--ignore-unmatch", "dist");
      const handler = join(clone, "functions/hello-user/handler.ts");
      const text = await readFile(handler, "utf8");
      const release = [
        "npm ci --workspace functions --workspace deploy --ignore-scripts --prefer-offline",
        "npm run bundle",
        "CODEDEPLOY_APPLICATION=push-to-live-local node deploy/release.ts",
      ].join(" && ");
      const head = await commit({
        "functions/hello-user/handler.ts": `${text}\nexport const changed = true;\n`,
        "buildspec.pr.yml": buildspec(release),
      });
      const calls: Call[] = [];
      cloud.awsEndpoint.on("call", (call) => calls.push(call));
      await push("-o", "pr", "-o", "fork", "main:feature");
      expect(calls).to.deep.equal([]);
      const { builds } = await comment(`/codebuild_run(${head})`);
      expect(builds).to.have.lengthOf(1);
      // The local cloud enforces no permission, so the release goes through here: AWS would end it at its first call.
      const made = calls.filter(({ accessKeyId }) => accessKeyId === "push-to-live-local_pull-request");
      expect(made.map(({ operation }) => operation)).to.include.members([
        "UpdateFunctionCode",
        "PublishVersion",
        "CreateDeployment",
      ]);
      expect(made).to.deep.equal(calls);
      for (const [action, resource] of made.map(permissionOf)) {
        expect(decide(policyOf("pull-request"), action, resource), `${action} ${resource}`).to.equal("denied");
        expect(decide(policyOf("deploy"), action, resource), `${action} ${resource}`).to.equal("allowed");
      }
    });
  });

  function policyOf(project: string): readonly Statement[] {
    return statementsIn(only(registrations, `iam.RolePolicy ${project}-policy`).inputs.policy);
  }

  describe("the local GitHub's API", () => {
    it("refuses who has no token, another host's name, and what it does not know, by name", async () => {
      const url = `${cloud.awsUrl}/repos/local/push-to-live/pulls/1`;
      expect((await fetch(url)).status).to.equal(401);
      expect((await fetch(url, { headers: { authorization: "Bearer guess" } })).status).to.equal(401);
      const headers = { host: "rebound.example.com", authorization: `Bearer ${cloud.github.tokens.owner}` };
      const [rebound] = await once(get(url, { headers, agent: false }), "response");
      rebound.resume();
      expect(rebound.statusCode).to.equal(401);
      const unknown = await api("POST pulls");
      expect(unknown.status).to.equal(404);
      expect(JSON.stringify(unknown.body)).to.contain(
        "does not know POST /repos/local/push-to-live/pulls; it knows GET",
      );
      expect((await api("POST issues/1/comments", "owner", { body: "x" })).status).to.equal(404);
    });

    it("tells the statuses of a branch, latest first, with the log as their target", async () => {
      await commit({ a: "change" });
      const { builds } = await push("-o", "pr", "main:feature");
      const { body } = await api("GET commits/feature/statuses");
      expect((body as CommitStatus[]).map(({ state }) => state)).to.deep.equal(["success", "pending"]);
      const [latest] = body as CommitStatus[];
      expect(decodeURI(latest?.target_url ?? "")).to.equal(`file://${builds[0]?.logFile}`);
      expect(cloud.github.statusesOf(cloneUrl, latest?.sha ?? "")).to.deep.equal(body);
      expect((await api("GET commits/nowhere/statuses")).status).to.equal(404);
    });
  });
});

/** The permission that a call of a release needs. */
function permissionOf({ service, operation, input }: Call): [action: string, resource: string] {
  const iamService = service === "monitoring" ? "cloudwatch" : service;
  const arn = (resource: string): string => `arn:aws:${iamService}:us-east-1:000000000000:${resource}`;
  const text = (key: string): string => {
    const value = input[key];
    if (typeof value !== "string") {
      throw new Error(`${operation} has no ${key}`);
    }
    return value;
  };
  const action = `${iamService}:${operation === "Invoke" ? "InvokeFunction" : operation}`;
  switch (action) {
    case "codedeploy:CreateDeployment":
    case "codedeploy:GetDeploymentGroup":
    case "codedeploy:ListDeployments":
      return [action, arn(`deploymentgroup:${text("applicationName")}/${text("deploymentGroupName")}`)];
    case "codedeploy:GetDeployment":
      return [action, arn("deploymentgroup:push-to-live-local/hello-user")];
    case "codedeploy:GetDeploymentConfig":
      return [action, arn(`deploymentconfig:${text("deploymentConfigName")}`)];
    case "cloudwatch:DescribeAlarms":
      return [action, arn(`alarm:${text("AlarmNamePrefix")}`)];
    case "lambda:GetAlias":
    case "lambda:UpdateAlias":
      return [action, arn(`function:${text("FunctionName")}:${text("Name")}`)];
  }
  if (service !== "lambda") {
    throw new Error(`it is not known what ${action} needs`);
  }
  return [action, arn(["function", text("FunctionName"), input.Qualifier].filter(Boolean).join(":"))];
}
