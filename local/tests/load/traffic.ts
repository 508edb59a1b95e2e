import { Agent, get } from "node:http";
import { liveAlias } from "../../../deploy/live.ts";
import type { Lambda } from "../../services/lambda/lambda.ts";
import { binomialTest } from "./binomial.ts";

/** A time in which `live` referred to the same versions by the same weights. */
export interface Interval {
  /** When it began, in ms by `performance.now()`; it ends where the next begins. */
  readonly began: number;
  readonly version: string;
  /** The share of requests, from 0 to 1, that another version was to get. */
  readonly weights: Readonly<Record<string, number>>;
  /** How many requests each version got. */
  readonly got: Map<string, number>;
}

/** A request, and what came of it; times are in ms by `performance.now()`. */
export interface Answer {
  readonly began: number;
  readonly ended: number;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly body: string;
}

/** The expression with which a handler's answer, or what it throws, begins to tell its version. */
export const tellingVersion = '"version " + process.env.AWS_LAMBDA_FUNCTION_VERSION + " "';

/** The version that a text tells by `tellingVersion`. */
export function versionIn(text: string): string | undefined {
  return /\bversion (\d+)\b/.exec(text)?.[1];
}

/**
 * The requests to a function, and what `live` referred to meanwhile. A request belongs to the interval in which Lambda took it, since that is
 * when its version is chosen: to count those only that begin and end in one would leave out the slow ones, and those are the new version's.
 */
export class Traffic {
  readonly intervals: Interval[] = [];
  readonly answers: Answer[] = [];

  /** @param lambda The local cloud's, of which each move of the alias and each request is noted from now on. */
  constructor(lambda: Lambda, functionName: string) {
    const [putAlias, invoke] = [lambda.putAlias.bind(lambda), lambda.invoke.bind(lambda)];
    const note = (version: string, weights: Readonly<Record<string, number>> = {}): void => {
      this.intervals.push({ began: performance.now(), version, weights, got: new Map() });
    };
    const { FunctionVersion: now = "" } = lambda.getAlias(functionName, liveAlias);
    note(now);
    lambda.putAlias = (name, alias, version, weights) => {
      const arn = putAlias(name, alias, version, weights);
      if (name === functionName && alias === liveAlias) {
        note(version, weights);
      }
      return arn;
    };
    lambda.invoke = async (name, qualifier, event) => {
      const interval = this.intervals.at(-1);
      const result = await invoke(name, qualifier, event);
      const version = versionIn(result.payload);
      if (name === functionName && qualifier === liveAlias && version !== undefined) {
        interval?.got.set(version, (interval.got.get(version) ?? 0) + 1);
      }
      return result;
    };
  }

  /** Makes requests over `connections` that are kept alive, without a pause, until `isEnough`. */
  async make(url: string, connections: number, isEnough: () => boolean): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (!isEnough()) {
          const began = performance.now();
          const { status, body } = await request(url, agent);
          this.answers.push({ began, ended: performance.now(), status, body });
        }
      }),
    );
    agent.destroy();
  }

  /** The versions that `live` referred to at some moment of a request. */
  versionsDuring({ began, ended }: Answer): Set<string> {
    const during = this.intervals.filter(
      (interval, index) => interval.began <= ended && (this.intervals[index + 1]?.began ?? ended) >= began,
    );
    return new Set(during.flatMap(({ version, weights }) => [version, ...Object.keys(weights)]));
  }

  /** How many requests came in an interval. */
  requestsIn({ got }: Interval): number {
    return [...got.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How likely the least likely share of requests is by its weight: in each interval, and in all of the same weight together. */
  leastLikely(): number {
    const shares = this.intervals.flatMap((interval) =>
      Object.entries(interval.weights).map(([version, weight]) => {
        return { weight, got: interval.got.get(version) ?? 0, of: this.requestsIn(interval) };
      }),
    );
    const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
    const together = [...Map.groupBy(shares, ({ weight }) => weight)].map(([weight, same]) => {
      return { weight, got: sum(same.map(({ got }) => got)), of: sum(same.map((share) => share.of)) };
    });
    return Math.min(1, ...[...shares, ...together].map(({ weight, got, of }) => binomialTest(got, of, weight)));
  }
}

function request(url: string, agent: Agent): Promise<Pick<Answer, "body" | "status">> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", ({ message }) => resolve({ status: 0, body: message }));
    }).on("error", ({ message }) => resolve({ status: 0, body: message }));
  });
}
