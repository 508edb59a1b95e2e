import type { Statement } from "./policies.ts";

/** What IAM decides about one call. */
export type Decision = "allowed" | "denied" | "explicitly denied";

const known = ["Sid", "Effect", "Action", "Resource"];

/**
 * Evaluates the policies of a role for an action on a resource, as IAM does for a caller of the same account with no other policy: a denial
 * goes before what is allowed, and what nothing allows is denied. `*` and `?` match as in IAM, actions without regard to case.
 *
 * @throws {Error} for what it does not know: a condition, an exception (`NotAction` …), another effect.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function decide(statements: readonly Statement[], action: string, resource: string): Decision {
  for (const statement of statements) {
    const unknown = Object.keys(statement).filter((key) => !known.includes(key));
    if (unknown.length > 0 || !["Allow", "Deny"].includes(statement.Effect)) {
      throw new Error(
        `the evaluator does not know ${JSON.stringify(statement)}: ${unknown.join(", ") || "its effect"}`,
      );
    }
  }
  const matching = statements.filter(
    ({ Action, Resource }) =>
      [Action].flat().some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
      [Resource].flat().some((pattern) => matches(pattern, resource)),
  );
  if (matching.some(({ Effect }) => Effect === "Deny")) {
    return "explicitly denied";
  }
  return matching.length > 0 ? "allowed" : "denied";
}

/** Whether an ARN is one that a pattern of a policy stands for. */
export function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`, "s").test(text);
}
