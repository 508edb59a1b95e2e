import { expect } from "chai";
import { limitCalls } from "../../deploy/rateLimit.ts";
import { keepWithinQuota } from "../../deploy/stack.ts";
import { candidate, commits, Releasing, zipAnswering } from "../deploy/releasing.ts";

/** How many times as fast as real time the clock is: of CodeDeploy, and of the second within which calls are counted. */
const timeScale = 20;
const windowMs = 1000 / timeScale;
const canary = "Canary10Percent1Minute";

/** The control-plane calls of Lambda that share a quota: all but these. */
const withOwnQuota = ["GetFunction", "Invoke"];

describe("many functions released together", function () {
  this.timeout(120_000);
  const on = new Releasing({ timeScale, lambdaQuota: { requests: 15, windowMs } });
  const table: Record<string, number | string>[] = [];

  after(() => console.table(table));

  /** When each control-plane call came, CodeDeploy's own among them, in ms. */
  let times: number[];
  let refused: number;

  beforeEach(() => {
    keepWithinQuota(on, windowMs);
    times = [];
    refused = 0;
    limitCalls(on.lambda, async (operation) => {
      if (!withOwnQuota.includes(operation)) {
        times.push(performance.now());
      }
    });
    on.cloud.codedeploy.on("traffic", () => void times.push(performance.now()));
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
      const most = mostWithin(times);
      table.push({
        functions: count,
        strategy: canary,
        calls: times.length,
        each: times.length / count,
        most,
        seconds: (took / windowMs).toFixed(1),
      });
      expect(refused).to.equal(0);
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
