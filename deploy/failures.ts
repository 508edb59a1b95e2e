/** A release or a rollback that ended as it should when something is wrong: the message says what, what is live, and what to do. */
export class ReleaseError extends Error {
  override readonly name: string = "ReleaseError";
}

/** What was decided on does not hold any more: another release or a rollback came in between. */
export class Overtaken extends ReleaseError {}

/** A version had traffic, and does not have it any more. */
export class TrafficReturned extends ReleaseError {}

/** What to tell of an error: with its name, unless the message was written for the user. */
export function messageOf(error: unknown): string {
  if (error instanceof ReleaseError) {
    return error.message;
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Whether AWS answered with one of these errors. */
export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/** Lambda's refusals of an update or a version that another one came before, and what another release or a rollback did meanwhile. */
export function isConflict(error: unknown): boolean {
  return error instanceof Overtaken || isNamed(error, "PreconditionFailedException", "ResourceConflictException");
}
