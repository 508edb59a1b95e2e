// mocha drops a rejection that nothing handles, and with it every assertion in a promise that nobody awaits.
const lost: unknown[] = [];
const seen = new WeakSet<Promise<unknown>>();
let others = 0;

process.on("unhandledRejection", (reason, promise) => {
  // mocha emits the event once more, without its own listener; and a test that listens itself expects it.
  if (!seen.has(promise) && process.listenerCount("unhandledRejection") <= others) {
    lost.push(reason);
  }
  seen.add(promise);
});

/** Fails the test in which a promise was rejected and nothing handled it. */
export const mochaHooks = {
  beforeAll(): void {
    others = process.listenerCount("unhandledRejection");
  },
  async afterEach(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (lost.length > 0) {
      throw lost.shift();
    }
  },
};
