import { expect } from "chai";
import { atMost } from "../../../deploy/atMost.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { callsOfMakingWay, callsOfRelease, type Part } from "./calls.ts";
import type { Call } from "./faultProxy.ts";
import { droppedAfterTheWork, noAnswer, type Trouble } from "./faults.ts";
import { clientsOf, destroy, functionName, repaired, Scene, verdicts } from "./scene.ts";

/** The releases whose calls go wrong: what the function was before, and their calls. */
export const releases = {
  "a release": {
    prepare: async (scene: Scene) => scene.leave(),
    calls: callsOfRelease,
  },
  "a release that stops an older one": {
    prepare: (scene: Scene) => scene.deployOlder(),
    calls: callsOfMakingWay,
  },
} as const;

export type ReleaseName = keyof typeof releases;

const casesAtOnce = 8;

/** Has each trouble happen to each call of each release, in a local cloud of its own each time. */
export function describeTroubles(what: string, howLong: HowLong, troubles: readonly Trouble[]): void {
  const all = Object.values(releases).reduce((sum, { calls }) => sum + calls.length * troubles.length, 0);
  describe(`deploy/release: ${what}: ${all} cases`, function () {
    this.timeout(600_000);
    const temporary = temporaryDirectories();
    for (const [releaseName, { calls }] of Object.entries(releases)) {
      for (const trouble of troubles) {
        it(`${releaseName}: ${trouble.name}, ${howLong}, at each of ${calls.length} calls`, () =>
          eachCall(calls, async (place) =>
            play(await Scene.start(await temporary()), releaseName as ReleaseName, place, trouble, howLong),
          ));
      }
    }
  });
}

/** `for good`: all later calls of the operation have the trouble as well. */
export type HowLong = "for good" | "once";

/** Does something for each call, several at once; fails with all that failed. */
export async function eachCall(
  calls: (typeof releases)[ReleaseName]["calls"],
  work: (place: string) => Promise<void>,
): Promise<void> {
  const limit = atMost(casesAtOnce);
  const problems: string[] = [];
  await Promise.all(
    calls.map(([place]) =>
      limit(() =>
        work(place).catch((error: Error) => {
          problems.push(`${place}: ${error.stack}`);
        }),
      ),
    ),
  );
  expect(problems.join("\n\n")).to.equal("");
}

async function play(
  scene: Scene,
  releaseName: ReleaseName,
  place: string,
  trouble: Trouble,
  howLong: HowLong,
): Promise<void> {
  await releases[releaseName].prepare(scene);
  const hit: Call[] = [];
  const proxy = await scene.startProxy((call) => {
    const isHit =
      hit.length === 0 ? call.place === place : howLong === "for good" && call.operation === hit[0]?.operation;
    if (!isHit) {
      return undefined;
    }
    hit.push(call);
    return trouble.faultOf(call);
  });
  const clients = clientsOf(proxy.url, trouble === noAnswer);
  const endRequests = scene.requests();
  const { exitCode, line, told } = await scene.release(1, clients);
  const live = scene.cloud.lambda.getAlias(functionName, "live").FunctionVersion;
  const aftermath = await scene.aftermath(endRequests);
  destroy(clients);
  await proxy.close();
  await scene.close();

  const all = `it told:\n${told.join("\n")}\n${line}\n`;
  const parts = new Map(releases[releaseName].calls);
  const wanted = hit.map((call) => verdictOf(parts.get(call.place), call, trouble, howLong));
  const expected = verdicts[wanted.find((each) => each !== "released") ?? "released"];
  expect(hit, `the call was made; ${all}`).to.not.have.lengthOf(0);
  expect(exitCode, all).to.equal(expected.exitCode);
  expect(line).to.match(expected.line);
  const [, commit, version] = expected.line.exec(line) ?? [];
  if (version !== undefined) {
    expect(commit).to.equal(scene.commits[1]);
    // While a deployment goes on, live may move once more after the line was written.
    expect(version).to.be.oneOf(exitCode === 0 ? [live] : [live, "10", "unknown"]);
  }
  expect(aftermath, all).to.deep.equal(repaired);
}

/** What a call that goes wrong makes of its release. This is the rule that docs/releases.md states. */
function verdictOf(
  part: Part | undefined,
  { operation }: Call,
  trouble: Trouble,
  howLong: HowLong,
): keyof typeof verdicts {
  const { kind } = trouble;
  const isTriedAgain = kind === "passing" && howLong === "once";
  const isCreation = operation === "CreateDeployment";
  // A deployment that was started is found, even where no try was answered, and so is one that was stopped.
  const isFound = (isCreation || operation === "StopDeployment") && trouble === droppedAfterTheWork;
  const isLookedAtAgain = part === "watch" && howLong === "once";
  if (part === "tidying" || isTriedAgain || isFound || isLookedAtAgain) {
    return "released";
  }
  if (howLong === "once" && (kind === "conflict" || (kind === "limit" && isCreation))) {
    if (part === "step" || part === "end") {
      return part === "step" ? "released" : "unchanged";
    }
  }
  return part === "first" ? "notBegun" : "notReleased";
}
