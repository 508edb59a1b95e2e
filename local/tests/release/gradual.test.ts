import { expect } from "chai";
import { verdictOf } from "../../../deploy/release/verdict.ts";
import { ReleaseFailed } from "../../../deploy/release.ts";
import { rollback } from "../../../deploy/rollback.ts";
import { apiAlarm } from "../localFunction.ts";
import { hurryRollbacks, ManualClock } from "../manualClock.ts";
import { application, candidate, commits, Releasing, rejection, zipAnswering, zipOf } from "./releasing.ts";

/** Passes its smoke test, and fails each tenth request of an environment. */
const failingLater = `
let requests = 0;
export const handler = async () => {
  if (++requests % 10 === 0) throw new Error("no connection left");
  return { statusCode: 200, body: "two" };
};`;

describe("deploy/release: traffic moved bit by bit", function () {
  this.timeout(60_000);
  const clock = new ManualClock();
  const on = new Releasing({ clock });
  const [a, b, c] = commits;
  const functionName = `${application}_hello`;
  const canary = "CodeDeployDefault.LambdaCanary10Percent10Minutes";
  const canaryMinutes = 10;
  const linear = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute";
  const ofApi = `${application}-api-5xx`;

  beforeEach(() => hurryRollbacks(on.cloud, clock));

  const pass = (minutes: number): void => clock.advance(minutes * 60);

  /** Has a release's canary be over once the release has told of it; returns what comes of the release. */
  async function through<T>(release: Promise<T>, version = "2"): Promise<T> {
    await Promise.race([on.untilTold(`version ${version} has 10 % of traffic`), release]);
    pass(canaryMinutes);
    return release;
  }

  const told = (): string[] => on.lines.map((line) => line.replace(/d-[0-9A-F]{9}/g, "d-X"));
  const alarmNames = async (): Promise<(string | undefined)[]> =>
    ((await on.cloudwatch.describeAlarms({})).MetricAlarms ?? []).map(({ AlarmName }) => AlarmName);
  const throwing = { ...candidate("hello", "two"), zip: zipOf(failingLater) };

  /** Requests to `live`, one after the other, until one fails and an alarm has been evaluated; returns what each was answered. */
  async function loadUntilFailure(): Promise<string[]> {
    const answers: string[] = [];
    while (!answers.includes("Unhandled")) {
      const { payload, error } = await on.cloud.lambda.invoke(functionName, "live", "{}");
      answers.push(error ?? JSON.parse(payload).body);
    }
    pass(1);
    return answers;
  }

  /** The API's alarm, which the program declares. */
  async function createApiAlarm(): Promise<void> {
    await on.cloudwatch.putMetricAlarm(apiAlarm(ofApi, "api"));
  }

  /** Has the API answer 500, which sets its alarm off. */
  function failApi(): void {
    on.cloud.cloudwatch.putMetric("AWS/ApiGateway", "5xx", { ApiId: "api" }, 1);
    clock.advance(10);
  }

  it("gives a canary its share first, guarded by an alarm that is gone afterwards, and tells how it goes", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const release = on.release({ commit: b }, candidate("hello", "two"));
    await on.untilTold("10 % of traffic");
    const guards = await alarmNames();
    pass(canaryMinutes);
    expect(await release).to.deep.equal([{ name: "hello", outcome: "released", version: "2" }]);
    expect(told().slice(3)).to.deep.equal([
      `the alarm ${ofApi} does not exist: only the errors of version 2 stop this release`,
      "hello: deployment d-X from version 1 to 2 began",
      "hello: version 2 has 10 % of traffic, 0 errors; 10 min left",
      "hello: live is version 2",
    ]);
    expect(guards).to.deep.equal([`${functionName}/version-2-errors`]);
    expect(await alarmNames()).to.deep.equal([]);
  });

  it("tells each step of a linear release", async () => {
    on.create("hello", zipAnswering("one"), linear);
    const release = on.release({ commit: b }, candidate("hello", "two"));
    const seen = [1, 2, 3, 4];
    for (const step of seen) {
      await on.untilTold(`${step}0 % of traffic`);
      pass(1);
    }
    // The others are over before it looks again.
    pass(5);
    await release;
    expect(told().filter((line) => line.includes("of traffic"))).to.deep.equal(
      seen.map((step) => `hello: version 2 has ${step}0 % of traffic, 0 errors; ${10 - step} min left`),
    );
  });

  it("makes no alarm for a release all at once", async () => {
    on.create("hello", zipAnswering("one"));
    await on.release({ commit: b }, candidate("hello", "two"));
    expect(on.called).to.not.include("PutMetricAlarm");
  });

  it("rolls a version back that fails in traffic, and says why, what is live and what it logged", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const release = on.release({ commit: b }, throwing).catch((error: unknown) => error);
    await on.untilTold("10 % of traffic");
    const answers = await loadUntilFailure();
    const failure = await release;
    expect(failure).to.be.instanceOf(ReleaseFailed);
    const { message, results } = failure as ReleaseFailed;
    expect(message.replace(/d-\w+/, "d-X").split("\n").slice(0, 1)).to.deep.equal([
      `hello: deployment d-X to version 2 was stopped: ALARM_ACTIVE, One or more alarms have been activated, and the deployment was stopped: ${functionName}/version-2-errors`,
    ]);
    expect(message).to.match(/\n {2}version 2 logged: \{.*"level":"ERROR".*no connection left.*\}\n/);
    expect(message).to.match(/\nhello: live is version 1$/);
    expect(verdictOf(b, results)).to.deep.equal({
      exitCode: 2,
      line: `Rolled back: commit ${b}. Live: hello version 1`,
    });
    expect(await on.liveOf("hello")).to.equal("1");
    expect(await alarmNames()).to.deep.equal([]);
    // Only the canary's share saw it, and most of that was answered.
    const counts = Map.groupBy(answers, (answer) => answer);
    expect(counts.get("Unhandled")?.length).to.be.within(1, answers.length * 0.1);
    expect(counts.get("one")?.length).to.be.greaterThan(answers.length * 0.5);
  });

  it("lets a rolled-back commit be released again, as when its build is started again", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const first = rejection(on.release({ commit: b }, throwing));
    await on.untilTold("10 % of traffic");
    await loadUntilFailure();
    await first;
    expect(await through(on.release({ commit: b }, throwing), "3")).to.deep.equal([
      { name: "hello", outcome: "released", version: "3" },
    ]);
  });

  it("rolls back when the API's alarm goes off, which handlers that answer 500 set off", async () => {
    on.create("hello", zipAnswering("one"), canary);
    await createApiAlarm();
    const release = rejection(on.release({ commit: b }, candidate("hello", "two")));
    await on.untilTold("10 % of traffic");
    failApi();
    expect(await release).to.contain(`the deployment was stopped: ${ofApi}`);
    expect(await on.liveOf("hello")).to.equal("1");
    expect(await alarmNames(), "the program's alarm stays").to.deep.equal([ofApi]);
  });

  it("goes by the new version's errors alone while the API's alarm rings already: a fire does not block its fix", async () => {
    on.create("hello", zipAnswering("one"), canary);
    await createApiAlarm();
    on.before("PutMetricAlarm", async () => {
      failApi();
      expect(on.cloud.cloudwatch.stateOf(ofApi)).to.equal("ALARM");
    });
    expect((await through(on.release({ commit: b }, candidate("hello", "two"))))[0]?.outcome).to.equal("released");
    expect(told()).to.include(`the alarm ${ofApi} rings already: only the errors of version 2 stop this release`);
  });

  it("has the deployment of an older commit stopped by a newer one, whose release follows at once", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const older = on.release({ commit: b }, candidate("hello", "two"));
    await on.untilTold("of traffic");
    const newer = on.release({ commit: c }, candidate("hello", "three"));
    expect(await older).to.deep.equal([{ name: "hello", outcome: "superseded", version: "1", by: c }]);
    expect(await through(newer, "3")).to.deep.equal([{ name: "hello", outcome: "released", version: "3" }]);
    expect(told()).to.include.members([
      `hello: deployment d-X of ${b} is under way; it is superseded`,
      "hello: stopping deployment d-X",
      `hello: superseded by ${c} during its deployment; live is version 1`,
    ]);
  });

  it("has a newer commit that reverts an older one end the older one's deployment, without one of its own", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const older = on.release({ commit: b }, candidate("hello", "two"));
    await on.untilTold("of traffic");
    expect(await on.release({ commit: c }, candidate("hello", "one"))).to.deep.equal([
      { name: "hello", outcome: "unchanged", version: "1" },
    ]);
    expect((await older)[0]?.outcome).to.equal("superseded");
    expect(await on.descriptionOf("hello")).to.equal(`latest commit ${c}: unchanged, live was version 1`);
  });

  it("leaves a newer commit's deployment alone when an older one comes late", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const newer = on.release({ commit: c }, candidate("hello", "three"));
    await on.untilTold("of traffic");
    expect((await on.release({ commit: b }, candidate("hello", "two")))[0]).to.include({
      outcome: "superseded",
      by: c,
    });
    pass(canaryMinutes);
    expect((await newer)[0]?.outcome).to.equal("released");
  });

  it("waits for a deployment that is not of an older commit, such as the same commit's", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const first = on.release({ commit: b }, candidate("hello", "two"));
    await on.untilTold("of traffic");
    const second = on.release({ commit: b }, candidate("hello", "two"));
    await on.untilTold("waiting for its end");
    pass(canaryMinutes);
    expect([...(await first), ...(await second)].map(({ outcome }) => outcome)).to.deep.equal([
      "released",
      "unchanged",
    ]);
    expect(told()).to.include(`hello: deployment d-X of ${b} is under way; waiting for its end`);
  });

  it("clears weights and alarms that a release has left, tells it, and then releases", async () => {
    on.create("hello", zipAnswering("one"), canary);
    await on.publish("hello", a);
    on.cloud.lambda.putAlias(functionName, "live", "2", { 1: 0.3 });
    const own = `${functionName}/version-7-errors`;
    const another = `${functionName}-version-7-errors`;
    await createApiAlarm();
    for (const name of [own, another]) {
      await on.cloudwatch.putMetricAlarm(apiAlarm(name, "api"));
    }
    expect((await through(on.release({ commit: b }, candidate("hello", "two")), "3"))[0]?.outcome).to.equal("released");
    expect(told()).to.include("hello: took away what a deployment had left: 30 % for version 1");
    expect((await alarmNames()).sort()).to.deep.equal([ofApi, another].sort());
  });

  it("returns the traffic when it is stopped by Ctrl-C", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const stop = new AbortController();
    const release = on.release({ commit: b, signal: stop.signal }, candidate("hello", "two"));
    await on.untilTold("of traffic");
    stop.abort(new Error("it was stopped"));
    const failure = (await release.catch((error: unknown) => error)) as ReleaseFailed;
    expect(failure.results).to.deep.equal([{ name: "hello", outcome: "rolled back", version: "1" }]);
    expect(await on.liveOf("hello")).to.equal("1");
  });

  for (const [what, cause] of [
    [
      "a newer commit's release",
      (): Promise<unknown> => through(on.release({ commit: c }, candidate("hello", "three")), "3"),
    ],
    ["a rollback", (): Promise<unknown> => rollback({ ...on.stack, names: ["hello"], confirm: async () => true })],
    ["Ctrl-C", async (stop: AbortController): Promise<unknown> => stop.abort(new Error("it was stopped"))],
  ] as const) {
    it(`asks again to stop a deployment that CodeDeploy does not stop at the first time, for ${what}`, async () => {
      on.create("hello", zipAnswering("one"), canary);
      const stop = new AbortController();
      const release = on.release({ commit: b, signal: stop.signal }, candidate("hello", "two"));
      const ended = release.then(
        ([result]) => result?.outcome,
        ({ results }: ReleaseFailed) => results[0]?.outcome,
      );
      await on.untilTold("of traffic");
      on.before("StopDeployment", async () => {
        throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
      });
      await cause(stop);
      expect(await ended).to.equal(what.startsWith("a newer") ? "superseded" : "rolled back");
      expect(on.called.filter((operation) => operation === "StopDeployment")).to.have.length.above(1);
      expect(told()).to.include.members([
        "hello: deployment d-X could not be stopped: ThrottlingException: Rate exceeded",
        "hello: stopping deployment d-X",
      ]);
    });
  }

  it("is stopped by a rollback, which then has nothing to move, and reports it", async () => {
    on.create("hello", zipAnswering("one"), canary);
    const stopped = rejection(on.release({ commit: b }, candidate("hello", "two")));
    await on.untilTold("of traffic");
    const rolledBack = await rollback({ ...on.stack, names: ["hello"], confirm: async () => true });
    expect(rolledBack).to.deep.equal([{ name: "hello", version: "1" }]);
    expect(await stopped).to.contain(`commit ${b} was rolled back during its deployment`);
    expect(told()).to.include(`hello: stop deployment d-X of ${b}; version 1 of no commit stays live`);
    expect(await rejection(on.release({ commit: b }, candidate("hello", "two")))).to.contain("was rolled back");
    expect((await through(on.release({ commit: c }, candidate("hello", "three")), "3"))[0]?.outcome).to.equal(
      "released",
    );
  });
});
