import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { writeFiles } from "../../../sample/files.ts";
import { running } from "../../../sample/processes.ts";
import { addFunction, copyProject, type Ended, git, runFile } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";

describe("npm run rehearse with a team's own functions", function () {
  this.timeout(240_000);
  const temporary = temporaryDirectories();
  let project: string;

  beforeEach(async () => {
    project = join(await temporary(), "project");
    await copyProject(project);
  });

  async function edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(project, file);
    const text = await readFile(path, "utf8");
    const changed = change(text);
    expect(changed, file).to.not.equal(text);
    await writeFile(path, changed);
  }

  /** Adds settings of the stack on the local cloud. */
  async function set(settings: string): Promise<void> {
    await edit("Pulumi.local.yaml", (text) =>
      text.replace(/^ {2}releaseStrategy: .*\n/m, "").replace("config:\n", `config:\n${settings}`),
    );
  }

  /** Runs the rehearsal, and holds that it leaves nothing, in the checkout neither. */
  async function rehearse(): Promise<Ended> {
    await git(project, "add", "--all");
    await git(project, "commit", "--quiet", "--message=The team's");
    const TMPDIR = await temporary();
    const env = { ...process.env, TMPDIR, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
    const ended = await runFile("local/rehearse.ts", [], { cwd: project, env });
    expect({ left: await readdir(TMPDIR), processes: running(TMPDIR) }).to.deep.equal({ left: [], processes: [] });
    expect(await git(project, "status", "--porcelain", "--ignored")).to.equal("!! node_modules");
    return ended;
  }

  it("takes the gradual one of two functions, behind a protected route, of a renamed project and another branch", async () => {
    await addFunction(project, "audit");
    await rename(join(project, "functions/hello-user"), join(project, "functions/orders"));
    await rename(join(project, "tests/functions/hello-user.test.ts"), join(project, "tests/functions/orders.test.ts"));
    await edit("tests/functions/orders.test.ts", (text) => text.replace("hello-user/", "orders/"));
    await edit("index.ts", (text) => text.replaceAll("hello-user", "orders").replace("/hello_user", "/orders"));
    await rm(join(project, "sample"), { recursive: true });
    await edit("Pulumi.yaml", (text) => text.replace(/^name: .*$/m, "name: shop"));
    await set(`  branch: release/1.x
  jwtIssuer: https://login.example.com
  jwtAudience: ["shop"]
  functions:
    orders: { releaseStrategy: linear50PercentEvery1Minute }
`);
    const { code, output } = await rehearse();
    expect(code, output).to.equal(0);
    expect(output.split("\n")[0]).to.equal(
      "Rehearsing this project's own pipeline, as there is no sample/functions/hello-user/handler.ts: with functions/orders, of 2 functions (audit, orders), because linear50PercentEvery1Minute moves its traffic bit by bit, and GET /orders answers as its smoke test says.",
    );
    expect(output.match(/^\d\. .*$/gm)).to.deep.equal([
      "1. The stack exists",
      "2. A red test keeps the old code live",
      "3. A change goes live by linear50PercentEvery1Minute",
      "4. A release passes its tests and its smoke test, and fails in production",
      "5. One command rolls back",
      "6. Requests flowed all the while",
    ]);
    expect(output)
      .to.contain("✔ functions whose live version answers as their smoke.json says: 2 of 2")
      .and.contain("✔ GET /orders without a token: 401")
      .and.match(/✔ failing tests: GET \/hello_user greets nobody in particular without a user; .* and \d+ more/)
      .and.contain("✔ percent of the traffic: [50,100]")
      .and.match(/✔ verdict: Rolled back: commit \w{40}\. Live: orders version 2/)
      .and.match(/All 6 steps held, in \d+\.\d s\.\n$/)
      .and.not.contain("✖");
  });

  it("invokes a function that no route can be asked for; what no test notices, and a bad release all at once, its smoke test stops", async () => {
    await writeFiles(project, {
      "functions/hello-user/handler.ts": `interface Schedule {
  readonly source?: string;
}

export default class Worker {}

export const handler = async ({ source }: Schedule) => source === "schedule" ? { done: 3 } : { statusCode: 404 };
`,
      "functions/hello-user/smoke.json": JSON.stringify({ event: { source: "schedule" }, response: { done: 3 } }),
      "tests/functions/hello-user.test.ts": 'it("notices nothing", () => {});\n',
    });
    await set("  releaseStrategy: allAtOnce\n");
    const { code, output } = await rehearse();
    expect(code, output).to.equal(0);
    expect(output.split("\n")[0]).to.equal(
      "Rehearsing this project's own pipeline, as functions/hello-user/handler.ts is not the sample's: with functions/hello-user, the only function, because no function's traffic is moved bit by bit; it is invoked on its alias, as GET /hello_user answers its smoke test's event with 404 instead of 200.",
    );
    expect(output)
      .to.contain("No test noticed")
      .and.contain("4. A release passes its tests, and fails in Lambda")
      .and.contain("All 6 steps held")
      .and.not.contain("✖");
    expect(output.match(/✔ verdict: Not released: commit \w{40}\. Live: hello-user version \d/g)).to.have.length(2);
  });

  for (const [what, inBuildspec, step, told] of [
    ["a build that runs no tests", /npm test .*/, 2, '✖ failed phase: ["POST_BUILD"], expected ["PRE_BUILD"]'],
    ["a build that releases nothing", /if .*release\.ts.*/, 3, "✖ commit that is live: , expected "],
  ] as const) {
    it(`does not hold ${what}`, async () => {
      for (const file of ["functions/hello-user/handler.ts", "tests/functions/hello-user.test.ts"]) {
        await edit(file, (text) => text.replaceAll("Hello ", "Good day, "));
      }
      await edit("buildspec.yml", (text) => text.replace(inBuildspec, "echo left out"));
      const { code, output } = await rehearse();
      expect(code, output).to.equal(1);
      expect(output).to.contain(told).and.contain(`Step ${step} of 6 did not hold.`).and.contain("The log of build ");
    });
  }

  it("ends after the first step without a function", async () => {
    await edit("index.ts", (text) =>
      text.replace(/export const functionNames = .*;/, "export const functionNames = {};"),
    );
    await edit("functions/hello-user/smoke.json", (text) => `${text}\n`);
    const { code, output } = await rehearse();
    expect(code, output).to.equal(0);
    expect(output).to.match(
      /^Rehearsing this project's own pipeline, as functions\/hello-user\/smoke\.json is not the sample's\.\n/,
    );
    expect(output).to.match(/^The stack has no functions: there is nothing to release, and the story ends here\.\n$/m);
  });
});
