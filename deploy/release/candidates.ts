import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ReleaseError } from "../failures.ts";
import { functionFolders } from "../functionFolders.ts";
import { readSmokeTest, type SmokeTest } from "./smokeTest.ts";

/** One function's part of a release: its code and what must be true of it before it gets traffic. */
export interface Candidate {
  /** The function's folder in `functions/`; its CodeDeploy group has the same name. */
  readonly name: string;
  readonly zip: Uint8Array;
  readonly smokeTest: SmokeTest;
}

/**
 * The candidates of a checkout: each function's zip in `dist/` and its `smoke.json`.
 *
 * @throws {ReleaseError} when one is missing, or is not as it must be.
 */
export async function readCandidates(root: string): Promise<Candidate[]> {
  return Promise.all(
    (await functionFolders(root)).map(async (name) => ({
      name,
      zip: await readFile(join(root, "dist", `${name}.zip`)).catch(() => {
        throw new ReleaseError(`dist/${name}.zip does not exist: run "npm run bundle" first`);
      }),
      smokeTest: await readSmokeTest(root, name),
    })),
  );
}

/** The SHA-256 of a candidate's zip in base64, as Lambda's `CodeSha256` has it. */
export function codeSha256({ zip }: Candidate): string {
  return createHash("sha256").update(zip).digest("base64");
}
