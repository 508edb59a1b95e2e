import { AsyncLocalStorage } from "node:async_hooks";
import type { Lambda } from "@aws-sdk/client-lambda";

/** A budget of so many calls in any window of time. */
export interface Rate {
  readonly calls: number;
  /** In ms. */
  readonly windowMs: number;
}

const patience = new AsyncLocalStorage<true>();

/** Has the calls that `work` makes wait for their turn behind all others: what only looks, and what can be done later. */
export function patiently<T>(work: () => Promise<T>): Promise<T> {
  return patience.run(true, work);
}

/**
 * Makes the promise of a turn: no more of them begin in any window than the rate has, in the order in which they were asked for. It resolves
 * to when the turn began, by the process's own clock, in ms.
 */
export function rateLimit({ calls, windowMs }: Rate): () => Promise<number> {
  type Begin = (now: number) => void;
  const waiting: Begin[] = [];
  const waitingPatiently: Begin[] = [];
  /** When each of the last turns began. */
  const begun: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  function begin(): void {
    timer = undefined;
    for (;;) {
      const now = performance.now();
      const wait = begun.length < calls ? 0 : (begun[0] ?? now) + windowMs - now;
      const next = wait > 0 ? undefined : (waiting.shift() ?? waitingPatiently.shift());
      if (!next) {
        if (waiting.length + waitingPatiently.length > 0) {
          timer = setTimeout(begin, Math.ceil(wait));
        }
        return;
      }
      begun.splice(0, begun.length - calls + 1);
      begun.push(now);
      next(now);
    }
  }
  return () =>
    new Promise((resolve) => {
      (patience.getStore() ? waitingPatiently : waiting).push(resolve);
      if (!timer) {
        begin();
      }
    });
}

/** Has each try of a client's calls wait for its turn. */
export function limitCalls(
  { middlewareStack }: { readonly middlewareStack: unknown },
  turn: (operation: string) => Promise<void>,
): void {
  (middlewareStack as Lambda["middlewareStack"]).add(
    (next, { commandName = "" }) =>
      async (args) => {
        await turn(commandName.replace(/Command$/, ""));
        return next(args);
      },
    // Within the SDK's retries: what Lambda has refused counts again.
    { step: "finalizeRequest", priority: "low" },
  );
}
