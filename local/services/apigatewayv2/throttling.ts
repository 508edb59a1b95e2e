/** A `Stage`'s `defaultRouteSettings`. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html */
export interface Throttling {
  /** Requests per second that each route takes in the long run. */
  readonly throttlingRateLimit: number;
  /** Requests that each route takes at once: the size of its token bucket. */
  readonly throttlingBurstLimit: number;
}

/**
 * A token bucket for each route, full at first.
 *
 * @param now A clock that never goes back, in seconds.
 * @returns What takes a token from a route's bucket, and says whether there was a whole one.
 */
export function tokenBuckets(throttling: Throttling, now: () => number): (routeKey: string) => boolean {
  const { throttlingRateLimit: rate, throttlingBurstLimit: burst } = throttling;
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  return (routeKey) => {
    const at = now();
    const last = buckets.get(routeKey) ?? { tokens: burst, at };
    const tokens = Math.min(burst, last.tokens + (at - last.at) * rate);
    if (tokens >= 1) {
      buckets.set(routeKey, { tokens: tokens - 1, at });
    }
    return tokens >= 1;
  };
}
