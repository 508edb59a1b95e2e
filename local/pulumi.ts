// Runs the pulumi CLI on the local cloud that `npm start` keeps up: `npm run pulumi:local -- up`.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { localPassphrase, localStack, readProject } from "./program/project.ts";
import { root, runningEndpoints } from "./session/endpoints.ts";

const endpoints = await runningEndpoints();
if (!endpoints) {
  console.error("The local cloud of this checkout is not running: start it with npm start -- --empty");
  process.exit(1);
}
const state = join(root, ".local", "pulumi");
await mkdir(state, { recursive: true });
const env = {
  ...process.env,
  PULUMI_BACKEND_URL: `file://${state}`,
  // Nothing of value is encrypted with it: the local cloud has no secrets of anyone's.
  PULUMI_CONFIG_PASSPHRASE: localPassphrase,
  PULUMI_DEBUG_PROVIDERS: `aws:${endpoints.provider}`,
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  PULUMI_SKIP_UPDATE_CHECK: "true",
};

/** Runs the CLI and returns its exit code. */
function pulumi(args: readonly string[], stdio: "inherit" | "ignore"): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, "node_modules", ".bin", "pulumi"), [...args], { cwd: root, env, stdio });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

const { name } = await readProject(root);
if (!existsSync(join(state, ".pulumi", "stacks", name, `${localStack}.json`))) {
  await pulumi(["stack", "select", "--create", localStack, "--non-interactive"], "ignore");
}
process.exit(await pulumi(process.argv.slice(2), "inherit"));
