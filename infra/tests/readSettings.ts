import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { readSettings, type Settings } from "../settings/settings.ts";
import { dev, type EvaluationError, evaluate, failureOf, type Stack } from "./mocks.ts";
import { withSettings } from "./stacks.ts";

/** The settings of a stack with functions in these folders. */
export async function settingsOf(stack: Stack, folders: readonly string[] = ["hello-user"]): Promise<Settings> {
  return (await evaluate(stack, () => readSettings(folders))).result;
}

/** The error with which a stack's settings are refused, before anything is registered. */
export function refusalOf(stack: Stack, folders: readonly string[] = ["hello-user"]): Promise<EvaluationError> {
  return refusedBy(evaluate(stack, () => readSettings(folders)));
}

/** The error of an evaluation, which Pulumi shows without a stack trace. */
export async function refusedBy(evaluation: Promise<unknown>): Promise<EvaluationError> {
  const failure = await failureOf(evaluation);
  expect(failure.registrations).to.deep.equal([]);
  expect(pulumi.RunError.isInstance(failure.cause)).to.equal(true);
  return failure;
}

/** The message of settings with exactly these problems. */
export function refusal(...problems: string[]): string {
  return [
    `${problems.length === 1 ? "1 setting is" : `${problems.length} settings are`} not usable; nothing was changed.`,
    ...problems.map((problem) => `  - ${problem}`),
    "Set a value with: pulumi config set <key> <value>",
  ].join("\n");
}

/**
 * Defines a test for each of a setting's values that it is refused, as the only problem and with the setting's rule.
 *
 * @param beside What the setting needs beside it.
 */
export function refusesEach(key: string, rule: string, values: readonly string[], beside: Stack["config"] = {}): void {
  for (const value of values) {
    it(`${key} = ${JSON.stringify(value)}`, async () => {
      const { message } = await refusalOf(withSettings({ ...beside, [key]: value }));
      expect(message).to.equal(refusal(`${dev.project}:${key} is ${JSON.stringify(value)}: ${rule}`));
    });
  }
}

/** What is allowed of a strategy, the stack's or a function's. */
export const strategyRule =
  "it must be allAtOnce, canary<percent>Percent<minutes>Minutes, such as canary10Percent5Minutes, or linear<percent>PercentEvery<minutes>Minutes, such as linear10PercentEvery1Minute: 1 to 99 percent, 2155 minutes at most in all";
