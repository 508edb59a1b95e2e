import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { verify } from "@octokit/webhooks-methods";
import { expect } from "chai";
import { configureIdentity } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen, readBody } from "../../aws/httpServer.ts";
import { git } from "../../github/git.ts";
import { GitHub } from "../../github/github.ts";

const secret = "It's a secret to everybody";

describe("local GitHub", () => {
  const temporary = temporaryDirectories();
  let hook: Listening;
  let receiver: Listening;
  let clone: string;
  let remote: string;
  let received: { headers: Record<string, unknown>; body: string }[];

  beforeEach(async () => {
    received = [];
    receiver = await listen(async (request, response) => {
      received.push({ headers: request.headers, body: (await readBody(request, 1e6)).toString() });
      response.end("thank you");
    });
    const directory = await temporary();
    const github = new GitHub(join(directory, "it's örtlich"));
    hook = await listen((request, response) => github.handle(request, response));
    remote = await github.createRepository("owner/name", "main", hook.url);
    github.addWebhook("https://github.com/owner/name.git", receiver.url, secret);
    clone = join(directory, "clone");
    await git(directory, "clone", "--quiet", remote, clone);
    await configureIdentity(clone);
    await git(clone, "checkout", "--quiet", "-B", "main");
  });

  afterEach(() => Promise.all([hook.close(), receiver.close()]));

  /** Commits, pushes and returns what git told the pusher. */
  async function push(message: string, ...args: string[]): Promise<string> {
    await git(clone, "commit", "--quiet", "--allow-empty", `--message=${message}`);
    const { stderr } = await promisify(execFile)("git", ["push", "origin", "main", ...args], { cwd: clone });
    return stderr;
  }

  it("delivers a push as a signed event with GitHub's headers", async () => {
    await push("First");
    expect(received).to.have.length(1);
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(headers).to.include({ "x-github-event": "push", "content-type": "application/json" });
    expect(headers["x-github-delivery"]).to.match(/^[0-9a-f-]{36}$/);
    expect(await verify(secret, body, String(headers["x-hub-signature-256"]))).to.equal(true);
    expect(await verify("another", body, String(headers["x-hub-signature-256"]))).to.equal(false);
  });

  it("describes the push: a new branch, new commits, a deleted branch", async () => {
    await push("First");
    const first = await git(clone, "rev-parse", "HEAD");
    await push('Second: ünïcode\n\n"body"');
    const second = await git(clone, "rev-parse", "HEAD");
    await git(clone, "push", "--quiet", "origin", "main:other");
    await git(clone, "push", "--quiet", "origin", ":other");
    const events = received.map(({ body }) => JSON.parse(body));
    const none = "0".repeat(40);
    expect(
      events.map(({ ref, before, after, created, deleted }) => ({ ref, before, after, created, deleted })),
    ).to.deep.equal([
      { ref: "refs/heads/main", before: none, after: first, created: true, deleted: false },
      { ref: "refs/heads/main", before: first, after: second, created: false, deleted: false },
      { ref: "refs/heads/other", before: none, after: second, created: true, deleted: false },
      { ref: "refs/heads/other", before: second, after: none, created: false, deleted: true },
    ]);
    expect(events[1].head_commit).to.deep.include({
      id: second,
      message: 'Second: ünïcode\n\n"body"',
      committer: { name: "A developer" },
    });
    expect(events[3].head_commit).to.equal(null);
    expect(events[1].repository.full_name).to.equal("owner/name");
  });

  it("tells the pusher how the webhook was answered", async () => {
    expect(await push("First")).to.contain("remote: refs/heads/main: webhook delivered, 200: thank you");
  });

  it("keeps the push when nothing receives the webhook, and says so", async () => {
    await receiver.close();
    expect(await push("First")).to.contain("remote: refs/heads/main: webhook not delivered");
    expect(await git(remote, "rev-parse", "main")).to.equal(await git(clone, "rev-parse", "HEAD"));
  });

  it("keeps the push when the local cloud is not running, and says what to do", async () => {
    await hook.close();
    expect(await push("First")).to.contain("remote: the local cloud is not running, so no build was started");
    expect(await git(remote, "rev-parse", "main")).to.equal(await git(clone, "rev-parse", "HEAD"));
  });

  it("takes no push from anyone who does not know the hook's token", async () => {
    const updates = [{ before: "0".repeat(40), after: "1".repeat(40), ref: "refs/heads/main" }];
    const body = JSON.stringify({ repository: "owner/name", updates });
    const forged = await fetch(hook.url, { method: "POST", headers: { authorization: "Bearer guess" }, body });
    expect([forged.status, received.length]).to.deep.equal([401, 0]);
  });
});
