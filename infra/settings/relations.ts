import { isLambdaCompute, lambdaComputeMinutes } from "./buildComputes.ts";
import { type CredentialKeys, deployKeys, pullRequestKeys, tokenMessage } from "./credentials.ts";
import { against, hidden, type Problem } from "./problem.ts";
import { fullNameOf, parseRepository } from "./repository.ts";
import type { SettingKey, Texts, Values } from "./schema.ts";
import { jsonOf } from "./values.ts";

/** What is told of a key, with its value. */
type Refuse = (key: SettingKey, message: string) => void;

/** What a setting needs beside it: one of the others. */
const needs: readonly [key: SettingKey, others: readonly SettingKey[]][] = [
  ["jwtIssuer", ["jwtAudience"]],
  ["jwtAudience", ["jwtIssuer"]],
  ["domainName", ["hostedZoneId", "certificateArn"]],
  ["hostedZoneId", ["domainName"]],
  ["certificateArn", ["domainName"]],
];

/** What a build takes beside shifting traffic, in minutes. */
const buildMinutes = 5;

/**
 * Why settings are not usable beside others, whether or not each is for itself.
 *
 * @param region The stack's, where its settings name it.
 * @param isSecret Whether a key's value is encrypted.
 */
export function relationProblems(
  texts: Texts,
  region: string | undefined,
  isSecret: (key: SettingKey) => boolean,
): Problem[] {
  const problems: Problem[] = [];
  const refuse: Refuse = (key, message) => {
    problems.push({ path: [key], message, input: texts[key] });
  };
  for (const keys of [deployKeys, pullRequestKeys]) {
    checkCredential(texts, keys, isSecret, refuse);
  }
  if ([texts.connectionArn, texts.tokenSecretArn, texts.token].every((text) => text === undefined)) {
    refuse("connectionArn", against("set it, tokenSecretArn or token, so that CodeBuild can read the repository"));
  }
  if (texts.pullRequests === "false") {
    for (const key of Object.values(pullRequestKeys).filter((name) => texts[name] !== undefined)) {
      refuse(key, hidden("pullRequests is false, so that nothing would use it: remove one of the two"));
    }
  }
  for (const [key, others] of needs) {
    if (texts[key] !== undefined && others.every((other) => texts[other] === undefined)) {
      refuse(key, against(`set ${others.join(" or ")} as well`));
    }
  }
  checkDomain(texts, region, refuse);
  const subscribers = jsonOf(texts.alertSubscribers ?? "[]");
  if (texts.alerts !== "true" && Array.isArray(subscribers) && subscribers.length > 0) {
    refuse("alertSubscribers", hidden("alerts is not true, so that nobody would be told: set it, or remove this"));
  }
  checkPreviewRole(texts, refuse);
  return problems;
}

/**
 * Why a build would be stopped before its release has shifted the traffic, for which it waits.
 *
 * @param releaseMinutes How long the strategy takes that takes longest.
 */
export function timeoutProblems(texts: Texts, values: Values, releaseMinutes: number): Problem[] {
  const { buildTimeoutMinutes, buildCompute } = values;
  const problem = (key: SettingKey, input: unknown, rule: string): Problem[] => [
    { path: [key], input, message: against(rule) },
  ];
  const needed = releaseMinutes + buildMinutes;
  const takes = `a build with its release takes up to ${needed} minutes with the releaseStrategy that takes longest`;
  if (!isLambdaCompute(buildCompute)) {
    const rule = `${takes}: set at least that, or a faster strategy`;
    return needed > buildTimeoutMinutes ? problem("buildTimeoutMinutes", buildTimeoutMinutes, rule) : [];
  }
  const noTimeout = "remove it: buildCompute is Lambda compute, which takes no timeout";
  const tooLong = `${takes}, Lambda compute stops it after ${lambdaComputeMinutes}; choose x86 or arm, or a faster strategy`;
  return [
    ...(texts.buildTimeoutMinutes === undefined ? [] : problem("buildTimeoutMinutes", buildTimeoutMinutes, noTimeout)),
    ...(needed > lambdaComputeMinutes ? problem("buildCompute", texts.buildCompute, tooLong) : []),
  ];
}

function checkCredential(
  texts: Texts,
  keys: CredentialKeys,
  isSecret: (key: SettingKey) => boolean,
  refuse: Refuse,
): void {
  const { connectionArn, tokenSecretArn, token, kmsKeyArn } = keys;
  const isSet = (key: SettingKey): boolean => texts[key] !== undefined;
  const [first, ...others] = [connectionArn, tokenSecretArn, token].filter(isSet);
  for (const key of others) {
    const all = `exactly one of ${connectionArn}, ${tokenSecretArn} and ${token} is allowed`;
    refuse(key, hidden(`${first} is set as well; ${all}`));
  }
  if (first === token && !isSecret(token)) {
    refuse(token, tokenMessage(token));
  }
  if (isSet(kmsKeyArn) && !isSet(tokenSecretArn) && !isSet(token)) {
    const encrypts = `it is of no use without ${tokenSecretArn} or ${token}, whose secret it encrypts`;
    refuse(kmsKeyArn, against(`${encrypts}: set one, or remove this`));
  }
}

function checkDomain(texts: Texts, region: string | undefined, refuse: Refuse): void {
  const { domainName, certificateArn, defaultEndpoint } = texts;
  if (defaultEndpoint === "false" && domainName === undefined) {
    refuse("defaultEndpoint", against("set domainName as well"));
  }
  // @see https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
  if (certificateArn === undefined && (domainName ?? "").length > 64) {
    refuse("domainName", against("ACM takes a name of up to 64 characters: shorten it, or set certificateArn"));
  }
  // @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-custom-domain-names.html
  if (certificateArn !== undefined && region !== undefined && certificateArn.split(":")[3] !== region) {
    refuse("certificateArn", against(`API Gateway takes a certificate of the stack's region only, ${region}`));
  }
}

function checkPreviewRole(texts: Texts, refuse: Refuse): void {
  if ((texts.previewRole ?? "none") === "none") {
    const ofRole = ["previewSubject", "previewStateBucket", "previewKmsKeyArn"] as const;
    for (const key of ofRole.filter((name) => texts[name] !== undefined)) {
      refuse(key, against("it is of no use without previewRole: set that, or remove this"));
    }
    return;
  }
  const repository = parseRepository(texts.repository ?? "");
  if (!repository) {
    return;
  }
  if (repository.type !== "GITHUB") {
    refuse("previewRole", against("it must be none: only github.com issues tokens that the role trusts"));
    return;
  }
  const fullName = fullNameOf(repository);
  const subject = texts.previewSubject ?? `repo:${fullName}`;
  if (subject.replace(/@\d+(?=\/|$)/g, "") !== `repo:${fullName}` || !/^[^@]+(@\d+\/[^@]+@\d+)?$/.test(subject)) {
    const withIds = `repo:${fullName.replace("/", "@<id>/")}@<id>`;
    refuse("previewSubject", against(`it must be "repo:${fullName}", or with GitHub's ids of both "${withIds}"`));
  }
}
