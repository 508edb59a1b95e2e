import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../../sample/project.ts";

/** Makes a folder one in which the engine finds this checkout's archives, whose paths are relative to where it works; returns it. */
export async function workDirIn(folder: string): Promise<string> {
  await symlink(join(root, "dist"), join(folder, "dist"));
  return folder;
}
