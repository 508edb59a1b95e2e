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

/** Answers with an error of AWS's. */
function answering(kind: Trouble["kind"], status: number, error: string, name = error): Trouble {
  const fault: Fault = ({ refuse }) => refuse(status, error);
  return { name, kind, faultOf: () => fault };
}

const throttlingOf = {
  lambda: answering("passing", 429, "TooManyRequestsException"),
  others: answering("passing", 400, "ThrottlingException"),
};

/** Each service throttles in words of its own. */
export const throttling: Trouble = {
  name: "throttling",
  kind: "passing",
  faultOf: (call) => throttlingOf[call.service === "lambda" ? "lambda" : "others"].faultOf(call),
};

/** The work is done all the same, which is the worst of it. */
export const noAnswer: Trouble = {
  name: "no answer in time",
  kind: "passing",
  faultOf:
    () =>
    ({ work }) =>
      work(),
};

export const droppedBeforeTheWork: Trouble = {
  name: "the connection dropped before the work was done",
  kind: "passing",
  faultOf: () => (exchange) => exchange.drop(),
};

export const droppedAfterTheWork: Trouble = {
  name: "the connection dropped after the work was done",
  kind: "passing",
  faultOf: () => async (exchange) => {
    await exchange.work();
    exchange.drop();
  },
};

export const conflict = answering("conflict", 409, "ResourceConflictException");
export const stale = answering("conflict", 412, "PreconditionFailedException", "a stale RevisionId");
export const limitExceeded = answering("limit", 400, "DeploymentLimitExceededException");
export const internalError = answering("passing", 500, "InternalFailure", "status 500");
export const unavailable = answering("passing", 503, "ServiceUnavailable", "status 503");
export const accessDenied = answering("refusal", 403, "AccessDeniedException");
