/**
 * The time by which the local cloud shifts traffic, counts metrics and evaluates alarms: real time, or faster, so that a canary of five
 * minutes can be watched in seconds.
 */
export class Clock {
  readonly #scale: number;
  readonly #started = Date.now();

  /** @param scale How many times as fast as real time the clock runs. */
  constructor(scale = 1) {
    this.#scale = scale;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#started + (Date.now() - this.#started) * this.#scale;
  }

  /** Runs something when `ms` milliseconds have passed on this clock; returns what cancels it. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms / this.#scale).unref();
    return () => clearTimeout(timer);
  }
}
