import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Endpoints } from "../session/endpoints.ts";

/** A local cloud in a process of its own. */
export interface Cloud {
  readonly endpoints: Endpoints;
  /** What it has told of its builds so far. */
  builds(): string;
  stop(): Promise<void>;
}

/**
 * Runs `npm start` in a copy of the project, on any port that is free.
 *
 * @param more Further arguments, such as `--empty`.
 * @param cache The user's cache, outside of any project.
 */
export async function startCloud(
  project: string,
  more: readonly string[] = [],
  cache = join(project, "../cache"),
): Promise<Cloud> {
  const args = ["local/start.ts", ...more, "--json", "--port", "0", "--time-scale", "3600"];
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  const cloud = spawn(process.execPath, args, { cwd: project, env });
  let builds = "";
  cloud.stderr.on("data", (chunk) => {
    builds += chunk;
  });
  const ended = once(cloud, "exit").then(() => {
    throw new Error(`npm start has ended: ${builds}`);
  });
  const [line] = await Promise.race([once(createInterface({ input: cloud.stdout }), "line"), ended]);
  ended.catch(() => {});
  return {
    endpoints: JSON.parse(line),
    builds: () => builds,
    async stop() {
      cloud.kill("SIGINT");
      await once(cloud, "exit");
    },
  };
}
