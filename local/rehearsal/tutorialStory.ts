import { account } from "../aws/account.ts";
import {
  type Built,
  beginPush,
  type Changes,
  fromCheckout,
  handler,
  handlerTest,
  merge,
  push,
  pushPullRequest,
  run,
  statuses,
} from "./developer.ts";
import {
  bundledHere,
  failedTests,
  functionName,
  get,
  live,
  liveCode,
  logOf,
  phases,
  type Scene,
  type Step,
  verdictIn,
  versions,
} from "./scene.ts";
import { prefixOf } from "./stage.ts";

const helloUser = `200 ${JSON.stringify({ message: "hello user" })}`;
const helloDeveloper = `200 ${JSON.stringify({ message: "Hello CI CD Developer!" })}`;
const developer = "/hello_user?user=CI%20CD%20Developer";
const newTest = "GET /hello_user greets the user whom the query string names";

/** The tutorial's story, in its order, with our sample function. */
export const tutorialStory: readonly Step[] = [
  {
    title: "The stack exists",
    run: async (scene) => [
      { what: "GET /hello_user", actual: await get(scene, "/hello_user"), expected: helloUser },
      { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloUser },
      { what: "versions", actual: await versions(scene), expected: [""] },
      { what: "live", actual: await live(scene), expected: "1" },
      { what: "builds", actual: scene.stack.cloud.codebuild.builds.length, expected: 0 },
    ],
  },
  {
    title: "A commit changes only the test to expect a user's name",
    run: async (scene) => {
      const { build } = await push(scene, "Expect the user's name in the greeting", await fromCheckout(handlerTest));
      return [
        { what: "build", actual: build.status, expected: "FAILED" },
        { what: "failed phase", actual: phases(build, "FAILED"), expected: ["PRE_BUILD"] },
        { what: "phases after it", actual: phases(build).slice(3), expected: ["UPLOAD_ARTIFACTS"] },
        { what: "failing test", actual: failedTests(build).find((name) => name === newTest), expected: newTest },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloUser },
        { what: "versions", actual: await versions(scene), expected: [""] },
      ];
    },
  },
  {
    title: "The handler is fixed",
    run: async (scene) => {
      const { build, commit } = await push(scene, "Greet the user by name", await fromCheckout(handler));
      return [
        { what: "build", actual: build.status, expected: "SUCCEEDED" },
        { what: "commit built", actual: build.sourceVersion, expected: commit },
        { what: "the test", actual: build.tests.find(({ name }) => name === newTest)?.status, expected: "SUCCEEDED" },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloDeveloper },
        { what: "GET /hello_user", actual: await get(scene, "/hello_user"), expected: helloUser },
        { what: "versions", actual: await versions(scene), expected: ["", commit] },
        { what: "live", actual: await live(scene), expected: "2" },
        { what: "SHA-256 of its zip", actual: (await liveCode(scene)).codeSha256, expected: await bundledHere(scene) },
      ];
    },
  },
  {
    title: "A commit only touches the README",
    run: async (scene) => {
      const before = await versions(scene);
      const { build } = await push(scene, "Say more in the README", {
        "README.md": (text) => `${text}\nOne more line.\n`,
      });
      const log = await logOf(build);
      return [
        { what: "build", actual: build.status, expected: "SUCCEEDED" },
        { what: "release", actual: /^hello-user: .*$/m.exec(log)?.[0], expected: unchanged },
        { what: "versions", actual: await versions(scene), expected: before },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: helloDeveloper },
      ];
    },
  },
  {
    title: "A pull request is red, then green, then merged; in this copy it runs the functions' tests only",
    run: async (scene) => {
      const { pullRequest, deploy } = statusesOf(scene);
      const before = await versions(scene);
      const red = await pushPullRequest(scene, "Take longer names", {
        [handler]: (text) => text.replace("100;", "120;"),
      });
      const whileRed = { live: await get(scene, longName), versions: await versions(scene) };
      const green = await pushPullRequest(scene, "Test that longer names are taken", {
        [handlerTest]: (text) => text.replaceAll("101", "121").replace("at most 100", "at most 120"),
      });
      const whileGreen = { live: await get(scene, longName), versions: await versions(scene) };
      const greenShows = statuses(scene, green.commit);
      const merged = await merge(scene);
      const notDeployed = { live: tooLong, versions: before };
      return [
        {
          what: `${short(red)} shows`,
          actual: statuses(scene, red.commit),
          expected: { [pullRequest]: "failure" },
        },
        { what: "failing test", actual: failedTests(red.build), expected: [limitTest] },
        { what: "deployed while it is red", actual: whileRed, expected: notDeployed },
        { what: `${short(green)} shows`, actual: greenShows, expected: { [pullRequest]: "success" } },
        { what: "deployed while it is green", actual: whileGreen, expected: notDeployed },
        {
          what: `${short(merged)} shows, merged`,
          actual: statuses(scene, merged.commit),
          expected: { [pullRequest]: "success", [deploy]: "success" },
        },
        { what: "commit merged", actual: merged.commit, expected: green.commit },
        { what: "a name of 101 characters", actual: (await get(scene, longName)).slice(0, 3), expected: "200" },
        { what: "versions", actual: await versions(scene), expected: [...before, green.commit] },
      ];
    },
  },
  {
    title: "A release passes its tests, and fails in production",
    run: async (scene) => {
      const before = { live: await live(scene), answer: await get(scene, developer) };
      let began = Date.now();
      scene.stack.cloud.codedeploy.once("traffic", () => {
        began = Date.now();
      });
      const { commit, build } = await push(scene, "Write down who is greeted", {
        [handler]: (text) => text.replace(firstLine, `${failsInProduction}${firstLine}`),
      });
      const log = await logOf(build);
      const { visits, failed } = scene.visitors.pardon(began);
      const bad = (await versions(scene)).length;
      const guard = `${functionName(scene)}/version-${bad}-errors`;
      return [
        { what: "build", actual: build.status, expected: "FAILED" },
        { what: "failed phase", actual: phases(build, "FAILED"), expected: ["POST_BUILD"] },
        { what: "why", actual: /ALARM_ACTIVE.*-(errors|5xx)$/m.exec(log)?.[0].slice(0, 12), expected: "ALARM_ACTIVE" },
        { what: "logged", actual: /no table to write to/.exec(log)?.[0], expected: "no table to write to" },
        {
          what: "verdict",
          actual: verdictIn(log, scene),
          expected: `Rolled back: commit ${commit}. Live: hello-user version ${before.live}`,
        },
        { what: "live", actual: await live(scene), expected: before.live },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: before.answer },
        { what: "somebody saw it", actual: failed > 0, expected: true },
        { what: "more than the canary's 10 % saw it", actual: failed > visits * 0.1, expected: false },
        { what: `alarm ${guard}`, actual: scene.stack.cloud.cloudwatch.stateOf(guard) ?? "gone", expected: "gone" },
      ];
    },
  },
  {
    title: "Two pushes at once",
    run: async (scene) => {
      const { codebuild } = scene.stack.cloud;
      // The older one's tests take longer, so that the newer one is released first however busy this machine is.
      const goodDay = greeting("Hello", "Good day,");
      const welcomed = greeting("Good day,", "Welcome,");
      const older = await beginPush(
        scene,
        "Say good day",
        also(goodDay, handlerTest, (text) => `${text}${slow}`),
      );
      const newer = await beginPush(
        scene,
        "Say welcome",
        also(welcomed, handlerTest, (text) => text.replace(slow, "")),
      );
      await Promise.all([older, newer].map(({ build }) => codebuild.ended(build)));
      const log = await logOf(older.build);
      return [
        { what: "older build", actual: older.build.status, expected: "SUCCEEDED" },
        { what: "newer build", actual: newer.build.status, expected: "SUCCEEDED" },
        {
          what: "older build's verdict",
          actual: /^Superseded: commit \w+ by \w+/m.exec(log)?.[0],
          expected: `Superseded: commit ${older.commit} by ${newer.commit}`,
        },
        { what: `GET ${developer}`, actual: await get(scene, developer), expected: welcome },
      ];
    },
  },
  {
    title: "One command rolls back",
    run: async (scene) => {
      const before = await live(scene);
      const rolledBack = await run(scene, "deploy/rollback.ts", "--function", scene.folder, "--yes");
      const answer = await get(scene, developer);
      await run(scene, "deploy/bundle.ts");
      const again = await run(scene, "deploy/release.ts");
      return [
        { what: "exit code", actual: rolledBack.code, expected: 0 },
        { what: "moved", actual: /from version \d+/.exec(rolledBack.output)?.[0], expected: `from version ${before}` },
        { what: `GET ${developer}`, actual: answer, expected: helloDeveloper },
        { what: "releasing the same commit again", actual: again.code, expected: 1 },
        { what: "it was", actual: /was rolled back/.exec(again.output)?.[0], expected: "was rolled back" },
      ];
    },
  },
  {
    title: "Somebody has asked for the page all the while",
    run: async ({ visitors }) => {
      await visitors.leave();
      return [
        { what: "at least 300 times", actual: visitors.visits.length >= 300, expected: true },
        { what: "failed, but for the bad canary's", actual: visitors.failed(), expected: [] },
      ];
    },
  },
];

const longName = `/hello_user?user=${"a".repeat(101)}`;
const tooLong = `400 ${JSON.stringify({ message: "user has 101 characters; at most 100 are allowed" })}`;
const limitTest = "GET /hello_user refuses 101 characters and says what is allowed";
/** Tests that take four seconds more. */
const slow = "\nafter(() => new Promise((resolve) => setTimeout(resolve, 4000)));\n";

/** Changes, and then one more of a file. */
function also(changes: Changes, file: string, change: (text: string) => string): Changes {
  const before = changes[file] ?? ((text: string) => text);
  return { ...changes, [file]: (text) => change(before(text)) };
}

/** The names of the commit statuses that the build projects set. */
function statusesOf(scene: Scene): { readonly pullRequest: string; readonly deploy: string } {
  return {
    pullRequest: `${prefixOf(scene)}/pull-request`,
    deploy: `AWS CodeBuild ${account.region} (${scene.stack.outputs.deployProject})`,
  };
}

const welcome = `200 ${JSON.stringify({ message: "Welcome, CI CD Developer!" })}`;

/** What a handler begins with. */
const firstLine = "  const user =";
/** What neither the handler's tests nor the smoke test come across. */
const failsInProduction = `  if (process.env.AWS_LAMBDA_FUNCTION_NAME && event.requestContext?.apiId) {
    throw new Error("no table to write to");
  }
`;

/** Greets with another word, and takes out what fails in production. */
function greeting(word: string, other: string): Changes {
  return {
    [handler]: (text) => text.replace(failsInProduction, "").replace(`${word} \${user}`, `${other} \${user}`),
    [handlerTest]: (text) =>
      text.replaceAll(`${word} CI`, `${other} CI`).replaceAll(`${word} \${user}`, `${other} \${user}`),
  };
}

function short({ commit }: Built): string {
  return commit.slice(0, 7);
}

const unchanged = "hello-user: unchanged, live stays at version 2";
