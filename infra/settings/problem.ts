/** Why a setting is not usable, as zod's issues tell it, too. */
export interface Problem {
  /** The setting's key, and the way to a member of its value. */
  readonly path: readonly PropertyKey[];
  /** What follows the key; where it begins with `is {value}`, the value is shown unless it is encrypted. */
  readonly message: string;
  readonly input?: unknown;
}

/** The message of a value that is against its rule, e.g. `it must be one of true, false`. */
export function against(rule: string): string {
  return `is {value}: ${rule}`;
}

/** The same where the value is never shown, as it is not what matters. */
export function hidden(rule: string): string {
  return `is "***": ${rule}`;
}

/** A problem as its reader sees it. @param isSecret Whether the value, or any part of it, is encrypted. */
export function textOfProblem(namespace: string, { path, message, input }: Problem, isSecret: boolean): string {
  return `${namespace}:${path.join(".")} ${message.replace(/^is \{value\}/, () => `is ${isSecret ? '"***"' : shown(input)}`)}`;
}

function shown(value: unknown): string {
  // A URL may carry a password or a token.
  return value === undefined ? "not set" : JSON.stringify(value).replace(/\/\/[^/@]*@/, "//***@");
}
