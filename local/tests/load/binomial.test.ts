import { expect } from "chai";
import { binomialTest } from "./binomial.ts";
import { seeded } from "./seeded.ts";

describe("the exact two-sided binomial test", () => {
  for (const [successes, trials, probability, expected, why] of [
    [0, 10, 0.5, 2 / 1024, "none of ten coins, or all"],
    [8, 10, 0.5, 112 / 1024, "two, one or none of ten coins, on either side"],
    [5, 10, 0.5, 1, "the most likely number"],
    [2, 3, 0.1, 0.028, "0.027 and 0.001; one and none are more likely"],
    [0, 3, 0.1, 1, "none is the most likely"],
    [0, 0, 0.1, 1, "no trial at all"],
    [682, 925, 0.75, 0.3825, "the example of R's binom.test: Mendel's peas after Conover (1971)"],
  ] as const) {
    it(`of ${successes} in ${trials} at ${probability}: ${expected} (${why})`, () => {
      expect(binomialTest(successes, trials, probability)).to.be.closeTo(expected, 5e-5);
    });
  }

  it("stays exact where factorials overflow: the normal distribution's tails with a million coins", () => {
    // 3 standard deviations of 500, with the continuity correction of half a coin: erfc((1500 - 0.5) / 500 / √2).
    expect(binomialTest(501_500, 1_000_000, 0.5)).to.be.closeTo(0.0027087, 5e-6);
  });

  it("is below one in a million where the share is another one", () => {
    expect(binomialTest(100, 500, 0.1)).to.be.lessThan(1e-6);
    expect(binomialTest(0, 500, 0.1)).to.be.lessThan(1e-6);
  });
});

describe("seeded random numbers", () => {
  const first = (seed: number, count: number): number[] => Array.from({ length: count }, seeded(seed));

  it("are the same for the same seed, and others for another", () => {
    expect(first(1, 5)).to.deep.equal(first(1, 5));
    expect(first(1, 5)).to.not.deep.equal(first(2, 5));
  });

  for (const seed of [1, 2, 3]) {
    it(`are from 0 to 1 and spread evenly: a tenth of them is below 0.1, seed ${seed}`, () => {
      const numbers = first(seed, 10_000);
      expect(Math.min(...numbers)).to.be.at.least(0);
      expect(Math.max(...numbers)).to.be.below(1);
      expect(binomialTest(numbers.filter((number) => number < 0.1).length, 10_000, 0.1)).to.be.greaterThan(1e-3);
    });
  }
});
