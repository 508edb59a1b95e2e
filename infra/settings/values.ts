import { z } from "zod";
import { against } from "./problem.ts";

/** A text of which `parse` makes the value; where it makes none, the rule says what is allowed. */
export function parsedBy<T>(parse: (text: string) => T | undefined, rule: string) {
  return z.string({ error: against(rule) }).transform((text, context) => {
    const value = parse(text);
    if (value === undefined) {
      context.addIssue(against(rule));
      return z.NEVER;
    }
    return value;
  });
}

/** A text that is as the pattern has it. */
export function matching(pattern: RegExp, rule: string) {
  return z.string({ error: against(rule) }).regex(pattern, { error: against(rule) });
}

/** One of the table's keys, which stands for its value there. */
export function keyOf<T>(table: Readonly<Record<string, T>>) {
  const rule = `it must be one of ${Object.keys(table).join(", ")}`;
  return parsedBy((text) => (Object.hasOwn(table, text) ? table[text] : undefined), rule);
}

/** `true` or `false`. */
export const trueOrFalse = keyOf({ true: true, false: false });

/** A whole number, in decimal. */
export function wholeNumber(least: number, most: number) {
  return parsedBy(
    (text) => (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined),
    `it must be a whole number from ${least} to ${most}`,
  );
}

/** JSON, as `pulumi config set --path` writes structures, of which the schema makes the value. Any other text stays a text. */
export function json<T extends z.ZodType>(schema: T) {
  return z.string().transform(jsonOf).pipe(schema);
}

/** What a text says in JSON; the text itself where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * An object with some of these members, and no others.
 *
 * @param message Of what is no such object.
 * @param unknown Of a member that is none of these.
 */
export function objectOf<T extends z.core.$ZodLooseShape>(shape: T, message: string, unknown: string) {
  return z.strictObject(shape, { error: ({ code }) => (code === "unrecognized_keys" ? unknown : message) });
}
