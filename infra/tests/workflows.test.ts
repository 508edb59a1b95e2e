import { glob, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { checkout } from "../../sample/project.ts";

const folder = join(checkout, ".github/workflows");

interface Job {
  readonly if?: string;
  readonly permissions: Record<string, string>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Record<string, unknown> }[];
}

interface Workflow {
  readonly on: Record<string, unknown>;
  readonly permissions: object;
  readonly concurrency: object;
  readonly jobs: Record<string, Job>;
}

async function workflow(file: string): Promise<Workflow> {
  return parse(await readFile(join(folder, file), "utf8"));
}

describe("the workflows", () => {
  it("pin each action to a commit, with its version beside it, and give no permission but to a job", async () => {
    const files = await readdir(folder);
    expect(files).to.have.members(["preview.yml", "verify.yml"]);
    for (const file of files) {
      const uses = (await readFile(join(folder, file), "utf8")).match(/^.*\buses:.*$/gm) ?? [];
      expect(uses.length).to.be.greaterThan(1);
      expect(uses.filter((line) => !/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).to.deep.equal(
        [],
      );
      expect((await workflow(file)).permissions).to.deep.equal({});
    }
  });

  it("preview a pull request of this repository only, with a token for AWS and one comment", async () => {
    const { on, jobs, concurrency } = await workflow("preview.yml");
    expect(on).to.have.all.keys("pull_request");
    expect(concurrency).to.deep.equal({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's expression
      group: "preview-${{ github.event.pull_request.number }}",
      "cancel-in-progress": true,
    });
    expect(jobs).to.have.all.keys("preview");
    expect(jobs.preview?.if).to.match(/^github\.event\.pull_request\.head\.repo\.full_name == github\.repository && /);
    expect(jobs.preview?.permissions).to.deep.equal({
      contents: "read",
      "id-token": "write",
      "pull-requests": "write",
    });
    const { devDependencies } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8"));
    const step = jobs.preview?.steps.find(({ uses }) => uses?.startsWith("pulumi/actions@"));
    expect(step?.with).to.include({
      command: "preview",
      "pulumi-version": devDependencies.pulumi,
      "comment-on-pr": true,
      "edit-pr-comment": true,
    });
  });

  it("run types, tests and the bundle, with the right to read the code and no other", async () => {
    const { on, jobs } = await workflow("verify.yml");
    expect(on).to.have.all.keys("pull_request", "push");
    const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    expect(commands).to.include.members([
      "npm run typecheck",
      "npm run test:team",
      "npm run bundle",
      "npm ci && npm test",
    ]);
    for (const { permissions } of Object.values(jobs)) {
      expect(permissions).to.deep.equal({ contents: "read" });
    }
  });
});

describe("Dependabot", () => {
  it("looks at every place that names versions", async () => {
    const { updates } = parse(await readFile(join(checkout, ".github/dependabot.yml"), "utf8"));
    const places = updates.flatMap(
      (update: { "package-ecosystem": string; directory?: string; directories?: string[] }) =>
        (update.directories ?? [update.directory]).map((directory) => `${update["package-ecosystem"]} ${directory}`),
    );
    const modules: string[] = [];
    for await (const file of glob("*{,/*}/go.mod", { cwd: join(checkout, ".ci") })) {
      modules.push(`gomod /.ci/${dirname(file)}`);
    }
    expect(modules).to.have.length(3);
    expect(places).to.have.members(["npm /", "github-actions /", ...modules]);
  });
});
