import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sign } from "@octokit/webhooks-methods";
import { expect } from "chai";
import { configureIdentity, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { readProject } from "../../program/project.ts";
import { type Stack, startStack } from "../../program/stack.ts";

describe("the program on the local cloud", () => {
  const temporary = temporaryDirectories();
  let directory: string;
  let clone: string;
  let stack: Stack;

  before(async () => {
    directory = await temporary();
    clone = join(directory, "clone");
    stack = await startStack(await readProject(root), join(directory, "cloud"), 0, async (remote) => {
      await git(directory, "clone", "--quiet", remote, clone);
      await configureIdentity(clone);
      await git(clone, "checkout", "--quiet", "-B", "main");
      await git(clone, "commit", "--quiet", "--allow-empty", "--message=Without a buildspec");
      await git(clone, "push", "--quiet", "origin", "main");
    });
  });

  after(() => stack.cloud.close());

  async function request(path: string, init?: RequestInit): Promise<{ status: number; body: unknown }> {
    const response = await fetch(stack.outputs.apiUrl + path, init);
    return { status: response.status, body: await response.json() };
  }

  const hello = (user: string) => ({ status: 200, body: { message: `Hello ${user}!` } });
  const notFound = { status: 404, body: { message: "Not Found" } };

  describe("the HTTP API", () => {
    it("answers hello user without a user, and with an empty one", async () => {
      const helloUser = { status: 200, body: { message: "hello user" } };
      expect(await request("/hello_user")).to.deep.equal(helloUser);
      expect(await request("/hello_user?user=")).to.deep.equal(helloUser);
      expect(await request("/hello_user?user=%20%09")).to.deep.equal(helloUser);
    });

    it("decodes percent-encoding, + and Unicode", async () => {
      expect(await request("/hello_user?user=CI%20CD%20Developer")).to.deep.equal(hello("CI CD Developer"));
      expect(await request("/hello_user?user=CI+CD+Developer")).to.deep.equal(hello("CI CD Developer"));
      expect(await request("/hello_user?user=1%2B1%3D2%26x")).to.deep.equal(hello("1+1=2&x"));
      expect(await request("/hello_user?user=Zo%C3%AB%20%F0%9F%A6%8A")).to.deep.equal(hello("Zoë 🦊"));
      expect(await request("/hello_user?user=%22%3Cb%3E%5C")).to.deep.equal(hello('"<b>\\'));
    });

    it("joins a repeated user with commas", async () => {
      expect(await request("/hello_user?user=a&other=x&user=b")).to.deep.equal(hello("a,b"));
    });

    it("allows 100 characters and refuses 101", async () => {
      expect(await request(`/hello_user?user=${"é".repeat(100)}`)).to.deep.equal(hello("é".repeat(100)));
      expect(await request(`/hello_user?user=${"a".repeat(101)}`)).to.deep.equal({
        status: 400,
        body: { message: "user has 101 characters; at most 100 are allowed" },
      });
    });

    it("answers 404 Not Found to another method and to another path", async () => {
      expect(await request("/hello_user", { method: "POST", body: "{}" })).to.deep.equal(notFound);
      expect(await request("/hello_user", { method: "DELETE" })).to.deep.equal(notFound);
      for (const path of ["/", "/hello", "/hello_user/", "/hello_user/x", "/Hello_User"]) {
        expect(await request(path), path).to.deep.equal(notFound);
      }
    });

    it("writes a line of the declared format to its access log for each request", async () => {
      await request("/hello_user?user=logged");
      await request("/nowhere");
      const lines = (await readFile(stack.cloud.logs.fileOf("/aws/vendedlogs/push-to-live-local", "$default"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(lines.at(-2)).to.include({
        routeKey: "GET /hello_user",
        status: "200",
        error: "-",
        lambdaStatus: "200",
      });
      expect(lines.at(-1)).to.include({ routeKey: "-", status: "404" });
    });
  });

  describe("the deploy project's webhook", () => {
    let push: { ref: string; before: string; after: string; deleted: boolean; sender: { id: number } };
    let delivery = 0;

    beforeEach(async () => {
      const after = await git(clone, "rev-parse", "HEAD");
      push = { ref: "refs/heads/main", before: "0".repeat(40), after, deleted: false, sender: { id: 1 } };
      delivery += 1;
    });

    /** Posts a body signed with `secret`, and counts the builds that it starts. */
    async function deliver(
      body: string,
      headers: Record<string, string | undefined> = {},
      secret = stack.cloud.codebuild.secretOf(stack.outputs.deployProject) ?? "",
    ): Promise<{ status: number; builds: number; message: string }> {
      const { builds } = stack.cloud.codebuild;
      const before = builds.length;
      const all = {
        "x-github-event": "push",
        "x-github-delivery": `delivery-${delivery}`,
        "x-hub-signature-256": await sign(secret, body),
        ...headers,
      };
      const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const response = await fetch(stack.outputs.webhookUrl, { method: "POST", headers: given, body });
      const message = await response.text();
      await Promise.all(builds.slice(before).map((build) => stack.cloud.codebuild.ended(build)));
      return { status: response.status, builds: builds.length - before, message };
    }

    it("starts one build of the pushed commit for a signed push to the branch", async () => {
      expect(await deliver(JSON.stringify(push))).to.deep.include({ status: 200, builds: 1 });
      expect(stack.cloud.codebuild.builds.at(-1)?.sourceVersion).to.equal(push.after);
    });

    it("starts one build for an identical delivery that arrives twice", async () => {
      const body = JSON.stringify(push);
      expect(await deliver(body)).to.deep.include({ status: 200, builds: 1 });
      expect(await deliver(body)).to.deep.include({ status: 200, builds: 0 });
    });

    it("answers 401 and builds nothing: forged, unsigned, garbled, or signed but altered", async () => {
      const body = JSON.stringify(push);
      expect(await deliver(body, {}, "another secret")).to.deep.include({ status: 401, builds: 0 });
      expect(await deliver(body, { "x-hub-signature-256": undefined })).to.deep.include({ status: 401, builds: 0 });
      expect(await deliver(body, { "x-hub-signature-256": "sha256=" })).to.deep.include({ status: 401, builds: 0 });
      expect(await deliver(body, { "x-hub-signature-256": "garbled" })).to.deep.include({ status: 401, builds: 0 });
      const signature = await sign(stack.cloud.codebuild.secretOf(stack.outputs.deployProject) ?? "", body);
      const altered = body.replace("refs/heads/main", "refs/heads/mine");
      expect(await deliver(altered, { "x-hub-signature-256": signature })).to.deep.include({ status: 401, builds: 0 });
    });

    it("accepts its delivery after a forged one with the same id", async () => {
      const body = JSON.stringify(push);
      await deliver(body, {}, "another secret");
      expect(await deliver(body)).to.deep.include({ status: 200, builds: 1 });
    });

    it("answers 400 and builds nothing: no JSON, no push event, no event name, no delivery id", async () => {
      const body = JSON.stringify(push);
      expect(await deliver("{")).to.deep.include({ status: 400, builds: 0 });
      expect(await deliver("null")).to.deep.include({ status: 400, builds: 0 });
      expect(await deliver(JSON.stringify({ ...push, after: "main" }))).to.deep.include({ status: 400, builds: 0 });
      expect(await deliver(body, { "x-github-event": undefined })).to.deep.include({ status: 400, builds: 0 });
      expect(await deliver(body, { "x-github-delivery": undefined })).to.deep.include({ status: 400, builds: 0 });
    });

    it("builds nothing for another branch, a tag, a deleted branch and another event", async () => {
      for (const ref of ["refs/heads/main2", "refs/heads/x/main", "refs/tags/main", "refs/heads/mai"]) {
        delivery += 1;
        expect(await deliver(JSON.stringify({ ...push, ref })), ref).to.deep.include({ status: 200, builds: 0 });
      }
      const deleted = { ...push, deleted: true, after: "0".repeat(40) };
      delivery += 1;
      expect(await deliver(JSON.stringify(deleted))).to.deep.include({ status: 200, builds: 0 });
      delivery += 1;
      expect(await deliver(JSON.stringify(push), { "x-github-event": "ping" })).to.deep.include({
        status: 200,
        builds: 0,
      });
    });

    it("does not exist under another project's name, nor for a GET", async () => {
      expect((await fetch(stack.outputs.webhookUrl)).status).to.equal(404);
      expect((await fetch(`${stack.outputs.webhookUrl}x`, { method: "POST" })).status).to.equal(404);
    });
  });

  describe("a git push", () => {
    it("tells the pusher which build it started, and a branch that is not deployed that it started none", async () => {
      const { builds } = stack.cloud.codebuild;
      const before = builds.length;
      await git(
        clone,
        "commit",
        "--quiet",
        "--allow-empty",
        '--message=A commit\n\nwith a body, ünïcode and a "quote"',
      );
      const pushed = await gitOutput(clone, "push", "origin", "main", "main:other");
      expect(pushed).to.match(
        /remote: refs\/heads\/main: webhook delivered, 200: build \d+ of push-to-live-local_deploy started/,
      );
      expect(pushed).to.match(/remote: refs\/heads\/other: webhook delivered, 200: no build/);
      expect(builds.length - before).to.equal(1);
    });

    it("of a commit without a buildspec fails in DOWNLOAD_SOURCE and says what is missing", async () => {
      const build = stack.cloud.codebuild.builds.at(-1);
      expect(build && (await stack.cloud.codebuild.ended(build)).phases).to.deep.equal([
        { type: "DOWNLOAD_SOURCE", status: "FAILED", message: "YAML_FILE_ERROR: the repository has no buildspec.yml" },
      ]);
    });
  });
});

/** What git tells on its standard error, where a remote's messages are. */
async function gitOutput(cwd: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)("git", args, { cwd });
  return stdout + stderr;
}
