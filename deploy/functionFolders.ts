import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The folders of `functions/` that are functions, in order of name. */
export async function functionFolders(root: string): Promise<string[]> {
  const entries = await readdir(join(root, "functions"), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(root, "functions", entry.name, "handler.ts")))
    .map((entry) => entry.name)
    .sort();
}
