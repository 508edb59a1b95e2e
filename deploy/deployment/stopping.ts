import { isNamed, messageOf } from "../failures.ts";
import type { Stack } from "../stack.ts";

/**
 * Stops a deployment and has its traffic returned, once that is asked for; where CodeDeploy does not take it, it is asked again. A deployment
 * that has just ended is left as it ended.
 *
 * @see https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
 */
export class Stopping {
  readonly #stack: Stack;
  readonly #name: string;
  readonly #id: string;
  #isAskedFor = false;

  /**
   * @param name The function's folder in `functions/`.
   * @param id The deployment's.
   */
  constructor(stack: Stack, name: string, id: string) {
    this.#stack = stack;
    this.#name = name;
    this.#id = id;
  }

  /** Whether CodeDeploy has been asked, and has taken it. */
  get isAskedFor(): boolean {
    return this.#isAskedFor;
  }

  /** @throws when CodeDeploy does not take it: the next look asks again. */
  async ask(): Promise<void> {
    const { codedeploy, log } = this.#stack;
    try {
      await codedeploy.stopDeployment({ deploymentId: this.#id, autoRollbackEnabled: true });
      log(`${this.#name}: stopping deployment ${this.#id}`);
    } catch (error) {
      if (!isNamed(error, "DeploymentAlreadyCompletedException")) {
        log(`${this.#name}: deployment ${this.#id} could not be stopped: ${messageOf(error)}`);
        throw error;
      }
    }
    this.#isAskedFor = true;
  }
}
