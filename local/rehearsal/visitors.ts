import { setTimeout as delay } from "node:timers/promises";

/** What a visitor was answered. */
export interface Visit {
  readonly status: number;
  /** When the answer came, in ms since 1970. */
  readonly at: number;
}

/** How long a visitor waits between two requests, in ms. */
export const pauseMs = 20;

/** How a visitor asks. */
export interface Asking {
  /** Asks once; the answer's status, 0 where there is none. */
  readonly ask: () => Promise<number>;
  /** Asks once without the token that is needed; undefined where none is. */
  readonly withoutToken?: (() => Promise<number>) | undefined;
  /** The status of a good answer. */
  readonly expected: number;
}

/** Asks an API for a page. */
export function asking(url: string): Asking {
  return { ask: () => statusOf(url), expected: 200 };
}

/** The status of the answer to a request; 0 where there is none, which is a failure, too. */
export async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  try {
    const response = await fetch(url, { redirect: "manual", ...init });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

/** Somebody who asks for the same again and again, one request after the other, as long as the story is told. */
export class Visitors {
  /** Every answered request, the oldest first. */
  readonly visits: Visit[] = [];
  readonly #pardoned = new Set<Visit>();
  readonly #asking: Asking | undefined;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  /** @param asking Left out where there is nothing to ask for. */
  constructor(asking: Asking | undefined) {
    this.#asking = asking;
    this.#ended = asking ? this.#visit(asking) : Promise.resolve();
  }

  /** The visits that failed, but for those that were pardoned. */
  failed(): Visit[] {
    return this.visits.filter((visit) => visit.status !== this.#asking?.expected && !this.#pardoned.has(visit));
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

  async #visit({ ask }: Asking): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const status = await ask();
      this.visits.push({ status, at: Date.now() });
      await delay(pauseMs);
    }
  }
}
