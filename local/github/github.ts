import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { isForThisMachine, readBody } from "../aws/httpServer.ts";
import { deliverAll, type Webhook } from "./delivery.ts";
import {
  commentEvent,
  commentOf,
  noCommit,
  type PullRequest,
  type PullRequestAction,
  pullRequestEvent,
  pullRequestOf,
  pushEvent,
  type RefUpdate,
  type User,
  users,
} from "./events.ts";
import { git } from "./git.ts";
import { quoted } from "./shell.ts";

/** What the post-receive hook sends: the refs that a push has moved, and what the pusher gave with `git push -o`. */
const receivedSchema = z.strictObject({
  repository: z.string(),
  options: z.array(z.string()),
  updates: z.array(z.strictObject({ before: z.string(), after: z.string(), ref: z.string() })),
});

/** A commit's status under one name. @see https://docs.github.com/en/rest/commits/statuses */
export interface CommitStatus {
  readonly sha: string;
  readonly state: "pending" | "success" | "failure";
  readonly context: string;
  readonly description: string;
  readonly target_url: string | null;
}

const heads = "refs/heads/";

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
    const [status, answer] = await this.#answer(`${request.method} ${pathname}`, body, user);
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
      lines.push(...(await this.#updatePulls(repository, update, isFork, options.includes("pr"))));
    }
    return lines;
  }

  /** Opens, updates, merges or closes the pull requests that a push of a branch is about. */
  async #updatePulls(
    repository: Repository,
    { ref, after }: RefUpdate,
    isFork: boolean,
    opens: boolean,
  ): Promise<string[]> {
    const { path, branch: base, pulls } = repository;
    if (!ref.startsWith(heads)) {
      return [];
    }
    const branch = ref.slice(heads.length);
    const user = isFork ? users.contributor : users.owner;
    const fullName = isFork ? repository.fullName.replace(/^[^/]+/, user.login) : repository.fullName;
    const open = pulls.filter(({ state }) => state === "open");
    if (branch === base && !isFork) {
      const merged = opens ? [`no pull request: ${base} is what pull requests are merged into`] : [];
      for (const pull of open) {
        if (await isAncestor(path, pull.sha, after)) {
          Object.assign(pull, { state: "closed", merged: true });
          merged.push(...(await this.#tell(repository, "closed", pull, user)));
        }
      }
      return merged;
    }
    const pull = open.find(({ head }) => head.branch === branch && head.fullName === fullName);
    if (after === noCommit) {
      return pull ? this.#close(repository, pull, user) : [];
    }
    if (pull) {
      await this.#moveHead(repository, pull, after);
      return this.#tell(repository, "synchronize", pull, user);
    }
    if (!opens) {
      return isFork ? [`no pull request of ${fullName}'s ${branch} is open: add -o pr to open one`] : [];
    }
    const baseSha = await git(path, "rev-parse", "--verify", "--quiet", heads + base).catch(() => noCommit);
    if (baseSha === noCommit || (await isAncestor(path, after, baseSha))) {
      return [`no pull request: there is no commit in ${branch} that ${base} does not have`];
    }
    const opened: PullRequest = {
      number: pulls.length + 1,
      title: await git(path, "log", "--max-count=1", "--format=%s", after),
      user,
      head: { branch, fullName },
      sha: after,
      base: { branch: base, fullName: repository.fullName },
      baseSha,
      state: "open",
      merged: false,
    };
    pulls.push(opened);
    await this.#moveHead(repository, opened, after);
    return this.#tell(repository, "opened", opened, user);
  }

  /** GitHub keeps the head of each pull request, from a fork or not, as a ref of the repository. */
  async #moveHead({ path, branch }: Repository, pull: PullRequest, sha: string): Promise<void> {
    await git(path, "update-ref", `refs/pull/${pull.number}/head`, sha);
    pull.sha = sha;
    pull.baseSha = await git(path, "rev-parse", heads + branch);
  }

  #close(repository: Repository, pull: PullRequest, user: User): Promise<string[]> {
    pull.state = "closed";
    return this.#tell(repository, "closed", pull, user);
  }

  async #tell(repository: Repository, action: PullRequestAction, pull: PullRequest, user: User): Promise<string[]> {
    const lines = await deliverAll(repository.webhooks, "pull_request", pullRequestEvent(action, pull, user));
    const what = pull.merged ? "merged" : action === "synchronize" ? "updated" : action;
    return lines.map((line) => `pull request ${pull.number} ${what}: ${line}`);
  }

  /** The part of GitHub's REST API that there is here. @see https://docs.github.com/en/rest */
  async #answer(request: string, body: string, user: User): Promise<[status: number, body: unknown]> {
    const [, method, fullName = "", what, key = "", more = ""] =
      /^(\w+) \/repos\/([^/]+\/[^/]+)\/(issues|pulls|commits)\/(.+?)(\/comments|\/statuses)?$/.exec(request) ?? [];
    const repository = this.#repositories.get(fullName);
    const pull = repository?.pulls.find(({ number }) => String(number) === key);
    switch (`${method} ${what}${more}`) {
      case "GET commits/statuses": {
        const sha = repository && (await commitOf(repository.path, decodeURIComponent(key)));
        return sha ? [200, repository.statuses.filter((status) => status.sha === sha)] : notFound;
      }
      case "GET pulls":
        return pull ? [200, pullRequestOf(pull)] : notFound;
      case "PATCH pulls": {
        const change = z.strictObject({ state: z.enum(["open", "closed"]) }).safeParse(jsonOf(body));
        if (!repository || !pull) {
          return notFound;
        }
        if (user.role !== "admin") {
          return [403, { message: "Must have admin rights to Repository." }];
        }
        if (!change.success || pull.merged) {
          return [422, { message: 'the body must be {"state": "open"} or {"state": "closed"}, of what is not merged' }];
        }
        if (change.data.state !== pull.state) {
          pull.state = change.data.state;
          await this.#tell(repository, pull.state === "open" ? "reopened" : "closed", pull, user);
        }
        return [200, pullRequestOf(pull)];
      }
      case "POST issues/comments": {
        const comment = z.strictObject({ body: z.string().min(1) }).safeParse(jsonOf(body));
        if (!repository || !pull) {
          return notFound;
        }
        if (!comment.success) {
          return [422, { message: 'the body must be {"body": "<text>"}' }];
        }
        repository.comments += 1;
        const made = commentOf(repository.comments, comment.data.body, user);
        await deliverAll(repository.webhooks, "issue_comment", commentEvent(pull, made, user));
        return [201, made];
      }
      default:
        return [404, { message: `the local GitHub does not know ${request}; it knows ${knownRequests}` }];
    }
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

const knownRequests = [
  "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
  "GET /repos/{owner}/{repo}/pulls/{number}",
  "PATCH /repos/{owner}/{repo}/pulls/{number}",
  "POST /repos/{owner}/{repo}/issues/{number}/comments",
].join(", ");

const notFound: [status: number, body: unknown] = [404, { message: "Not Found" }];

interface Repository {
  readonly fullName: string;
  readonly path: string;
  /** The default branch. */
  readonly branch: string;
  webhooks: readonly Webhook[];
  /** Every pull request, in order of number. */
  readonly pulls: PullRequest[];
  /** Latest first. */
  readonly statuses: CommitStatus[];
  /** How many there are. */
  comments: number;
}

/** Whether `other` is `commit` or comes after it. */
async function isAncestor(path: string, commit: string, other: string): Promise<boolean> {
  return git(path, "merge-base", "--is-ancestor", commit, other).then(
    () => true,
    () => false,
  );
}

/** The commit of a branch or of an unambiguous beginning of a commit's name. */
async function commitOf(path: string, ref: string): Promise<string | undefined> {
  for (const name of [heads + ref, ...(/^[0-9a-f]{7,40}$/.test(ref) ? [ref] : [])]) {
    const sha = await git(path, "rev-parse", "--verify", "--quiet", `${name}^{commit}`).catch(() => "");
    if (sha) {
      return sha;
    }
  }
  return undefined;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
