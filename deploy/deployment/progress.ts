import type { DeploymentInfo } from "@aws-sdk/client-codedeploy";
import { type LiveAlias, percent } from "../live.ts";
import type { Stack } from "../stack.ts";
import type { Deployment } from "./starting.ts";
import { minutesLeft } from "./strategy.ts";
import { countErrors } from "./versionErrors.ts";

const minuteMs = 60_000;

/** Tells how a deployment goes on: when its weight changes, and every minute. */
export class Progress {
  readonly #stack: Stack;
  readonly #deployment: Deployment;
  #weight = 0;
  /** When the weight changed, by this machine's clock, in ms. */
  #changed = 0;
  #told = 0;

  constructor(stack: Stack, deployment: Deployment) {
    this.#stack = stack;
    this.#deployment = deployment;
  }

  /** Whether the new version was seen to have traffic. */
  get hadTraffic(): boolean {
    return this.#weight > 0;
  }

  /** Takes what the alias is now, and tells it where that is something to tell. */
  async show(live: LiveAlias, { createTime = new Date() }: DeploymentInfo): Promise<void> {
    const { name, functionName, to, strategy } = this.#deployment;
    const weight = live.weights[to] ?? 0;
    const now = Date.now();
    if (weight === 0 || (weight === this.#weight && now - this.#told < minuteMs)) {
      return;
    }
    if (weight !== this.#weight) {
      this.#weight = weight;
      this.#changed = now;
    }
    this.#told = now;
    const errors = await countErrors(this.#stack, functionName, to, createTime);
    const minutes = minutesLeft(strategy, weight) - Math.floor((now - this.#changed) / minuteMs);
    this.#stack.log(
      `${name}: version ${to} has ${percent(weight)} of traffic, ${errors ?? "an unknown number of"} errors; ${Math.max(minutes, 0)} min left`,
    );
  }
}
