/**
 * Where a call of a release is, by what comes of an error that no further try mends.
 * `first`: the release ends, and nothing has changed. `look`: it ends, and the next release repairs what it has left. `step`: so it does, but
 * starts over where Lambda or CodeDeploy says that another one came before. `watch`: it looks again, and when it may not, it ends, and
 * the deployment goes on by itself.
 * `end`: as a step; where it starts over, it finds its own version live. `tidying`: it goes on, and what is left is left to the next release.
 */
export type Part = "end" | "first" | "look" | "step" | "tidying" | "watch";

/** The calls of a canary release that finds what a release that died has left, and old versions. */
export const callsOfRelease: readonly (readonly [place: string, part: Part])[] = [
  ["GetAlias after the start", "first"],
  ["GetFunction after the start", "first"],
  ["ListDeployments after the start", "step"],
  ["UpdateAlias after ListDeployments", "step"],
  ["GetAlias after UpdateAlias", "look"],
  ["GetFunction after UpdateAlias", "look"],
  ["ListDeployments after UpdateAlias", "step"],
  ["DescribeAlarms after ListDeployments", "tidying"],
  ["DeleteAlarms after DescribeAlarms", "tidying"],
  ["GetFunction after DeleteAlarms", "step"],
  ["UpdateAlias after DeleteAlarms", "step"],
  ["UpdateFunctionCode after UpdateAlias", "step"],
  ["GetFunction after UpdateFunctionCode", "step"],
  ["PublishVersion after UpdateFunctionCode", "step"],
  ["GetFunction after PublishVersion", "step"],
  ["Invoke after PublishVersion", "step"],
  ["GetDeploymentGroup after Invoke", "step"],
  ["GetDeploymentConfig after GetDeploymentGroup", "step"],
  ["PutMetricAlarm after GetDeploymentConfig", "step"],
  ["DescribeAlarms after PutMetricAlarm", "step"],
  ["GetAlias after DescribeAlarms", "step"],
  ["CreateDeployment after DescribeAlarms", "step"],
  ["PutMetricAlarm after CreateDeployment", "tidying"],
  ["GetDeployment after PutMetricAlarm", "watch"],
  ["GetAlias after PutMetricAlarm", "watch"],
  ["GetMetricData after PutMetricAlarm", "tidying"],
  ["GetAlias after the deployment's end", "end"],
  ["GetFunction after the deployment's end", "end"],
  ["DeleteAlarms after the deployment's end", "tidying"],
  ["ListVersionsByFunction after DeleteAlarms", "tidying"],
  ["ListAliases after ListVersionsByFunction", "tidying"],
  ["DeleteFunction after ListAliases", "tidying"],
];

/** The calls with which a release stops the deployment of an older commit; it then goes on as any other. */
export const callsOfMakingWay: readonly (readonly [place: string, part: Part])[] = [
  ["GetAlias after the start", "first"],
  ["GetFunction after the start", "first"],
  ["ListDeployments after the start", "step"],
  ["GetDeployment after ListDeployments", "step"],
  ["UpdateAlias after ListDeployments", "step"],
  ["GetDeployment after UpdateAlias", "watch"],
  ["StopDeployment after UpdateAlias", "watch"],
  ["GetDeployment after StopDeployment", "watch"],
  // The rollback is a deployment of its own.
  ["GetDeployment after the deployment's end", "watch"],
  ["GetAlias after the deployment's end", "step"],
  ["GetFunction after the deployment's end", "step"],
  ["ListDeployments after the deployment's end", "step"],
];
