import { z } from "zod";
import { corsOrigins, jwtAudience, jwtIssuer } from "./api.ts";
import { buildComputes } from "./buildComputes.ts";
import { connectionArn, keyArn, tokenFor, tokenSecretArn } from "./credentials.ts";
import { certificateArn, domainName, hostedZoneId } from "./domain.ts";
import { functionsIn } from "./functions.ts";
import { alarms, subscribers } from "./monitoring.ts";
import { previewRole, previewStateBucket } from "./previewRole.ts";
import { releaseStrategy } from "./releaseStrategies.ts";
import { branch, directory, repository } from "./repository.ts";
import { json, keyOf, trueOrFalse, wholeNumber } from "./values.ts";

/** The retention periods, in days, that CloudWatch Logs accepts (PutRetentionPolicy; 0, "never expire", is left out on purpose). */
export const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/**
 * Every setting of the project's namespace, as the text that Pulumi hands over: what stands in `prefault` holds where it is not set. The
 * table in the README tells what each is.
 *
 * @param folders The folders of the stack's functions.
 */
export function schemaFor(folders: readonly string[]) {
  return z.object({
    repository,
    connectionArn: connectionArn.optional(),
    tokenSecretArn: tokenSecretArn.optional(),
    token: tokenFor("token").optional(),
    tokenKmsKeyArn: keyArn.optional(),
    pullRequests: trueOrFalse.prefault("true"),
    pullRequestConnectionArn: connectionArn.optional(),
    pullRequestTokenSecretArn: tokenSecretArn.optional(),
    pullRequestToken: tokenFor("pullRequestToken").optional(),
    pullRequestTokenKmsKeyArn: keyArn.optional(),
    branch: branch.prefault("main"),
    directory: directory.optional(),
    releaseStrategy: releaseStrategy.prefault("allAtOnce"),
    logRetentionDays: keyOf(Object.fromEntries(retentionDays.map((days) => [days, days]))).prefault("30"),
    buildCompute: keyOf(buildComputes).prefault("x86"),
    buildTimeoutMinutes: wholeNumber(5, 2160).prefault("5"),
    corsOrigins: corsOrigins.prefault("[]"),
    throttlingRateLimit: wholeNumber(1, 1_000_000).prefault("100"),
    throttlingBurstLimit: wholeNumber(1, 1_000_000).prefault("200"),
    jwtIssuer: jwtIssuer.optional(),
    jwtAudience: jwtAudience.optional(),
    domainName: domainName.optional(),
    hostedZoneId: hostedZoneId.optional(),
    certificateArn: certificateArn.optional(),
    defaultEndpoint: trueOrFalse.prefault("true"),
    alerts: trueOrFalse.prefault("false"),
    alertSubscribers: subscribers.prefault("[]"),
    alarms: json(alarms).prefault("{}"),
    tracing: trueOrFalse.prefault("false"),
    protect: trueOrFalse.prefault("false"),
    functions: json(functionsIn(folders)).prefault("{}"),
    previewRole: previewRole.prefault("none"),
    previewSubject: z.string().optional(),
    previewStateBucket: previewStateBucket.optional(),
    previewKmsKeyArn: keyArn.optional(),
  });
}

/** The settings' values, each for itself. */
export type Values = z.output<ReturnType<typeof schemaFor>>;

/** A setting's key, without the project's name before it. */
export type SettingKey = keyof Values;

/** The texts of the settings that a stack sets. */
export type Texts = Readonly<Record<SettingKey, string | undefined>>;

/** The keys of all settings, in the README's order. */
export const settingKeys = Object.keys(schemaFor([]).shape) as SettingKey[];
