import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { readStackConfig, type StackConfig } from "./stackConfig.ts";

/** The stack on the local cloud. */
export const localStack = "local";

/** What the secrets in its settings are encrypted with. */
export const localPassphrase = "local";

/** A Pulumi project and its stack on the local cloud, as their files have them. */
export interface Project {
  /** The folder with `Pulumi.yaml`. */
  readonly root: string;
  readonly name: string;
  readonly config: StackConfig;
  /** The branch that is deployed. */
  readonly branch: string;
  /** The GitHub repository, `owner/name`. */
  readonly repository: string;
  /** The project's folder in the repository, with `/` between names; empty where it is the repository's own. */
  readonly directory: string;
}

const projectSchema = z.object({ name: z.string() });

/**
 * Reads `Pulumi.yaml`, and the settings in `Pulumi.local.yaml`. Whether these are usable, the program says.
 *
 * @throws {Error} when one of the files is missing, or is none.
 */
export async function readProject(root: string): Promise<Project> {
  const { name } = projectSchema.parse(parse(await read(root, "Pulumi.yaml", "is this a Pulumi project?")));
  const file = `Pulumi.${localStack}.yaml`;
  const text = await read(root, file, "it has the settings of the stack on the local cloud; copy another stack's");
  const config = await readStackConfig(text, { file, project: name, passphrase: localPassphrase });
  const setting = (key: string): string | undefined => config.values[`${name}:${key}`];
  const url = setting("repository") ?? "";
  const path = URL.canParse(url) ? new URL(url).pathname.replace(/^\/|(\.git)?\/?$/g, "") : "";
  return {
    root,
    name,
    config,
    branch: setting("branch") ?? "main",
    repository: path || `${localStack}/${name}`,
    directory: setting("directory") ?? "",
  };
}

function read(root: string, file: string, hint: string): Promise<string> {
  return readFile(join(root, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? new Error(`there is no ${file} in ${root}: ${hint}`) : error;
  });
}
