/**
 * Where a call of a release is. `first`: before anything has changed. `before` the deployment, where a release that another one came before
 * starts over. `during` it: what fails then ends the release, and the deployment goes on. `tidying`: what fails is left to the next release.
 */
export type Part = "before" | "during" | "first" | "tidying";

/** The calls of a canary release that finds what a release that died has left, and old versions. */
export const callsOfRelease: readonly (readonly [place: string, part: Part])[] = [
  ["GetAlias after the start", "first"],
  ["GetFunctionConfiguration after the start", "first"],
  ["ListDeployments after the start", "before"],
  ["UpdateAlias after ListDeployments", "before"],
  ["GetAlias after UpdateAlias", "before"],
  ["GetFunctionConfiguration after UpdateAlias", "before"],
  ["ListDeployments after UpdateAlias", "before"],
  ["DescribeAlarms after ListDeployments", "tidying"],
  ["DeleteAlarms after DescribeAlarms", "tidying"],
  ["GetFunctionConfiguration after DeleteAlarms", "before"],
  ["UpdateAlias after DeleteAlarms", "before"],
  ["UpdateFunctionCode after UpdateAlias", "before"],
  ["GetFunctionConfiguration after UpdateFunctionCode", "before"],
  ["PublishVersion after UpdateFunctionCode", "before"],
  ["GetFunctionConfiguration after PublishVersion", "before"],
  ["Invoke after PublishVersion", "before"],
  ["GetDeploymentGroup after Invoke", "before"],
  ["GetDeploymentConfig after GetDeploymentGroup", "before"],
  ["PutMetricAlarm after GetDeploymentConfig", "before"],
  ["DescribeAlarms after PutMetricAlarm", "before"],
  ["GetAlias after DescribeAlarms", "before"],
  ["GetFunctionConfiguration after DescribeAlarms", "before"],
  ["CreateDeployment after DescribeAlarms", "before"],
  ["GetDeployment after CreateDeployment", "during"],
  ["GetAlias after CreateDeployment", "during"],
  ["GetFunctionConfiguration after CreateDeployment", "during"],
  ["GetMetricData after CreateDeployment", "tidying"],
  ["GetAlias after the deployment's end", "during"],
  ["GetFunctionConfiguration after the deployment's end", "during"],
  ["DescribeAlarms after the deployment's end", "tidying"],
  ["DeleteAlarms after DescribeAlarms (2)", "tidying"],
  ["ListVersionsByFunction after DeleteAlarms", "tidying"],
  ["ListAliases after ListVersionsByFunction", "tidying"],
  ["DeleteFunction after ListAliases", "tidying"],
];

/** The calls with which a release stops the deployment of an older commit; it then goes on as any other. */
export const callsOfMakingWay: readonly (readonly [place: string, part: Part])[] = [
  ["GetAlias after the start", "first"],
  ["GetFunctionConfiguration after the start", "first"],
  ["ListDeployments after the start", "before"],
  ["GetDeployment after ListDeployments", "before"],
  ["UpdateAlias after ListDeployments", "before"],
  ["StopDeployment after UpdateAlias", "before"],
  ["GetDeployment after StopDeployment", "before"],
  // The rollback is a deployment of its own.
  ["GetDeployment after the deployment's end", "before"],
  ["GetAlias after the deployment's end", "before"],
  ["GetFunctionConfiguration after the deployment's end", "before"],
  ["ListDeployments after the deployment's end", "before"],
];
