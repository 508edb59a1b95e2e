import type { Released } from "../release/verdict.ts";

/** The commit that the verdicts are about, and a newer one. */
export const [commit, newer] = ["0a".repeat(20), "1b".repeat(20)] as const;

/** What came of the functions of a release of `commit`, and the exit code and the line that it ends with. */
export const verdicts: readonly (readonly [results: Partial<Released>[], exitCode: number, line: string])[] = [
  [[{ outcome: "released" }], 0, `Released: commit ${commit}. Live: a version 3`],
  [[{ outcome: "unchanged" }], 0, `Unchanged: commit ${commit}. Live: a version 3`],
  [[{ outcome: "superseded", by: newer }], 0, `Superseded: commit ${commit} by ${newer}. Live: a version 3`],
  [[{ outcome: "failed" }], 1, `Not released: commit ${commit}. Live: a version 3`],
  [[{ outcome: "failed", version: undefined }], 1, `Not released: commit ${commit}. Live: a version unknown`],
  [[{ outcome: "rolled back" }], 2, `Rolled back: commit ${commit}. Live: a version 3`],
  [
    [{ outcome: "released" }, { outcome: "failed" }],
    1,
    `Not released: commit ${commit}. Live: a version 3 (released), b version 3 (failed)`,
  ],
  [
    [{ outcome: "failed" }, { outcome: "rolled back" }],
    2,
    `Rolled back: commit ${commit}. Live: a version 3 (failed), b version 3 (rolled back)`,
  ],
  [
    [{ outcome: "superseded", by: newer }, { outcome: "unchanged" }],
    0,
    `Superseded: commit ${commit} by ${newer}. Live: a version 3 (superseded), b version 3 (unchanged)`,
  ],
  [
    [{ outcome: "unchanged" }, { outcome: "released" }],
    0,
    `Released: commit ${commit}. Live: a version 3 (unchanged), b version 3 (released)`,
  ],
];
