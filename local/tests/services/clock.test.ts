import { expect } from "chai";
import { Clock } from "../../aws/clock.ts";

describe("the local clock", () => {
  it("runs as many times as fast as real time as it is told to", async () => {
    const clock = new Clock(100_000);
    const started = clock.now();
    await new Promise<void>((resolve) => clock.after(3_600_000, resolve));
    expect(clock.now() - started).to.be.at.least(3_600_000 - 200_000);
  });

  it("does not run what was cancelled", async () => {
    const clock = new Clock(1000);
    let ran = 0;
    clock.after(1000, () => {
      ran += 1;
    })();
    await new Promise<void>((resolve) => clock.after(5000, resolve));
    expect(ran).to.equal(0);
  });
});
