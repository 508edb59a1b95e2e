import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { git } from "../../github/git.ts";

/** The resources of the program with one function: the stack, its components and what AWS has. */
export const resourceCount = 42;

/** Where the pulumi command line runs, and on which stack. */
export interface Target {
  /** A copy of the project with a git history, whose stack's configuration is committed. */
  readonly project: string;
  readonly stack: string;
  /** The program and its first arguments that run the CLI, e.g. `["npx", "--no", "pulumi"]`. */
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the CLI; a command that fails rejects with what it printed. */
export async function pulumi(target: Target, ...args: string[]): Promise<string> {
  const [file, ...first] = target.command;
  const stack = args.includes("--stack") ? [] : ["--stack", target.stack];
  try {
    const { stdout } = await promisify(execFile)(file, [...first, ...args, ...stack, "--non-interactive"], {
      cwd: target.project,
      env: target.env ?? process.env,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`pulumi ${args.join(" ")}\n${stdout}${stderr}`);
  }
}

/** The counts at the end of an operation, e.g. `["42 to create"]`. */
export function counts(output: string): string[] {
  const [lines = ""] =
    output
      .split(/^Resources:$/m)
      .at(-1)
      ?.split("\n\n") ?? [];
  return lines
    .split("\n")
    .map((line) => line.replace(/^[\s+~-]+/, "").replace(/^\d+ changes\. /, ""))
    .filter(Boolean);
}

/** The stack's outputs. */
export async function outputsOf(target: Target): Promise<{ apiUrl: string; functionNames: Record<string, string> }> {
  return JSON.parse(await pulumi(target, "stack", "output", "--json"));
}

/** What the stack's API answers to a GET: the status and the body. */
export async function get(target: Target, path: string): Promise<string> {
  const { apiUrl } = await outputsOf(target);
  const response = await fetch(apiUrl + path);
  return `${response.status} ${await response.text()}`;
}

/** How long AWS may take until what was created answers everywhere, and what was deleted nowhere: some seconds, it says, and no number. */
const patienceMs = 60_000;

/** The first answer that is `expected`, or the last one when the patience is over. */
async function eventually(ask: () => Promise<string>, expected: RegExp): Promise<string> {
  const began = Date.now();
  for (;;) {
    const answer = await ask().catch((error: Error) => error.message);
    if (expected.test(answer) || Date.now() - began > patienceMs) {
      return answer;
    }
    await delay(1000);
  }
}

/** What `pulumi up` does to a stack that does not exist yet, and to one that does: on any cloud the same. */
export function createsAndChanges(target: () => Target): void {
  const run = (...args: string[]): Promise<string> => pulumi(target(), ...args);
  const configFile = (): string => `Pulumi.${target().stack}.yaml`;

  it("previews the whole stack before anything exists", async () => {
    expect(counts(await run("preview"))).to.deep.equal([`${resourceCount} to create`]);
  });

  it("creates the stack, whose API answers", async () => {
    expect(counts(await run("up", "--yes"))).to.deep.equal([`${resourceCount} created`]);
    expect(await eventually(() => get(target(), "/hello_user"), /^200 /)).to.equal('200 {"message":"hello user"}');
  });

  it("finds nothing to do a second time, and leaves the checkout as it was", async () => {
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} unchanged`]);
    expect(await git(target().project, "status", "--porcelain")).to.equal("");
  });

  it("finds nothing to do after a refresh", async () => {
    expect(counts(await run("refresh", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} unchanged`]);
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} unchanged`]);
  });

  it("sees no difference in a changed handler: code belongs to the pipeline", async () => {
    const file = join(target().project, "functions/hello-user/handler.ts");
    const before = await readFile(file, "utf8");
    await writeFile(file, before.replace("hello user", "hello world"));
    const previewed = counts(await run("preview"));
    await writeFile(file, before);
    expect(previewed).to.deep.equal([`${resourceCount} unchanged`]);
  });

  it("shows what a changed setting would do, and up does it without replacing anything", async () => {
    await run("config", "set", "logRetentionDays", "90");
    const diff = await run("preview", "--diff");
    expect(diff.match(/~ retentionInDays: 30 => 90/g)).to.have.length(4);
    expect(counts(diff).join()).to.not.match(/replace|create|delete/);
    const updated = ["4 updated", `${resourceCount - 4} unchanged`];
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal(updated);
    await git(target().project, "checkout", "--quiet", configFile());
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal(updated);
  });

  it("refuses a setting that is not usable, and names it, before it registers anything", async () => {
    await run("config", "set", "logRetentionDays", "31");
    const refusal = await run("preview").catch((error: Error) => error.message);
    await git(target().project, "checkout", "--quiet", configFile());
    expect(refusal).to.contain('push-to-live:logRetentionDays is "31": it must be one of 1, 3, 5');
    expect(refusal).to.not.match(/aws:(?!region)/);
  });

  it("refuses to destroy what is protected, and deletes nothing, until the protection is taken back", async () => {
    await run("config", "set", "protect", "true");
    await run("up", "--yes", "--skip-preview");
    const refusal = await run("destroy", "--yes").catch((error: Error) => error.message);
    expect(refusal).to.contain("protected");
    expect(await get(target(), "/hello_user")).to.contain("200 ");
    await git(target().project, "checkout", "--quiet", configFile());
    expect(counts(await run("up", "--yes", "--skip-preview"))).to.deep.equal([`${resourceCount} unchanged`]);
  });
}

/** What `pulumi destroy` leaves: nothing that answers, and an empty stack. */
export function destroys(target: () => Target): void {
  it("destroys all that it created, and the API no longer answers", async () => {
    const { apiUrl } = await outputsOf(target());
    expect(counts(await pulumi(target(), "destroy", "--yes", "--skip-preview"))).to.deep.equal([
      `${resourceCount} deleted`,
    ]);
    const { deployment } = JSON.parse(await pulumi(target(), "stack", "export"));
    expect(deployment.resources ?? []).to.deep.equal([]);
    const answer = (): Promise<string> =>
      fetch(`${apiUrl}/hello_user`).then(
        ({ status }) => `${status}`,
        () => "no answer",
      );
    expect(await eventually(answer, /^(403|404|no answer)$/)).to.be.oneOf(["403", "404", "no answer"]);
  });
}
