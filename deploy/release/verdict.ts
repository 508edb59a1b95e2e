/** How the release of one function ended. */
export interface Released {
  readonly name: string;
  /**
   * `released`: `live` was moved to `version`; `unchanged`: `live` already was what would have been released; `superseded`: a later commit
   * was decided on; `rolled back`: the new version had traffic, and has none any more; `failed`: it never had any.
   */
  readonly outcome: "failed" | "released" | "rolled back" | "superseded" | "unchanged";
  /** The version that is live; undefined where that could not be read. */
  readonly version: string | undefined;
  /** The commit that superseded this one. */
  readonly by?: string;
}

/** The exit code of a release and its last line: docs/releases.md has them in a table. */
export function verdictOf(commit: string, results: readonly Released[]): { exitCode: number; line: string } {
  const outcomes = results.map(({ outcome }) => outcome);
  const by = results.find((result) => result.by !== undefined)?.by;
  const [exitCode, verdict] = outcomes.includes("rolled back")
    ? [2, "Rolled back"]
    : outcomes.includes("failed")
      ? [1, "Not released"]
      : outcomes.includes("released")
        ? [0, "Released"]
        : by !== undefined
          ? [0, "Superseded"]
          : [0, "Unchanged"];
  const isMixed = new Set(outcomes).size > 1;
  const live = results.map(
    ({ name, version, outcome }) => `${name} version ${version ?? "unknown"}${isMixed ? ` (${outcome})` : ""}`,
  );
  const superseded = verdict === "Superseded" ? ` by ${by}` : "";
  return { exitCode, line: `${verdict}: commit ${commit}${superseded}. Live: ${live.join(", ")}` };
}
