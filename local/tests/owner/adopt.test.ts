import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { checkout, configureIdentity, copyProject, shell } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";

/** A repository with pnpm, vitest and its code in `src/`, as it is before. */
const files = {
  "package.json": JSON.stringify({
    name: "shop",
    private: true,
    type: "module",
    dependencies: { ms: "2.1.3" },
    devDependencies: { typescript: "6.0.3", vitest: "4.0.8" },
  }),
  ".gitignore": "node_modules\n",
  "src/orders/index.ts": `import ms from "ms";

export async function listOrders() {
  const headers = { "cache-control": \`max-age=\${ms("1 minute") / 1000}\` };
  return { statusCode: 200, headers, body: JSON.stringify({ orders: [] }) };
}
`,
  "test/orders.test.ts": `import { expect, it } from "vitest";
import { listOrders } from "../src/orders/index";

it("lists no orders", async () => {
  expect(JSON.parse((await listOrders()).body)).toEqual({ orders: [] });
});
`,
};

describe("docs/adopt.md", function () {
  this.timeout(600_000);
  const temporary = temporaryDirectories();
  let directory: string;
  let app: string;
  let page: string;

  before(async () => {
    directory = await temporary();
    app = join(directory, "app");
    page = await readFile(join(checkout, "docs/adopt.md"), "utf8");
    await copyProject(join(directory, "pipeline"));
    await mkdir(app);
    await write(files);
    await git(app, "init", "--quiet", "--initial-branch=main");
    await configureIdentity(app);
    await run("npx --yes pnpm@10 install");
    await commit("Our shop");
  });

  async function write(texts: Readonly<Record<string, string>>): Promise<void> {
    for (const [file, text] of Object.entries(texts)) {
      await mkdir(dirname(join(app, file)), { recursive: true });
      await writeFile(join(app, file), text);
    }
  }

  async function run(command: string): Promise<void> {
    const { code, output } = await shell(app, command, { PIPELINE: join(directory, "pipeline") });
    expect(code, `${command}\n${output}`).to.equal(0);
  }

  async function commit(message: string): Promise<void> {
    await git(app, "add", "--all");
    await git(app, "commit", "--quiet", `--message=${message}`);
  }

  /** What a block of the page says: the first one of its language, or the one that a comment says is a file. */
  function block(language: string, file?: string): string {
    const first = file === undefined ? "" : `(?:#|//) ${file}\n`;
    const [, text] = new RegExp(`^\`\`\`${language}\n${first}([\\s\\S]*?)^\`\`\`$`, "m").exec(page) ?? [];
    if (text === undefined) {
      throw new Error(`docs/adopt.md has no block for ${file ?? language}`);
    }
    return text;
  }

  it("takes such a repository to an answer of the local API, and a push of its own code to the next", async () => {
    await run(block("sh"));
    const index = await readFile(join(app, "index.ts"), "utf8");
    const pullRequests = 'config:\n  pullRequests: "false"\n';
    await write({
      "functions/orders/handler.ts": block("ts", "functions/orders/handler.ts"),
      "functions/orders/smoke.json": block("json", "functions/orders/smoke.json"),
      "buildspec.yml": block("yaml", "buildspec.yml"),
      "index.ts": index.replace(/^const helloUser[\s\S]*?^api\.route.*\n/m, block("ts", "index.ts")),
      "Pulumi.yaml": (await readFile(join(app, "Pulumi.yaml"), "utf8")).replace(/^name: .*/m, "name: shop"),
      "Pulumi.local.yaml": (await readFile(join(app, "Pulumi.local.yaml"), "utf8")).replace("config:\n", pullRequests),
    });
    await commit("The pipeline");
    const [, command = ""] = /^npx --yes pnpm@10 exec (node local\/start\.ts)/m.exec(page) ?? [];
    const cloud = spawn("npx", ["--yes", "pnpm@10", "exec", ...command.split(" "), "--json", "--port", "0"], {
      cwd: app,
      env: { ...process.env, XDG_CACHE_HOME: join(directory, "cache") },
      detached: true,
    });
    try {
      let told = "";
      cloud.stderr.on("data", (chunk) => {
        told += chunk;
      });
      const ended = once(cloud, "exit").then(() => {
        throw new Error(`it has ended: ${told}`);
      });
      const line = once(createInterface({ input: cloud.stdout }), "line");
      const [endpoints] = await Promise.race([line, ended]);
      ended.catch(() => {});
      const { api, git: remote } = JSON.parse(endpoints);
      const answer = async (): Promise<string> => {
        const response = await fetch(`${api}/orders`);
        return `${response.headers.get("cache-control")} ${await response.text()}`;
      };
      expect(await answer()).to.equal('max-age=60 {"orders":[]}');
      await write({ "src/orders/index.ts": files["src/orders/index.ts"].replace("1 minute", "2 minutes") });
      await commit("Keep answers longer");
      await git(app, "push", "--quiet", remote, "HEAD:main");
      while (!/build 1: (SUCCEEDED|FAILED)/.test(told)) {
        await once(cloud.stderr, "data");
      }
      expect(await answer(), told).to.equal('max-age=120 {"orders":[]}');
      const rehearsal = await shell(app, "npx --yes pnpm@10 exec node local/rehearse.ts");
      expect(rehearsal.code, rehearsal.output).to.equal(0);
      expect(rehearsal.output).to.match(/^Rehearsing this project's own pipeline/m);
    } finally {
      if (cloud.exitCode === null && cloud.pid !== undefined) {
        process.kill(-cloud.pid, "SIGINT");
        await once(cloud, "exit");
      }
    }
  });
});
