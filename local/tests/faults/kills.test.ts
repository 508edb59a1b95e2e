import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { configureIdentity, root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { application, zipAnswering } from "../release/releasing.ts";
import { eachCall, type ReleaseName, releases } from "./cases.ts";
import type { Call, Fault } from "./faultProxy.ts";
import { accessDenied, conflict, droppedAfterTheWork, internalError, throttling } from "./faults.ts";
import { bodies, type Commits, name, repaired, Scene, verdicts } from "./scene.ts";

const kills = Object.values(releases).reduce((sum, { calls }) => sum + 2 * calls.length, 0);

describe(`npm run release: killed in ${kills} cases, and among faults`, function () {
  this.timeout(600_000);
  const temporary = temporaryDirectories();
  let commits: Commits;
  let project: string;
  let cache: string;

  before(async () => {
    project = await temporary();
    cache = await temporary();
    await cp(join(root, "deploy"), join(project, "deploy"), { recursive: true });
    await cp(join(root, "package.json"), join(project, "package.json"));
    await symlink(join(root, "node_modules"), join(project, "node_modules"));
    await mkdir(join(project, "functions", name), { recursive: true });
    await writeFile(join(project, "functions", name, "handler.ts"), "");
    const smokeTest = { event: {}, response: { statusCode: 200 } };
    await writeFile(join(project, "functions", name, "smoke.json"), JSON.stringify(smokeTest));
    await mkdir(join(project, "dist"));
    await writeFile(join(project, "dist", `${name}.zip`), zipAnswering(bodies[1]));
    await git(project, "init", "--quiet");
    await configureIdentity(project);
    const made: string[] = [];
    for (const message of bodies) {
      await git(project, "commit", "--quiet", "--allow-empty", `--message=${message}`);
      made.push(await git(project, "rev-parse", "HEAD"));
    }
    commits = made as unknown as Commits;
  });

  /** Runs the command, with something done to a call of it; then the next release. */
  async function run(releaseName: ReleaseName, faultOf: (call: Call, command: ChildProcess) => Fault | undefined) {
    const scene = await Scene.start(await temporary(), { commits });
    await releases[releaseName].prepare(scene);
    const proxy = await scene.startProxy((call) => faultOf(call, command));
    const command = spawn(process.execPath, ["deploy/release.ts"], {
      cwd: project,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: cache,
        AWS_ENDPOINT_URL: proxy.url,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        CODEDEPLOY_APPLICATION: application,
        CODEBUILD_RESOLVED_SOURCE_VERSION: commits[1],
      },
    });
    const endRequests = scene.requests();
    let output = "";
    for (const stream of [command.stdout, command.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    const [exitCode, signal] = await once(command, "close");
    const aftermath = await scene.aftermath(endRequests);
    await proxy.close();
    await scene.close();
    const places = [...new Set(proxy.calls.map(({ place }) => place))];
    const line = output.trimEnd().split("\n").at(-1);
    return { exitCode, signal, output, line, aftermath, places };
  }

  for (const releaseName of Object.keys(releases) as ReleaseName[]) {
    const { calls } = releases[releaseName];

    it(`${releaseName}: it makes these calls, and says in the end what is live`, async () => {
      const { exitCode, line, aftermath, places } = await run(releaseName, () => undefined);
      expect(places.slice(0, calls.length)).to.deep.equal(calls.map(([place]) => place));
      expect(line).to.match(verdicts.released.line);
      expect(exitCode).to.equal(0);
      expect(aftermath).to.deep.equal(repaired);
    });

    for (const when of ["before", "after"] as const) {
      it(`${releaseName}: killed ${when} each of ${calls.length} calls`, () =>
        eachCall(calls, async (killed) => {
          const kill =
            (command: ChildProcess): Fault =>
            async ({ work }) => {
              if (when === "after") {
                await work();
              }
              command.kill("SIGKILL");
            };
          const { signal, aftermath, output } = await run(releaseName, ({ place }, command) =>
            place === killed ? kill(command) : undefined,
          );
          expect(signal, output).to.equal("SIGKILL");
          expect(aftermath, output).to.deep.equal(repaired);
        }));
    }
  }

  for (const [trouble, place, howLong, verdict] of [
    [throttling, "UpdateFunctionCode after UpdateAlias", "once", "released"],
    [droppedAfterTheWork, "PublishVersion after UpdateFunctionCode", "once", "released"],
    [droppedAfterTheWork, "CreateDeployment after DescribeAlarms", "once", "released"],
    [conflict, "PublishVersion after UpdateFunctionCode", "once", "released"],
    [accessDenied, "DeleteAlarms after DescribeAlarms", "for good", "released"],
    [accessDenied, "GetAlias after the start", "for good", "notBegun"],
    [accessDenied, "CreateDeployment after DescribeAlarms", "for good", "notReleased"],
    [internalError, "GetDeployment after PutMetricAlarm", "for good", "notReleased"],
  ] as const) {
    it(`${trouble.name} ${howLong} at ${place}: ${verdicts[verdict].exitCode}, ${verdicts[verdict].line.source}`, async () => {
      let first: Call | undefined;
      const { exitCode, line, output, aftermath } = await run("a release", (call) => {
        if (!first && call.place === place) {
          first = call;
          return trouble.faultOf(call);
        }
        return howLong === "for good" && call.operation === first?.operation ? trouble.faultOf(call) : undefined;
      });
      expect(line, output).to.match(verdicts[verdict].line);
      expect(exitCode).to.equal(verdicts[verdict].exitCode);
      expect(aftermath).to.deep.equal(repaired);
    });
  }
});
