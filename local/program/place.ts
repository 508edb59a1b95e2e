import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * Where in a project's own files an error arose, e.g. `index.ts:42:7`; undefined where its stack names none of them.
 *
 * @param root The project's folder.
 */
export function placeOf(error: unknown, root: string): string | undefined {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  const prefixes = [root, pathToFileURL(root).href].map((prefix) => `${prefix}/`);
  for (const [index, line] of lines.entries()) {
    const start = prefixes.map((prefix) => line.indexOf(prefix)).find((position) => position >= 0);
    const [, location = "", row, column] = /^(.+?):(\d+)(?::(\d+))?\)?$/.exec(line.slice(start)) ?? [];
    if (start !== undefined && row !== undefined && !location.includes("/node_modules/")) {
      const file = location.startsWith("file:") ? fileURLToPath(location.replace(/\?.*$/, "")) : location;
      return [relative(root, file), row, column ?? columnOfCaret(lines.slice(index + 1)) ?? "1"].join(":");
    }
  }
  return undefined;
}

/** Where a syntax error has no column, the lines below it show one. */
function columnOfCaret(lines: readonly string[]): string | undefined {
  const caret = lines.find((line) => /^ *\^+ *$/.test(line));
  return caret === undefined ? undefined : String(caret.indexOf("^") + 1);
}
