import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { Lambda } from "@aws-sdk/client-lambda";
import { ReleaseError } from "./failures.ts";

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

/**
 * The clients, with the SDK's own retries.
 *
 * @param requestTimeout After how many ms an attempt counts as failed: more than a function's longest 29 seconds and its start.
 */
export function clients(requestTimeout = 60_000): Clients {
  // Without throwOnRequestTimeout the SDK only warns, and waits for ever.
  const requestHandler = { connectionTimeout: 10_000, requestTimeout, throwOnRequestTimeout: true };
  return {
    lambda: new Lambda({ requestHandler }),
    codedeploy: new CodeDeploy({ requestHandler }),
    cloudwatch: new CloudWatch({ requestHandler }),
    logs: new CloudWatchLogs({ requestHandler }),
  };
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
      "CODEDEPLOY_APPLICATION is not set: it is <project>-<stack>, for example push-to-live-dev; the deploy build has it",
    );
  }
  return application;
}
