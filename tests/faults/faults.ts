import type { Call, Fault } from "./faultProxy.ts";

/** Something that goes wrong with a call. */
export interface Trouble {
  readonly name: string;
  /**
   * `passing`: the SDK tries again; `conflict`: Lambda's word for an update that another one came before; `limit`: CodeDeploy's for a
   * deployment that is under way; `refusal`: no further try is of use.
   */
  readonly kind: "conflict" | "limit" | "passing" | "refusal";
  readonly faultOf: (call: Call) => Fault;
}

function refusal(status: number, error: string): () => Fault {
  return () =>
    ({ refuse }) =>
      refuse(status, error);
}

const throttled = { lambda: refusal(429, "TooManyRequestsException"), other: refusal(400, "ThrottlingException") };

/** What can go wrong with any call. */
export const troubles: readonly Trouble[] = [
  {
    name: "throttling",
    kind: "passing",
    faultOf: ({ service }) => (service === "lambda" ? throttled.lambda() : throttled.other()),
  },
  { name: "status 500", kind: "passing", faultOf: refusal(500, "InternalFailure") },
  { name: "status 503", kind: "passing", faultOf: refusal(503, "ServiceUnavailable") },
  {
    name: "no answer in time",
    kind: "passing",
    // The work is done all the same, which is the worst of it.
    faultOf:
      () =>
      ({ work }) =>
        work(),
  },
  {
    name: "the connection dropped before the work was done",
    kind: "passing",
    faultOf:
      () =>
      ({ drop }) =>
        drop(),
  },
  {
    name: "the connection dropped after the work was done",
    kind: "passing",
    faultOf:
      () =>
      ({ work, drop }) =>
        work().then(drop),
  },
  { name: "ResourceConflictException", kind: "conflict", faultOf: refusal(409, "ResourceConflictException") },
  { name: "PreconditionFailedException", kind: "conflict", faultOf: refusal(412, "PreconditionFailedException") },
  {
    name: "DeploymentLimitExceededException",
    kind: "limit",
    faultOf: refusal(400, "DeploymentLimitExceededException"),
  },
  { name: "AccessDeniedException", kind: "refusal", faultOf: refusal(403, "AccessDeniedException") },
];
