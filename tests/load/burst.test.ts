import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { atMost } from "../../deploy/atMost.ts";
import { messageOf } from "../../deploy/failures.ts";
import { historyOf, type Relation } from "../../deploy/history.ts";
import { liveAlias, parseDecision } from "../../deploy/live.ts";
import { release } from "../../deploy/release.ts";
import { LocalCloud } from "../../local/cloud.ts";
import { git } from "../../local/git.ts";
import { application, around, candidate, zipAnswering } from "../deploy/releasing.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";
import { temporaryDirectories } from "../temporary.ts";
import { makeCommits, type Pushed } from "./pushed.ts";
import { seeded } from "./seeded.ts";

const strategies = ["AllAtOnce", "Canary10Percent5Minutes"];
const functionName = `${application}-hello`;
/** How many builds run at once; the next push comes when one of them ends. */
const buildsAtOnce = 10;
/** How often a push, after the first ten, comes only when all builds before it have ended. */
const lulls = 0.15;
/** How long a build works before its release, at most, in ms. */
const maxBuildMs = 500;
/** How long a call waits before it is made, and its answer before it is told, at most, in ms: most wait little, and some long. */
const maxDelayMs = 60;

/** A push, and how its release ended. */
interface Ended {
  readonly pushed: Pushed;
  /** `failed` and why, or how the release of its one function ended. */
  readonly outcome: string;
  /** The commit that superseded it. */
  readonly by: string | undefined;
  /** What the release told. */
  readonly lines: readonly string[];
}

/** The releases of a burst. */
interface Burst {
  /** In the order of the pushes. */
  readonly ended: readonly Ended[];
  /** The commits, in the order in which their releases ended. */
  readonly finished: readonly string[];
  /** How many builds ran at once, at most. */
  readonly atOnce: number;
}

describe("a burst of pushes", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();
  const table: Record<string, number | string>[] = [];
  let directory: string;
  let remote: string;
  /** The developers' repository, with every commit. */
  let made: string;
  let cloud: LocalCloud;

  beforeEach(async () => {
    directory = await temporary();
    [remote, made] = [join(directory, "remote.git"), join(directory, "made.git")];
    for (const repository of [remote, made]) {
      await git(directory, "init", "--quiet", "--bare", "--initial-branch=main", repository);
    }
    // A minute takes 20 ms.
    cloud = await LocalCloud.start(join(directory, "cloud"), 0, { timeScale: 3000 });
  });

  afterEach(() => cloud.close());

  after(() => console.table(table));

  for (const strategy of strategies) {
    for (let seed = 1; seed <= 10; seed++) {
      it(`of 30, ${strategy}, seed ${seed}: the newest is live in the end, and none is dropped`, async () => {
        createFunction(strategy);
        const pushed = await makeCommits(made, 30, seeded(seed));
        // One clone for all builds, which knows them all: git tells the same by it as by each build's own, in less time.
        const clone = join(directory, "clone");
        await git(directory, "clone", "--quiet", made, clone);
        const burst = await releaseAll(pushed, seed, async () => clone);
        tell(burst, { strategy, seed });
        expect(burst.atOnce).to.equal(buildsAtOnce);
        expect(burst.finished).to.not.deep.equal(pushed.map(({ commit }) => commit));
        await checkNewest(burst);
      });
    }
  }

  for (const strategy of strategies) {
    it(`with a forced push in its midst, ${strategy}: what is taken off the branch gives way to what is on it`, async () => {
      createFunction(strategy);
      const old = await makeCommits(made, 12, seeded(31));
      const kept = old.slice(0, 4);
      const fresh = await makeCommits(made, 8, seeded(32), kept);
      // Two are cloned in time, and released when all others have ended.
      const late = old.slice(-2);
      const clones: string[] = [];
      const burst = await releaseAll([...old.slice(0, -2), ...fresh], 33, async (pushed) => {
        for (const one of pushed === fresh[0] ? late : []) {
          clones.push(await cloneOf(one));
        }
        return cloneOf(pushed);
      });
      tell(burst, { strategy, seed: "forced push" });
      await checkNewest(burst);

      const newest = fresh.at(-1)?.commit;
      for (const [index, one] of late.entries()) {
        const lines: string[] = [];
        const released = await releaseFrom(clones[index] ?? "", one, seeded(34), new Map(), lines);
        expect(released, lines.join("\n")).to.deep.equal({ outcome: "superseded", by: newest });
        expect(lines.at(-1)).to.match(
          new RegExp(`superseded by ${newest}, in a history that this commit was taken out of; live stays`),
        );
      }
      await checkNewest(burst);
    });
  }

  /** A build's own clone of a commit that is pushed now, with all that the branch has, and no more. */
  async function cloneOf({ commit }: Pushed): Promise<string> {
    await git(made, "push", "--quiet", "--force", remote, `${commit}:refs/heads/main`);
    const clone = join(directory, commit);
    await git(directory, "clone", "--quiet", "--no-local", remote, clone);
    return clone;
  }

  /** What `pulumi up` makes. */
  function createFunction(strategy: string): void {
    const settings = functionSettings(functionName);
    cloud.logs.createLogGroup(settings.LoggingConfig.LogGroup);
    cloud.lambda.putAlias(functionName, liveAlias, cloud.lambda.createFunction(settings, zipAnswering("at first")));
    cloud.codedeploy.putDeploymentGroup(application, "hello", groupSettings(`CodeDeployDefault.Lambda${strategy}`));
  }

  /**
   * Pushes each commit in turn, and releases it from a clone as soon as there is a build for it.
   *
   * @param source Makes the clone of a commit that was just pushed.
   */
  async function releaseAll(
    commits: readonly Pushed[],
    seed: number,
    source: (pushed: Pushed) => Promise<string>,
  ): Promise<Burst> {
    const limit = atMost(buildsAtOnce);
    const finished: string[] = [];
    const relations = new Map<string, Relation>();
    let running = 0;
    let atOnce = 0;
    let arrived: Promise<unknown> = Promise.resolve();
    const ended = commits.map((pushed, index) =>
      limit(async (): Promise<Ended> => {
        running += 1;
        atOnce = Math.max(atOnce, running);
        const random = seeded(seed * 1000 + index);
        const isLull = index >= buildsAtOnce && random() < lulls;
        const arriving = arrived.then(async () => {
          await (isLull && Promise.all(ended.slice(0, index)));
          return source(pushed);
        });
        arrived = arriving;
        const clone = await arriving;
        await delay(random() * maxBuildMs);
        const lines: string[] = [];
        const outcome = await releaseFrom(clone, pushed, random, relations, lines);
        finished.push(pushed.commit);
        running -= 1;
        return { pushed, ...outcome, lines };
      }),
    );
    return { ended: await Promise.all(ended), finished, atOnce };
  }

  /** Releases a commit, with clients of its own whose calls take a random time. */
  async function releaseFrom(
    clone: string,
    { commit, answer }: Pushed,
    random: () => number,
    relations: Map<string, Relation>,
    lines: string[],
  ): Promise<Pick<Ended, "by" | "outcome">> {
    const options = clientOptions(cloud);
    const clients = {
      lambda: new Lambda(options),
      codedeploy: new CodeDeploy(options),
      cloudwatch: new CloudWatch(options),
      logs: new CloudWatchLogs(options),
    };
    for (const client of Object.values(clients)) {
      around(client, async (_, proceed) => {
        await delay(random() ** 4 * maxDelayMs);
        const reply = await proceed();
        await delay(random() ** 4 * maxDelayMs);
        return reply;
      });
    }
    const history = historyOf(clone);
    try {
      const [released] = await release({
        application,
        commit,
        candidates: [candidate("hello", answer)],
        // What is older stays older: git, which takes its time, is asked once for each pair.
        compare: (other) => {
          const relation = relations.get(`${commit} ${other}`) ?? history(commit, other);
          if (relation === "ancestor" || relation === "descendant") {
            relations.set(`${commit} ${other}`, relation);
            relations.set(`${other} ${commit}`, relation === "ancestor" ? "descendant" : "ancestor");
          }
          return relation;
        },
        ...clients,
        log: (line) => lines.push(line),
      });
      return { outcome: released?.outcome ?? "nothing", by: released?.by };
    } catch (error) {
      return { outcome: `failed: ${messageOf(error)}`, by: undefined };
    } finally {
      for (const client of Object.values(clients)) {
        client.destroy();
      }
    }
  }

  /** Adds a burst to the table: a letter for each push, in their order. */
  function tell({ ended }: Burst, row: Record<string, number | string>): void {
    const count = (outcome: string): number => ended.filter((one) => one.outcome === outcome).length;
    table.push({
      ...row,
      pushes: ended.length,
      released: count("released"),
      superseded: count("superseded"),
      unchanged: count("unchanged"),
      "each in turn": ended.map(({ outcome }) => outcome[0]?.toUpperCase()).join(""),
    });
  }

  /** Checks that what is live is of the newest commit alone, and that each other push was told what came of it. */
  async function checkNewest({ ended }: Burst): Promise<void> {
    const newest = ended.at(-1);
    const story = ended.map(
      ({ pushed, lines }, index) => `${index} ${pushed.commit} ${pushed.what}\n  ${lines.join("\n  ")}`,
    );
    const alias = cloud.lambda.getAlias(functionName, liveAlias);
    const { payload } = await cloud.lambda.invoke(functionName, liveAlias, "{}");
    expect(JSON.parse(payload).body, story.join("\n")).to.equal(newest?.pushed.answer);
    expect(alias.RoutingConfig, "weights").to.equal(undefined);
    expect(parseDecision(alias.Description)?.commit).to.equal(newest?.pushed.commit);
    expect(newest?.outcome).to.be.oneOf(["released", "unchanged"]);
    for (const [index, { pushed, outcome, by, lines }] of ended.entries()) {
      expect(outcome, lines.join("\n")).to.be.oneOf(["released", "superseded", "unchanged"]);
      expect(lines.join("\n"), pushed.commit).to.match(
        /: (live is version \d+|unchanged, live stays|superseded by [0-9a-f]{40})/,
      );
      if (outcome === "superseded") {
        expect(ended.findIndex((one) => one.pushed.commit === by)).to.be.greaterThan(index);
      }
    }
  }
});
