/** How an AWS SDK client's call was refused. */
export interface Refusal {
  readonly name: string;
  readonly message: string;
  /** The HTTP status. */
  readonly status?: number;
}

/** The refusal of a call; one named `none` where it was not refused. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  return call.then(
    () => ({ name: "none", message: "nothing was refused" }),
    ({ name, message, $metadata }) => ({ name, message, status: $metadata?.httpStatusCode }),
  );
}
