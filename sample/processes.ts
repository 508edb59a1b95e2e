import { execFileSync } from "node:child_process";

/** The command lines of the processes that run now and contain `text`; a zombie does not run. */
export function running(text: string): string[] {
  return execFileSync("ps", ["-eo", "pid=,stat=,args="], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 })
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.includes(text) && !/^\d+\s+Z/.test(line));
}

/** Whether a process runs; one that was just killed may need a moment to go. */
export async function hasEnded(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    if (!running("").some((line) => line.startsWith(`${pid} `))) {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
