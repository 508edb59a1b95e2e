import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { sign } from "@octokit/webhooks-methods";
import { z } from "zod";
import { git } from "./git.ts";
import { isForThisMachine, readBody } from "./httpServer.ts";
import { quoted } from "./shell.ts";

/** What the post-receive hook sends: the refs that a push has moved. */
const receivedSchema = z.strictObject({
  repository: z.string(),
  updates: z.array(z.strictObject({ before: z.string(), after: z.string(), ref: z.string() })),
});

const noCommit = "0".repeat(40);
const deliveryTimeoutMs = 10_000;

/** GitHub: bare repositories whose pushes are delivered as signed webhooks. */
export class GitHub {
  readonly #directory: string;
  readonly #hookToken = randomBytes(32).toString("hex");
  readonly #repositories = new Map<string, Repository>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Creates `owner/name`, or takes up the repository that an earlier run left, and returns its path, which is the remote to push to.
   * @param hookUrl Where `handle` is served.
   */
  async createRepository(fullName: string, branch: string, hookUrl: string): Promise<string> {
    const path = join(this.#directory, `${fullName}.git`);
    await mkdir(join(path, "hooks"), { recursive: true });
    await git(path, "init", "--quiet", "--bare", `--initial-branch=${branch}`);
    // A hooksPath of the user's own configuration would keep the hook from running.
    await git(path, "config", "core.hooksPath", join(path, "hooks"));
    const hook = [process.execPath, join(import.meta.dirname, "githubHook.ts")].map(quoted).join(" ");
    await writeFile(join(path, "hooks", "post-receive"), `#!/bin/sh\nexec ${hook}\n`, { mode: 0o755 });
    // The hook reads its token from a file, so that it is in no process list.
    const settings = { url: hookUrl, token: this.#hookToken, repository: fullName };
    await writeFile(join(path, "hook.json"), JSON.stringify(settings), { mode: 0o600 });
    this.#repositories.set(fullName, { fullName, path, webhooks: [] });
    return path;
  }

  /** The path of the repository that CodeBuild knows by its HTTPS URL. */
  pathOf(cloneUrl: string): string {
    return this.#find(cloneUrl).path;
  }

  addWebhook(cloneUrl: string, url: string, secret: string): void {
    const repository = this.#find(cloneUrl);
    repository.webhooks = [...repository.webhooks, { url, secret }];
  }

  removeWebhook(cloneUrl: string, url: string): void {
    const repository = this.#find(cloneUrl);
    repository.webhooks = repository.webhooks.filter((webhook) => webhook.url !== url);
  }

  /** Answers a repository's post-receive hook with the lines that the pusher reads. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isForThisMachine(request) || request.headers.authorization !== `Bearer ${this.#hookToken}`) {
      response.writeHead(401).end("this is not the repository's hook\n");
      return;
    }
    const received = receivedSchema.parse(JSON.parse((await readBody(request, 1024 * 1024)).toString()));
    const repository = this.#find(`https://github.com/${received.repository}`);
    const lines: string[] = [];
    for (const update of received.updates) {
      const payload = JSON.stringify(await pushEvent(repository, update));
      for (const webhook of repository.webhooks) {
        lines.push(`${update.ref}: ${await deliver(webhook, "push", payload)}\n`);
      }
    }
    response.end(lines.join(""));
  }

  #find(cloneUrl: string): Repository {
    const fullName = new URL(cloneUrl).pathname.replace(/^\/|\.git$/g, "");
    const repository = this.#repositories.get(fullName);
    if (!repository) {
      throw new Error(`the local GitHub has no repository ${fullName}; it has ${[...this.#repositories.keys()]}`);
    }
    return repository;
  }
}

interface Repository {
  readonly fullName: string;
  readonly path: string;
  webhooks: readonly Webhook[];
}

interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/**
 * Posts a signed event, as GitHub does, and says how it was answered.
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
async function deliver(webhook: Webhook, event: string, payload: string): Promise<string> {
  try {
    const answer = await fetch(webhook.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/local",
        "x-github-delivery": randomUUID(),
        "x-github-event": event,
        "x-hub-signature-256": await sign(webhook.secret, payload),
      },
      body: payload,
      signal: AbortSignal.timeout(deliveryTimeoutMs),
    });
    return `webhook delivered, ${answer.status}: ${await answer.text()}`;
  } catch (error) {
    return `webhook not delivered: ${error}`;
  }
}

/** A `push` event, as far as a receiver here reads it. @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#push */
async function pushEvent(
  { path, fullName }: Repository,
  { before, after, ref }: { before: string; after: string; ref: string },
): Promise<object> {
  const deleted = after === noCommit;
  const head = deleted ? undefined : await git(path, "log", "--max-count=1", "--format=%H%x1f%cI%x1f%cn%x1f%B", after);
  const [id, timestamp, committer = "unknown", message] = head?.split("\x1f") ?? [];
  return {
    ref,
    before,
    after,
    created: before === noCommit,
    deleted,
    head_commit:
      head === undefined ? null : { id, timestamp, message: message?.trimEnd(), committer: { name: committer } },
    repository: { full_name: fullName, clone_url: `https://github.com/${fullName}.git` },
    pusher: { name: committer },
    sender: { login: committer, id: 1, type: "User" },
  };
}
