import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { isForThisMachine, readBody } from "../aws/httpServer.ts";
import { deliverAll } from "./delivery.ts";
import { noCommit, pushEvent, type User, users } from "./events.ts";
import { git } from "./git.ts";
import { updatePulls } from "./pullRequests.ts";
import type { CommitStatus, Repository } from "./repository.ts";
import { answerApi } from "./restApi.ts";
import { quoted } from "./shell.ts";

/** What the post-receive hook sends: the refs that a push has moved, and what the pusher gave with `git push -o`. */
const receivedSchema = z.strictObject({
  repository: z.string(),
  options: z.array(z.string()),
  updates: z.array(z.strictObject({ before: z.string(), after: z.string(), ref: z.string() })),
});

/**
 * GitHub: bare repositories whose pushes and pull requests are delivered as signed webhooks, and the statuses of their commits. Emits
 * `status` with each status that is set.
 */
export class GitHub extends EventEmitter<{ status: [CommitStatus] }> {
  readonly #directory: string;
  readonly #hookToken = randomBytes(32).toString("hex");
  readonly #repositories = new Map<string, Repository>();
  /** What each user authenticates with, by login. */
  readonly tokens: Readonly<Record<string, string>> = {
    [users.owner.login]: randomBytes(20).toString("hex"),
    [users.contributor.login]: randomBytes(20).toString("hex"),
  };

  constructor(directory: string) {
    super();
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
    await git(path, "config", "receive.advertisePushOptions", "true");
    const hook = [process.execPath, join(import.meta.dirname, "postReceive.ts")].map(quoted).join(" ");
    await writeFile(join(path, "hooks", "post-receive"), `#!/bin/sh\nexec ${hook}\n`, { mode: 0o755 });
    // The hook reads its token from a file, so that it is in no process list.
    const settings = { url: hookUrl, token: this.#hookToken, repository: fullName };
    await writeFile(join(path, "hook.json"), JSON.stringify(settings), { mode: 0o600 });
    this.#repositories.set(fullName, { fullName, path, branch, webhooks: [], pulls: [], statuses: [], comments: 0 });
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

  /** Sets a commit's status; under each context the latest counts. */
  setStatus(cloneUrl: string, status: CommitStatus): void {
    this.#find(cloneUrl).statuses.unshift(status);
    this.emit("status", status);
  }

  /** The statuses of a commit, latest first. */
  statusesOf(cloneUrl: string, sha: string): readonly CommitStatus[] {
    return this.#find(cloneUrl).statuses.filter((status) => status.sha === sha);
  }

  /** What a user may do in the repositories here: `read`, like anybody in a public one, unless more is known. */
  roleOf(login: string): User["role"] {
    return Object.values<User>(users).find((user) => user.login === login)?.role ?? "read";
  }

  /** Answers a repository's post-receive hook and GitHub's API, as far as there is one here. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bearer = /^(?:Bearer|token) (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (isForThisMachine(request) && bearer === this.#hookToken) {
      const received = receivedSchema.parse(JSON.parse((await readBody(request, 1024 * 1024)).toString()));
      response.end((await this.#received(received)).map((line) => `${line}\n`).join(""));
      return;
    }
    const user = Object.values<User>(users).find(({ login }) => this.tokens[login] === bearer);
    if (!user || !isForThisMachine(request)) {
      response.writeHead(401).end("Bad credentials\n");
      return;
    }
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const body = (await readBody(request, 1024 * 1024)).toString();
    const [status, answer] = await answerApi(this.#repositories, `${request.method} ${pathname}`, body, user);
    response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(answer, undefined, 2)}\n`);
  }

  /** What a push has brought, as the lines that the pusher reads. */
  async #received({ repository: fullName, options, updates }: z.infer<typeof receivedSchema>): Promise<string[]> {
    const repository = this.#find(`https://github.com/${fullName}`);
    const unknown = options.filter((option) => option !== "pr" && option !== "fork");
    const lines = unknown.map((option) => `the local GitHub does not know -o ${option}; it knows -o pr and -o fork`);
    const isFork = options.includes("fork");
    for (const update of updates) {
      if (isFork) {
        // It went to the fork, whose branches are not this repository's.
        const before = update.before === noCommit ? ["-d", update.ref] : [update.ref, update.before];
        await git(repository.path, "update-ref", ...before);
      } else {
        const payload = await pushEvent(repository.path, fullName, update);
        lines.push(...(await deliverAll(repository.webhooks, "push", payload)).map((line) => `${update.ref}: ${line}`));
      }
      lines.push(...(await updatePulls(repository, update, isFork, options.includes("pr"))));
    }
    return lines;
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
