import { Clock } from "../aws/clock.ts";
import type { LocalCloud } from "../cloud.ts";

/** A clock that goes on only when it is told to: what waits for it stays as it is however slow the machine, and is over at once when it may. */
export class ManualClock extends Clock {
  #time = Date.UTC(2026, 0, 1);
  #waiting: { readonly at: number; readonly run: () => void }[] = [];

  override now(): number {
    return this.#time;
  }

  override after(ms: number, run: () => void): () => void {
    if (ms === 0) {
      const due = setImmediate(run);
      return () => clearImmediate(due);
    }
    const wait = { at: this.#time + ms, run };
    this.#waiting.push(wait);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== wait);
    };
  }

  /** Whether nothing waits for it. */
  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  /** Has so many seconds pass, with all that falls due in them, in order. */
  advance(seconds: number): void {
    const end = this.#time + seconds * 1000;
    for (;;) {
      const [next] = this.#waiting.toSorted((a, b) => a.at - b.at);
      if (!next || next.at > end) {
        break;
      }
      this.#waiting = this.#waiting.filter((each) => each !== next);
      this.#time = next.at;
      next.run();
    }
    this.#time = end;
  }
}

/** Has each rollback be over as soon as it has begun: no test looks at one that is under way. */
export function hurryRollbacks({ codedeploy }: LocalCloud, clock: ManualClock): void {
  codedeploy.on("deployment", ({ creator, status }) => {
    if (creator === "codeDeployRollback" && status === "InProgress") {
      // Once it waits for the clock.
      setImmediate(() => clock.advance(2));
    }
  });
}
