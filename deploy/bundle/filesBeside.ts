import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

/** The files of a zip, by their names in it. */
export type Files = Readonly<Record<string, Uint8Array>>;

/** A module that finds files by where it is itself. */
const placeOfModule = /\b(__dirname|__filename)\b|import\.meta\.(url|dirname|filename)/;
/** Packages that look for a native module when they run. */
const loadersOfNative = /(?:^|\/)node_modules\/(?:@mapbox\/node-pre-gyp|bindings|node-gyp-build|node-pre-gyp)\//;
const literal = /(["'`])((?:\.{0,2}\/)?[\w@.-]+(?:\/[\w@.-]+)*\.\w+)\1/g;
const code = /\.([cm]?[jt]sx?|map)$/;

/**
 * The files that a bundle's modules name by a literal path beside themselves, such as `new URL("./words.txt", import.meta.url)` or
 * `join(__dirname, "module.wasm")`. In the zip all modules are one, at its root: so each file is there by the same path.
 *
 * @param root The checkout.
 * @param entry The handler, for messages.
 * @param inputs The modules that are in the bundle, by their paths from `root`.
 * @throws {Error} when a module names a native module, a file that would not come along, or two of them different files by one path.
 */
export async function filesBeside(root: string, entry: string, inputs: readonly string[]): Promise<Files> {
  const files: Record<string, Uint8Array> = {};
  for (const input of inputs.filter((each) => code.test(each))) {
    if (loadersOfNative.test(input)) {
      throw native(entry, input);
    }
    const text = await readFile(join(root, input), "utf8");
    for (const [, , path = ""] of placeOfModule.test(text) ? text.matchAll(literal) : []) {
      const file = join(root, dirname(input), path);
      const known = normalize(join(dirname(input), path));
      if (code.test(path) || inputs.includes(known) || !existsSync(file) || !statSync(file).isFile()) {
        continue;
      }
      if (path.endsWith(".node")) {
        throw native(entry, known);
      }
      const name = normalize(path);
      if (name.startsWith("..")) {
        throw new Error(
          `${entry}: ${input} reads ${known}, which would not come along: only what is beside a module or below it is in the zip. Import it, or copy it beside the handler and name it there`,
        );
      }
      const content = await readFile(file);
      const other = files[name];
      if (other && !content.equals(other)) {
        throw new Error(
          `${entry}: two of its modules read different files by the path ${name}: ${known} is one of them`,
        );
      }
      files[name] = content;
    }
  }
  return files;
}

/** A native module is of one machine, and Lambda's is another: only what a package has prebuilt for that comes along. */
export function native(entry: string, file: string): Error {
  const [, name = file] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  return new Error(
    `${entry}: ${name} is or loads a native module (${file}), which is not in the bundle: use a package that has it prebuilt for linux-arm64 in an optional dependency (as napi-rs does), or one in JavaScript or WebAssembly`,
  );
}
