import type { Registration } from "./mocks.ts";

/** A statement of a policy, as the program writes it. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: string | string[];
  /** By operator, and by key. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The statements of a policy document. */
export function statementsIn(policy: unknown): readonly Statement[] {
  return (policy as { readonly Statement: readonly Statement[] }).Statement;
}

/** The statements of every role's policies. */
export function statementsOf(registrations: readonly Registration[]): readonly Statement[] {
  return registrations
    .filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy")
    .flatMap(({ inputs }) => statementsIn(inputs.policy));
}
