import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Folders that are removed after the tests of the enclosing `describe`. Call it there, and the function it returns in hooks and tests. */
export function temporaryDirectories(): () => Promise<string> {
  const made: string[] = [];
  after(async () => {
    await Promise.all(made.map((path) => rm(path, { recursive: true, force: true, maxRetries: 3 })));
  });
  return async () => {
    const path = await mkdtemp(join(tmpdir(), "test-"));
    made.push(path);
    return path;
  };
}
