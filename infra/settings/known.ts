import * as pulumi from "@pulumi/pulumi";

/** Every setting of the project's own namespace. */
export const settingKeys = [
  "alarms",
  "alertSubscribers",
  "alerts",
  "branch",
  "buildCompute",
  "buildTimeoutMinutes",
  "certificateArn",
  "connectionArn",
  "corsOrigins",
  "defaultEndpoint",
  "domainName",
  "functions",
  "hostedZoneId",
  "jwtAudience",
  "jwtIssuer",
  "logRetentionDays",
  "previewKmsKeyArn",
  "previewRole",
  "previewStateBucket",
  "previewSubject",
  "protect",
  "pullRequestConnectionArn",
  "pullRequestToken",
  "pullRequestTokenKmsKeyArn",
  "pullRequestTokenSecretArn",
  "pullRequests",
  "releaseStrategy",
  "repository",
  "throttlingBurstLimit",
  "throttlingRateLimit",
  "token",
  "tokenKmsKeyArn",
  "tokenSecretArn",
  "tracing",
] as const;

/** The keys of the stack's configuration in the project's namespace that are no settings, each with the setting that is nearest to it. */
export function unknownSettings(config: pulumi.Config): { readonly key: string; readonly nearest: string }[] {
  const namespace = `${config.name}:`;
  return Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(namespace))
    .map((key) => key.slice(namespace.length))
    .filter((key) => !settingKeys.some((known) => known === key))
    .map((key) => ({ key, nearest: nearestOf(key, settingKeys) }));
}

/** Of the known words the one with the fewest letters to add, leave out or change. */
export function nearestOf(word: string, known: readonly string[]): string {
  const distances = known.map((other) => distance(word.toLowerCase(), other.toLowerCase()));
  return known[distances.indexOf(Math.min(...distances))] ?? "";
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
