import { AwsError, type AwsService } from "../../aws/awsEndpoint.ts";

/** How many control-plane requests Lambda takes in any window of time. */
export interface Quota {
  readonly requests: number;
  /** In ms. */
  readonly windowMs: number;
}

/** What AWS has, for all functions of an account and region, and does not raise. */
export const awsQuota: Quota = { requests: 15, windowMs: 1000 };

/** Operations that have a quota of their own, or none. */
const isOwn = new Set(["GetFunction", "GetPolicy", "Invoke"]);

/**
 * Lambda's quota of control-plane requests, of which every caller takes: whoever calls the endpoint, and CodeDeploy.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
 */
export class RequestQuota {
  readonly #quota: Quota;
  /** When each of the last requests came, by the process's own clock, in ms. */
  readonly #taken: number[] = [];

  constructor(quota: Quota) {
    this.#quota = quota;
  }

  /** Counts a request; false when it is one too many. */
  take(): boolean {
    const now = performance.now();
    while ((this.#taken[0] ?? now) <= now - this.#quota.windowMs) {
      this.#taken.shift();
    }
    return this.#taken.length < this.#quota.requests && this.#taken.push(now) > 0;
  }

  /** The service, with each request beyond the quota refused. */
  applyTo(service: AwsService): AwsService {
    const operations = Object.entries(service.operations).map(([name, operation]) => {
      const limited = (input: object) => {
        if (!isOwn.has(name) && !this.take()) {
          throw new AwsError("TooManyRequestsException", "Rate exceeded");
        }
        return operation.run(input);
      };
      return [name, { ...operation, run: limited }] as const;
    });
    return { ...service, operations: Object.fromEntries(operations) };
  }
}
