import { setTimeout as delay } from "node:timers/promises";

/** What a visitor was answered. */
export interface Visit {
  readonly status: number;
  /** When the request began, in ms since 1970. */
  readonly at: number;
}

/** How long a visitor waits between two requests, in ms. */
const pauseMs = 30;

/** Somebody who asks for the same page again and again, one request after the other, as long as the story is told. */
export class Visitors {
  /** Every answered request, the oldest first. */
  readonly visits: Visit[] = [];
  readonly #pardoned = new Set<Visit>();
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(url: string) {
    this.#url = url;
    this.#ended = this.#visit();
  }

  /** The visits that failed, but for those that were pardoned. */
  failed(): Visit[] {
    return this.visits.filter((visit) => visit.status !== 200 && !this.#pardoned.has(visit));
  }

  /** Pardons what failed since a time (in ms since 1970) with status 500; tells how many visits there were, and how many it pardoned. */
  pardon(since: number): { visits: number; failed: number } {
    const visits = this.visits.filter(({ at }) => at >= since);
    const failed = visits.filter(({ status }) => status === 500);
    for (const visit of failed) {
      this.#pardoned.add(visit);
    }
    return { visits: visits.length, failed: failed.length };
  }

  /** Ends the visits, and waits for the answer to the last. */
  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #visit(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const at = Date.now();
      // No answer is a failure, too.
      const status = await fetch(this.#url).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        () => 0,
      );
      this.visits.push({ status, at });
      await delay(pauseMs);
    }
  }
}
