import { around, changeHandler } from "./changedHandler.ts";
import type { ChosenFunction, StackFunction } from "./chosenFunction.ts";
import { type Built, push, run } from "./developer.ts";
import {
  bundledHere,
  type Claim,
  failedTests,
  live,
  liveCode,
  logOf,
  phases,
  type Scene,
  type Step,
  verdictIn,
  versions,
} from "./scene.ts";
import { wrongAnswer } from "./smokeTest.ts";
import { isGradual } from "./strategy.ts";

/**
 * The story of a team's own pipeline, with one of their functions.
 *
 * @param functions All of the stack's.
 */
export function teamStory(chosen: ChosenFunction, functions: readonly StackFunction[]): readonly Step[] {
  return [
    theStackExists(functions, chosen),
    aRedTest(chosen),
    aChange(chosen),
    isGradual(chosen.strategy) ? aBadRelease(chosen) : aBadReleaseAllAtOnce(chosen),
    aRollback(chosen),
    requestsAllTheWhile(chosen),
  ];
}

/**
 * What a stack begins with.
 *
 * @param chosen Left out where there is no function to choose.
 */
export function theStackExists(functions: readonly StackFunction[], chosen?: ChosenFunction): Step {
  return {
    title: "The stack exists",
    run: async ({ lambda, stack }) => {
      const wrong = await eachAtMost(functionsAtOnce, functions, async ({ folder, functionName, smokeTest }) => {
        const actual = await wrongAnswer(lambda, functionName, smokeTest);
        return actual === undefined ? [] : [{ what: folder, actual, expected: "what its smoke.json says" }];
      });
      const claims = wrong.flat();
      const all = `${functions.length} of ${functions.length}`;
      const right = `${functions.length - claims.length} of ${functions.length}`;
      return [
        ...(functions.length > 0 ? [{ what: answering, actual: right, expected: all }] : []),
        ...claims,
        ...(chosen
          ? [{ what: chosen.asked, actual: await chosen.asking.ask(), expected: chosen.asking.expected }]
          : []),
        ...(chosen?.asking.withoutToken
          ? [{ what: `${chosen.asked} without a token`, actual: await chosen.asking.withoutToken(), expected: 401 }]
          : []),
        { what: "builds", actual: stack.cloud.codebuild.builds.length, expected: 0 },
      ];
    },
  };
}

function aRedTest(chosen: ChosenFunction): Step {
  const { folder } = chosen;
  return {
    title: "A red test keeps the old code live",
    run: async (scene) => {
      const before = { live: await live(scene), versions: await versions(scene) };
      const changes = await changeHandler(scene.copy, folder, around.failure);
      const { build, commit } = await push(scene, `Break functions/${folder}`, changes);
      const failed = failedTests(build);
      const isUnnoticed =
        build.tests.length > 0 && failed.length === 0 && !phases(build, "FAILED").includes("PRE_BUILD");
      if (isUnnoticed) {
        scene.say(`No test noticed: the handler of functions/${folder} throws, and the build's tests are green.`);
        scene.say("What stops it is its smoke test.");
      }
      const claims = isUnnoticed
        ? await stoppedBySmokeTest(scene, { build, commit }, before.live)
        : [
            { what: "build", actual: build.status, expected: "FAILED" },
            { what: "failed phase", actual: phases(build, "FAILED"), expected: ["PRE_BUILD"] },
            {
              what: "failing tests",
              actual: named(failed),
              expected: failed.length > 0 ? named(failed) : "one at least, named in the build's report",
            },
            { what: "live", actual: await live(scene), expected: before.live },
          ];
      return [
        ...claims,
        { what: "versions", actual: await versions(scene), expected: before.versions },
        ...(await answers(scene, chosen)),
      ];
    },
  };
}

function aChange(chosen: ChosenFunction): Step {
  const { folder, strategy } = chosen;
  return {
    title: `A change goes live by ${strategy.name}`,
    run: async (scene) => {
      const before = await versions(scene);
      const moves = watchTraffic(scene);
      const changes = await changeHandler(scene.copy, folder, around.nothing);
      const { build, commit } = await push(scene, `Change functions/${folder}`, changes);
      const weights = moves.map(({ percent }) => percent);
      const code = await liveCode(scene);
      return [
        { what: "build", actual: build.status, expected: "SUCCEEDED" },
        { what: "commit built", actual: build.sourceVersion, expected: commit },
        { what: "percent of the traffic", actual: weights, expected: strategy.steps.map(({ percent }) => percent) },
        { what: "versions", actual: await versions(scene), expected: [...before, commit] },
        { what: "commit that is live", actual: code.commit, expected: commit },
        { what: "SHA-256 of its zip", actual: code.codeSha256, expected: await bundledHere(scene) },
        ...(await answers(scene, chosen)),
      ];
    },
  };
}

function aBadRelease(chosen: ChosenFunction): Step {
  const { folder } = chosen;
  return {
    title: "A release passes its tests and its smoke test, and fails in production",
    run: async (scene) => {
      const before = await live(scene);
      const moves = watchTraffic(scene);
      const changes = await changeHandler(scene.copy, folder, around.failureWhenLive);
      const { build, commit } = await push(scene, `Break functions/${folder} where it is live`, changes);
      const log = await logOf(build);
      const shifts = moves.filter(({ version }) => version !== before);
      const share = Math.max(0, ...shifts.map(({ percent }) => percent));
      const { visits, failed } = scene.visitors.pardon(shifts[0]?.at ?? Date.now());
      return [
        { what: "build", actual: build.status, expected: "FAILED" },
        { what: "failed phase", actual: phases(build, "FAILED"), expected: ["POST_BUILD"] },
        { what: "why", actual: /ALARM_ACTIVE/.exec(log)?.[0], expected: "ALARM_ACTIVE" },
        {
          what: "verdict",
          actual: verdictIn(log, scene),
          expected: `Rolled back: commit ${commit}. Live: ${folder} version ${before}`,
        },
        { what: "live", actual: await live(scene), expected: before },
        { what: "somebody met it", actual: failed > 0, expected: true },
        {
          what: `more than ${share} % met it`,
          actual: failed > Math.ceil((visits * share) / 100) + 1,
          expected: false,
        },
        ...(await answers(scene, chosen)),
      ];
    },
  };
}

function aBadReleaseAllAtOnce(chosen: ChosenFunction): Step {
  const { folder, strategy } = chosen;
  return {
    title: "A release passes its tests, and fails in Lambda",
    run: async (scene) => {
      scene.say(
        `${strategy.name} moves all traffic at once, and nothing takes it back: a bad release has to be stopped`,
      );
      scene.say(
        "before that, by its smoke test. With a canary or linear releaseStrategy, an alarm would take it back.",
      );
      const before = await live(scene);
      const changes = await changeHandler(scene.copy, folder, around.failureInLambda);
      const built = await push(scene, `Break functions/${folder} in Lambda`, changes);
      return [...(await stoppedBySmokeTest(scene, built, before)), ...(await answers(scene, chosen))];
    },
  };
}

function aRollback(chosen: ChosenFunction): Step {
  const { folder } = chosen;
  return {
    title: "One command rolls back",
    run: async (scene) => {
      const before = await live(scene);
      const rolledBack = await run(scene, "deploy/rollback.ts", "--function", folder, "--yes");
      const answer = await answers(scene, chosen);
      await run(scene, "deploy/bundle.ts");
      const again = await run(scene, "deploy/release.ts");
      return [
        { what: "exit code", actual: rolledBack.code, expected: 0 },
        { what: "moved", actual: /from version \d+/.exec(rolledBack.output)?.[0], expected: `from version ${before}` },
        ...answer,
        { what: "releasing the same commit again", actual: again.code, expected: 1 },
        { what: "it was", actual: /was rolled back/.exec(again.output)?.[0], expected: "was rolled back" },
      ];
    },
  };
}

function requestsAllTheWhile({ asked, asking }: ChosenFunction): Step {
  return {
    title: "Requests flowed all the while",
    run: async ({ visitors }) => {
      await visitors.leave();
      const { length } = visitors.visits;
      return [
        { what: `${asked}, this many times`, actual: length, expected: Math.max(length, 10) },
        { what: `not answered ${asking.expected}, but by the bad release`, actual: visitors.failed(), expected: [] },
      ];
    },
  };
}

async function stoppedBySmokeTest(scene: Scene, { build, commit }: Built, before?: string): Promise<Claim[]> {
  const log = await logOf(build);
  const { folder } = scene;
  return [
    { what: "build", actual: build.status, expected: "FAILED" },
    { what: "failed phase", actual: phases(build, "FAILED"), expected: ["POST_BUILD"] },
    {
      what: "why",
      actual: /smoke test of version \d+ failed/.exec(log)?.[0].replace(/\d+ /, ""),
      expected: smokeTestFailed,
    },
    {
      what: "verdict",
      actual: verdictIn(log, scene),
      expected: `Not released: commit ${commit}. Live: ${folder} version ${before}`,
    },
    { what: "live", actual: await live(scene), expected: before },
  ];
}

const smokeTestFailed = "smoke test of version failed";

/** That the function is answered as it should be, by its route, where that is asked for, and by its smoke test. */
async function answers(
  { lambda }: Scene,
  { asked, asking, functionName, smokeTest }: ChosenFunction,
): Promise<Claim[]> {
  const status = { what: asked, actual: await asking.ask(), expected: asking.expected };
  const wrong = await wrongAnswer(lambda, functionName, smokeTest);
  return [status, { what: "its smoke test", actual: wrong ?? "answered", expected: "answered" }];
}

/** A version that got another share of the traffic, in percent, and when, in ms since 1970. */
interface Move {
  readonly version: string;
  readonly percent: number;
  readonly at: number;
}

/** Collects what deployments of the story's function do with the traffic from now on. */
function watchTraffic({ stack, folder }: Scene): readonly Move[] {
  const moves: Move[] = [];
  stack.cloud.codedeploy.on("traffic", ({ deploymentGroupName }, version, percent) => {
    if (deploymentGroupName === folder) {
      moves.push({ version, percent, at: Date.now() });
    }
  });
  return moves;
}

/** The first tests' names, and how many more there are. */
function named(tests: readonly string[]): string {
  const more = tests.length - 3;
  return tests.slice(0, 3).join("; ") + (more > 0 ? ` and ${more} more` : "");
}

const answering = "functions whose live version answers as their smoke.json says";
/** How many functions are tried at once: each starts a process. */
const functionsAtOnce = 4;

/** The results of `work` on each item, of which as many as `limit` are worked on at once. */
async function eachAtMost<T, R>(limit: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
