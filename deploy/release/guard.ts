import { errorsOf } from "../deployment/versionErrors.ts";
import { messageOf } from "../failures.ts";
import type { Live } from "../live.ts";
import type { Stack } from "../stack.ts";

/**
 * Makes an alarm on the errors of one version among the requests to `live`, which only a release can make, since it knows the version. With
 * it goes the API's own alarm on status 5xx, unless that rings already: an incident must not keep its own fix from going live.
 *
 * @returns The names of the alarms on which the deployment is to stop.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
 */
export async function guard({ application, cloudwatch, log }: Stack, live: Live, version: string): Promise<string[]> {
  const own = alarmName(live.functionName, version);
  await putGuard({ cloudwatch }, live.functionName, version);
  const ofApi = `${application}-api-5xx`;
  const { MetricAlarms: [alarm] = [] } = await cloudwatch.describeAlarms({ AlarmNames: [ofApi] });
  if (!alarm || alarm.StateValue === "ALARM") {
    const why = alarm ? "rings already" : "does not exist";
    log(`the alarm ${ofApi} ${why}: only the errors of version ${version} stop this release`);
    return [own];
  }
  return [own, ofApi];
}

/**
 * Makes the alarm on a version's errors once more, where another build of the same commit has taken it for one that was left; one that is
 * there keeps its state. Where it cannot be made, that is told, and the deployment goes on.
 */
export async function renewGuard(stack: Stack, functionName: string, version: string): Promise<void> {
  await attempt(stack, "the release's alarm could not be renewed", () => putGuard(stack, functionName, version));
}

async function putGuard(
  { cloudwatch }: Pick<Stack, "cloudwatch">,
  functionName: string,
  version: string,
): Promise<void> {
  await cloudwatch.putMetricAlarm({
    AlarmName: alarmName(functionName, version),
    AlarmDescription: `Version ${version} fails while it gets traffic; the release makes and removes this alarm`,
    ...errorsOf(functionName, version),
    Statistic: "Sum",
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    TreatMissingData: "notBreaching",
  });
}

/** Removes the alarm that a release has made for its version; where it cannot be removed, that is told, and it is left for the next release. */
export async function removeGuard(stack: Stack, functionName: string, version: string): Promise<void> {
  await attempt(stack, isLeft, () => stack.cloudwatch.deleteAlarms({ AlarmNames: [alarmName(functionName, version)] }));
}

/** Removes what ended releases of a function have left of such alarms. */
export async function removeStrayGuards(stack: Stack, functionName: string): Promise<void> {
  const prefix = alarmName(functionName, "").replace(/-errors$/, "");
  await attempt(stack, isLeft, async () => {
    const { MetricAlarms = [] } = await stack.cloudwatch.describeAlarms({ AlarmNamePrefix: prefix });
    const names = MetricAlarms.map(({ AlarmName = "" }) => AlarmName);
    if (names.length > 0) {
      await stack.cloudwatch.deleteAlarms({ AlarmNames: names });
    }
  });
}

const isLeft = "an alarm of a release is left for the next one to remove";

/** Does something that a release can do without; where it fails, `otherwise` is told, and why. */
async function attempt({ log }: Stack, otherwise: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log(`${otherwise}: ${messageOf(error)}`);
  }
}

// No function's name holds a slash, so that the prefix is of one function's guards, and of nothing else.
function alarmName(functionName: string, version: string): string {
  return `${functionName}/version-${version}-errors`;
}
