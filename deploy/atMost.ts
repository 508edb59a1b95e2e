/** Has work under way within some limit: what is returned by `atMost`. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** Has at most `count` pieces of work under way at once; what is returned takes the next, and resolves as it does. */
export function atMost(count: number): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running === count) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) {
        next();
      } else {
        running -= 1;
      }
    }
  };
}
