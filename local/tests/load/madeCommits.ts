import { execFile } from "node:child_process";
import { git } from "../../github/git.ts";

/** A commit that is pushed, and what the function answers by it. */
export interface Pushed {
  readonly commit: string;
  readonly answer: string;
  /** What was done: `changes`, `reverts` the commit before, or `touches nothing` of the function. */
  readonly what: "changes" | "reverts" | "touches nothing";
}

/**
 * Commits on top of `base`, the oldest first: about a third of them revert the one before, and some touch nothing of the function; the last reverts a change. They are
 * made by one `git fast-import` into a bare repository, whose branch `main` is at
 * the last of them then.
 *
 * @param base The commit to go on from, and what it and the one before it answer; without it, a first commit comes before.
 */
export async function makeCommits(
  repository: string,
  count: number,
  random: () => number,
  base: readonly Pushed[] = [],
): Promise<Pushed[]> {
  const planned: Omit<Pushed, "commit">[] = [...base];
  for (let index = 0; index < count; index++) {
    const [before, last] = [planned.at(-2), planned.at(-1)];
    // The last takes back what the last but one has changed: found unchanged while that is being released, it must win.
    const draw = index < count - 2 ? random() : index === count - 2 ? 1 : 0;
    planned.push(
      last && before && draw < 0.33
        ? { what: "reverts", answer: before.answer }
        : last && draw < 0.45
          ? { what: "touches nothing", answer: last.answer }
          : { what: "changes", answer: `answer ${Math.floor(random() * 1e9)}` },
    );
  }
  const onto = base.at(-1)?.commit;
  const stream = planned.slice(base.length).map(({ what, answer }, index) => {
    const message = `Commit ${base.length + index + 1}: ${what}`;
    return [
      "commit refs/heads/main",
      "committer A developer <developer@example.com> 1764000000 +0000",
      `data ${Buffer.byteLength(message)}\n${message}`,
      ...(index === 0 && onto !== undefined ? [`from ${onto}`] : []),
      `M 100644 inline answer.txt\ndata ${answer.length}\n${answer}`,
      `M 100644 inline number.txt\ndata ${String(index).length}\n${index}`,
      "",
    ].join("\n");
  });
  await new Promise<void>((resolve, reject) => {
    const importing = execFile("git", ["fast-import", "--quiet", "--force"], { cwd: repository }, (error) =>
      error ? reject(error) : resolve(),
    );
    importing.stdin?.end(stream.join("\n"));
  });
  const ids = (await git(repository, "rev-list", "--reverse", `--max-count=${count}`, "main")).split("\n");
  return planned.slice(base.length).map((each, index) => ({ ...each, commit: ids[index] ?? "" }));
}
