import { createHash } from "node:crypto";
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Project } from "../program/project.ts";

/** What a tool that runs in a folder finds by looking in the folders above it. */
const foundFromBelow = ["node_modules", "package.json", ".git"];

/**
 * The folder in which the builds of a checkout's local cloud run, its functions are unpacked and its repositories are: in the user's cache,
 * by the checkout's path, because within the checkout a build would find the checkout's packages, and CodeBuild has none.
 *
 * @throws {Error} when the cache is within a project itself.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export async function workFolderOf({ root, name }: Project): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(cache, name, createHash("sha256").update(root).digest("hex").slice(0, 16));
  await checkOutside(folder);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** @throws {Error} when a folder above this one has packages, a project or a repository, which what runs here would find. */
export async function checkOutside(folder: string): Promise<void> {
  for (let above = folder; dirname(above) !== above; above = dirname(above)) {
    for (const name of foundFromBelow) {
      const found = join(dirname(above), name);
      const exists = await access(found).then(
        () => true,
        () => false,
      );
      if (exists) {
        throw new Error(
          `${found} would be found by the builds in ${folder}, and CodeBuild has no such thing: move it, or set XDG_CACHE_HOME (npm start) or TMPDIR (npm run rehearse) to a folder outside of any project`,
        );
      }
    }
  }
}
