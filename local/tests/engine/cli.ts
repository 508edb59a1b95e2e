import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "../../../sample/project.ts";

/**
 * The folder that npm's pulumi runs the CLI of its version from, `<folder>/bin/pulumi`.
 *
 * @throws {Error} that says how to get it, where it is missing: npm's pulumi would download it, and these tests need no network.
 */
export async function cliFolder(): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const home = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  const folder = join(home, "versions", devDependencies.pulumi);
  for (const name of ["pulumi", "pulumi-language-nodejs"]) {
    const file = join(folder, "bin", name);
    if (!existsSync(file)) {
      throw new Error(`${file} is missing: .ci/engine/install builds it, or npx pulumi version downloads it`);
    }
  }
  return folder;
}
