import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { keepWithinQuota } from "../../../deploy/stack.ts";
import { clientOptions } from "../localFunction.ts";
import { candidate, commits, Releasing, zipAnswering } from "../release/releasing.ts";

/** How many times as fast as real time the clock is: of CodeDeploy, and of the second within which calls are counted. */
const timeScale = 20;
const windowMs = 1000 / timeScale;
const canary = "Canary10Percent1Minute";

describe("many functions released together", function () {
  this.timeout(600_000);
  const on = new Releasing({ timeScale, lambdaQuota: { requests: 15, windowMs } });
  const table: Record<string, number | string>[] = [];

  after(() => console.table(table));

  /** When each of the release's control-plane calls was made, a deployment's creation among them, in ms. */
  let calls: number[];
  let deployments: number[];

  beforeEach(() => {
    // With the SDK's own tries: the endpoint refuses what is one too many.
    on.lambda = new Lambda({ ...clientOptions(on.cloud), maxAttempts: 5, retryMode: "adaptive" });
    calls = [];
    deployments = [];
    keepWithinQuota(on, windowMs, (operation, at) => {
      calls.push(at);
      if (operation === "CreateDeployment") {
        deployments.push(at);
      }
    });
    on.cloud.codedeploy.createDeploymentConfig(canary, {
      type: "TimeBasedCanary",
      timeBasedCanary: { canaryPercentage: 10, canaryInterval: 1 },
    });
  });

  for (const count of [1, 10, 40, 100]) {
    it(`${count}, as canaries: under ten calls a second`, async () => {
      const names = Array.from({ length: count }, (_, index) => `f${index}`);
      for (const name of names) {
        on.create(name, zipAnswering("one"), canary);
      }
      const began = performance.now();
      const results = await on.release({ commit: commits[1] }, ...names.map((name) => candidate(name, "two")));
      const took = performance.now() - began;
      expect(new Set(results.map(({ outcome }) => outcome))).to.deep.equal(new Set(["released"]));
      expect(deployments).to.have.lengthOf(count);
      expect(mostWithin(calls)).to.be.at.most(6);
      // CodeDeploy's own UpdateAlias: as a deployment begins, for which the release has kept a call, and when its canary is over, a minute later.
      // By the calls that ask for it, so that it does not count how late this machine's timers go off.
      const all = [...calls, ...deployments.map((time) => time + 60 * windowMs)];
      const most = mostWithin(all);
      table.push({ functions: count, calls: all.length, most, seconds: (took / windowMs).toFixed(0) });
      expect(most).to.be.below(10);
    });
  }

  /** How many of the times are within one window, at most. */
  function mostWithin(all: readonly number[]): number {
    const sorted = [...all].sort((a, b) => a - b);
    return Math.max(
      ...sorted.map((from, index) => sorted.slice(index).filter((time) => time - from < windowMs).length),
    );
  }
});
