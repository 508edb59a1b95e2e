import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { ReleaseError } from "./failures.ts";
import { limitCalls, rateLimit } from "./rateLimit.ts";

/** The clients of the services that a release calls. */
export interface Clients {
  readonly lambda: Lambda;
  readonly codedeploy: CodeDeploy;
  readonly cloudwatch: CloudWatch;
  readonly logs: CloudWatchLogs;
}

/** The stack whose functions are deployed, and how to reach it. */
export interface Stack extends Clients {
  /** The CodeDeploy application, `<project>-<stack>`; a function's Lambda name is `<application>_<folder>`. */
  readonly application: string;
  /** Takes a line of progress. */
  readonly log: (line: string) => void;
  /** Stops the work when it is aborted: a deployment that is under way is stopped, and its traffic returned. */
  readonly signal?: AbortSignal;
}

/** How many functions are read, published, settled and pruned at once; all of their deployments are watched together. */
export const functionsAtOnce = 4;

/** Lambda's operations with a quota of their own; all others share one of 15 a second, of the whole account, which is not adjustable. */
const withOwnQuota = ["GetFunction", "GetPolicy", "Invoke"];
/** How many calls a second of those a release or a rollback makes, of however many functions: CodeDeploy makes some too, and others may. */
const callsASecond = 6;

/**
 * Keeps all calls of two clients within Lambda's quota: six calls in any window of a second, of which a deployment that is created takes one,
 * because CodeDeploy updates the alias for it, and no two deployments in the same window.
 *
 * @param windowMs How long the second is.
 * @param onTurn Told of each call that takes a turn, and when, by the process's own clock, in ms.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export function keepWithinQuota(
  { lambda, codedeploy }: Pick<Clients, "codedeploy" | "lambda">,
  windowMs = 1000,
  onTurn: (operation: string, at: number) => void = () => {},
): void {
  const turn = rateLimit({ calls: callsASecond, windowMs });
  const turnToDeploy = rateLimit({ calls: 1, windowMs });
  limitCalls(lambda, async (operation) => {
    if (!withOwnQuota.includes(operation)) {
      onTurn(operation, await turn());
    }
  });
  limitCalls(codedeploy, async (operation) => {
    if (operation === "CreateDeployment") {
      await turnToDeploy();
      onTurn(operation, await turn());
    }
  });
}

/**
 * The clients, with the SDK's own retries, which slow down where a service asks for it.
 *
 * @param requestTimeout After how many ms an attempt counts as failed: more than a function's longest 29 seconds and its start.
 */
export function clients(requestTimeout = 60_000): Clients {
  // Without throwOnRequestTimeout the SDK only warns, and waits for ever.
  const requestHandler = { connectionTimeout: 10_000, requestTimeout, throwOnRequestTimeout: true };
  const options = { requestHandler, retryMode: "adaptive" };
  const made = {
    lambda: new Lambda(options),
    codedeploy: new CodeDeploy(options),
    cloudwatch: new CloudWatch(options),
    logs: new CloudWatchLogs(options),
  };
  keepWithinQuota(made);
  return made;
}

/**
 * The CodeDeploy application that the environment names.
 *
 * @throws {ReleaseError} when `CODEDEPLOY_APPLICATION` is not set.
 */
export function codeDeployApplication(): string {
  const application = process.env.CODEDEPLOY_APPLICATION;
  if (!application) {
    throw new ReleaseError(
      "CODEDEPLOY_APPLICATION is not set: it is <project>-<stack>, such as shop-dev; the deploy build has it",
    );
  }
  return application;
}
