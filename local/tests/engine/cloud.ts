import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Endpoints } from "../../session/endpoints.ts";

/** A local cloud in a process of its own. */
export interface Cloud {
  readonly endpoints: Endpoints;
  /** What it has told of its builds so far. */
  builds(): string;
  stop(): Promise<void>;
}

/** Runs `npm start`, with further arguments such as `--empty`, in a copy of the project, on any port that is free. */
export async function startCloud(project: string, ...more: string[]): Promise<Cloud> {
  const args = ["local/start.ts", ...more, "--json", "--port", "0", "--time-scale", "3600"];
  const env = { ...process.env, XDG_CACHE_HOME: join(project, "../cache") };
  const cloud = spawn(process.execPath, args, { cwd: project, env });
  let builds = "";
  cloud.stderr.on("data", (chunk) => {
    builds += chunk;
  });
  const [line] = await once(createInterface({ input: cloud.stdout }), "line");
  return {
    endpoints: JSON.parse(line),
    builds: () => builds,
    async stop() {
      cloud.kill("SIGINT");
      await once(cloud, "exit");
    },
  };
}
