import * as pulumi from "@pulumi/pulumi";

/**
 * Why keys of the stack's configuration are not usable: they are no settings, or they are settings that another project has, as this one was
 * named before; empty when there are none.
 *
 * @param namespace The project's own.
 */
export function keyProblems(namespace: string, settingKeys: readonly string[]): string[] {
  const keysOf = new Map<string, string[]>();
  for (const qualified of Object.keys(pulumi.runtime.allConfig())) {
    const [project = "", key = ""] = qualified.split(":");
    keysOf.set(project, [...(keysOf.get(project) ?? []), key]);
  }
  const unknown = (keysOf.get(namespace) ?? []).filter((key) => !settingKeys.includes(key));
  keysOf.delete(namespace);
  return [
    ...unknown.map((key) => {
      const nearest = nearestOf(key, settingKeys);
      return `${namespace}:${key} is no setting: remove it, or did you mean ${nearest}?`;
    }),
    ...[...keysOf].flatMap(([former, keys]) =>
      formerProblems(
        former,
        keys.filter((key) => settingKeys.includes(key)),
      ),
    ),
  ];
}

/** Of the keys in another namespace that have a setting's name. */
function formerProblems(former: string, keys: readonly string[]): string[] {
  // Providers have a `token`, too, such as `aws:token`.
  if (keys.every((key) => key === "token")) {
    return [];
  }
  const all = keys.map((key) => `${former}:${key}`).join(", ");
  const [are, them] = keys.length === 1 ? ["is a setting", "it"] : ["are settings", "them"];
  const from = `take "${former}:" away from ${them} in Pulumi.${pulumi.getStack()}.yaml`;
  return [
    `${all} ${are} of a project "${former}", which Pulumi ignores in "${pulumi.getProject()}": if it was renamed, ${from}; or remove ${them}`,
  ];
}

/** Of the known words the one with the fewest letters to add, leave out or change. */
function nearestOf(word: string, known: readonly string[]): string {
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
