import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { atMost } from "../../../deploy/atMost.ts";
import { messageOf } from "../../../deploy/failures.ts";
import { liveAlias, parseDecision } from "../../../deploy/live.ts";
import { historyOf, type Relation } from "../../../deploy/release/history.ts";
import { release } from "../../../deploy/release.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import { clientOptions, functionSettings, groupSettings } from "../localFunction.ts";
import { application, around, candidate, zipAnswering } from "../release/releasing.ts";
import type { Pushed } from "./madeCommits.ts";
import { seeded } from "./seeded.ts";

const functionName = `${application}_hello`;
/** How many builds run at once; the next push comes when one of them ends. */
export const buildsAtOnce = 10;
/** How often a push, after the first ten, comes only when all builds before it have ended; and how often the last but one does. */
const lulls = { any: 0.15, beforeTheLastTwo: 0.75 };
/** How long a build works before its release, at most, in ms. */
const maxBuildMs = 400;
/** How long a call waits before it is made, and its answer before it is told, at most, in ms: most wait little, and some long. */
const maxDelayMs = 60;

/** A push, and how its release ended. */
export interface Ended {
  readonly pushed: Pushed;
  /** `failed` and why, or how the release of its one function ended. */
  readonly outcome: string;
  /** The commit that superseded it. */
  readonly by: string | undefined;
  /** What the release told. */
  readonly lines: readonly string[];
}

/** The releases of a burst. */
export interface Burst {
  /** In the order of the pushes. */
  readonly ended: readonly Ended[];
  /** The commits, in the order in which their releases ended. */
  readonly finished: readonly string[];
  /** How many builds ran at once, at most. */
  readonly atOnce: number;
}

/** A team that pushes in bursts: its repositories, and a local cloud with the function that its commits change. */
export class Team {
  readonly directory: string;
  /** The repository with every commit that was made. */
  readonly made: string;
  /** The repository that is pushed to. */
  readonly #remote: string;
  readonly #cloud: LocalCloud;
  /** What git told of two commits in a clone. */
  readonly #relations = new Map<string, Relation>();

  private constructor(directory: string, cloud: LocalCloud) {
    this.directory = directory;
    this.made = join(directory, "made.git");
    this.#remote = join(directory, "remote.git");
    this.#cloud = cloud;
  }

  /** @param strategy A CodeDeploy configuration, without `CodeDeployDefault.Lambda`. */
  static async start(directory: string, strategy: string): Promise<Team> {
    // A minute takes 20 ms.
    const cloud = await LocalCloud.start(join(directory, "cloud"), 0, { timeScale: 3000 });
    const team = new Team(directory, cloud);
    for (const repository of [team.made, team.#remote]) {
      await git(directory, "init", "--quiet", "--bare", "--initial-branch=main", repository);
    }
    const settings = functionSettings(functionName);
    cloud.logs.createLogGroup(settings.LoggingConfig.LogGroup);
    cloud.lambda.putAlias(functionName, liveAlias, cloud.lambda.createFunction(settings, zipAnswering("at first")));
    cloud.codedeploy.putDeploymentGroup(application, "hello", groupSettings(`CodeDeployDefault.Lambda${strategy}`));
    return team;
  }

  close(): Promise<void> {
    return this.#cloud.close();
  }

  /** Pushes a commit, if need be by force, and returns a clone of what the branch has then. */
  async push({ commit }: Pushed): Promise<string> {
    await git(this.made, "push", "--quiet", "--force", this.#remote, `${commit}:refs/heads/main`);
    const clone = join(this.directory, commit);
    await git(this.directory, "clone", "--quiet", "--no-local", this.#remote, clone);
    return clone;
  }

  /**
   * Pushes each commit in turn, and releases it from a clone as soon as there is a build for it.
   *
   * @param source Makes the clone of a commit that was just pushed.
   */
  async releaseAll(
    commits: readonly Pushed[],
    seed: number,
    source: (pushed: Pushed) => Promise<string>,
  ): Promise<Burst> {
    const limit = atMost(buildsAtOnce);
    const finished: string[] = [];
    let running = 0;
    let atOnce = 0;
    let arrived: Promise<unknown> = Promise.resolve();
    const ended = commits.map((pushed, index) =>
      limit(async (): Promise<Ended> => {
        running += 1;
        atOnce = Math.max(atOnce, running);
        const random = seeded(seed * 1000 + index);
        const isLull =
          index >= buildsAtOnce && random() < (index === commits.length - 2 ? lulls.beforeTheLastTwo : lulls.any);
        const arriving = arrived.then(async () => {
          await (isLull && Promise.all(ended.slice(0, index)));
          return source(pushed);
        });
        arrived = arriving;
        const clone = await arriving;
        await delay(random() * maxBuildMs);
        const lines: string[] = [];
        const outcome = await this.releaseFrom(clone, pushed, random, lines);
        finished.push(pushed.commit);
        running -= 1;
        return { pushed, ...outcome, lines };
      }),
    );
    return { ended: await Promise.all(ended), finished, atOnce };
  }

  /** Releases a commit, with clients of its own whose calls take a random time. */
  async releaseFrom(
    clone: string,
    { commit, answer }: Pushed,
    random: () => number,
    lines: string[],
  ): Promise<Pick<Ended, "by" | "outcome">> {
    // As the SDK does by itself: on a busy machine the server closes a connection in the moment in which it is used again.
    const options = { ...clientOptions(this.#cloud), maxAttempts: 3 };
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
          const key = (of: string, to: string): string => `${clone} ${of} ${to}`;
          const relation = this.#relations.get(key(commit, other)) ?? history(commit, other);
          if (relation === "ancestor" || relation === "descendant") {
            this.#relations.set(key(commit, other), relation);
            this.#relations.set(key(other, commit), relation === "ancestor" ? "descendant" : "ancestor");
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

  /** Checks that what is live is of the newest commit alone, and that each other push was told what came of it. */
  async checkNewest({ ended }: Burst): Promise<void> {
    const newest = ended.at(-1);
    const story = ended.map(
      ({ pushed, lines }, index) => `${index} ${pushed.commit} ${pushed.what}\n  ${lines.join("\n  ")}`,
    );
    const alias = this.#cloud.lambda.getAlias(functionName, liveAlias);
    const { payload } = await this.#cloud.lambda.invoke(functionName, liveAlias, "{}");
    expect(JSON.parse(payload).body, story.join("\n")).to.equal(newest?.pushed.answer);
    expect(alias.RoutingConfig, "weights").to.equal(undefined);
    expect(parseDecision(alias.Description)?.commit).to.equal(newest?.pushed.commit);
    expect(newest?.outcome).to.be.oneOf(["released", "unchanged"]);
    for (const [index, { pushed, outcome, by, lines }] of ended.entries()) {
      expect(outcome, story.join("\n")).to.be.oneOf(["released", "superseded", "unchanged"]);
      expect(lines.join("\n"), pushed.commit).to.match(
        /: (live is version \d+|unchanged, live stays|superseded by [0-9a-f]{40})/,
      );
      if (outcome === "superseded") {
        expect(ended.findIndex((one) => one.pushed.commit === by)).to.be.greaterThan(index);
      }
    }
  }
}
