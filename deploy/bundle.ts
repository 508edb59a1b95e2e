import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { zipSync } from "fflate";

/** A function's code as it goes to Lambda: a zip with `handler.mjs`. */
export interface Bundle {
  /** The function's folder in `functions/`. */
  readonly name: string;
  /** The zip's absolute path. */
  readonly path: string;
  /** The zip's SHA-256 in base64, as Lambda's `CodeSha256` has it. */
  readonly codeSha256: string;
  /** The zip's size in bytes. */
  readonly bytes: number;
}

/** The bundles of one checkout. */
export interface Bundles {
  /** In order of name. */
  readonly all: readonly Bundle[];
  /**
   * The path of a function's zip.
   * @throws {Error} when `functions/<name>/handler.ts` does not exist.
   */
  pathOf(name: string): string;
}

/**
 * Bundles every folder of `functions/` that has a `handler.ts` into `dist/<folder>.zip`.
 * The zips are reproducible: the same source gives the same bytes on any machine, in any folder, at any time.
 *
 * @param root The checkout's absolute path.
 * @throws {Error} with esbuild's messages when a handler does not compile, or when it does not export `handler`.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
 */
export async function bundleFunctions(root: string): Promise<Bundles> {
  const names = await functionFolders(root);
  const all = await Promise.all(names.map((name) => bundleFunction(root, name)));
  return {
    all,
    pathOf(name) {
      const bundle = all.find((candidate) => candidate.name === name);
      if (!bundle) {
        throw new Error(
          `there is no function "${name}": functions/${name}/handler.ts does not exist; the folders with a handler.ts are: ${names.join(", ") || "none"}`,
        );
      }
      return bundle.path;
    },
  };
}

/** The folders of `functions/` that are functions, in order of name. */
export async function functionFolders(root: string): Promise<string[]> {
  const entries = await readdir(join(root, "functions"), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(root, "functions", entry.name, "handler.ts")))
    .map((entry) => entry.name)
    .sort();
}

async function bundleFunction(root: string, name: string): Promise<Bundle> {
  const zip = zipOf(await compile(root, name));
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const path = join(dist, `${name}.zip`);
  // Renamed into place, so that nobody reads half of a zip.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, zip);
  await rename(unfinished, path);
  return { name, path, codeSha256: createHash("sha256").update(zip).digest("base64"), bytes: zip.byteLength };
}

async function compile(root: string, name: string): Promise<Uint8Array> {
  const result = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [`functions/${name}/handler.ts`],
    outfile: "handler.mjs",
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // CommonJS packages call require(), which an ES module does not have.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
    // A linked node_modules would put its own path into the bundle's comments.
    preserveSymlinks: true,
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  if (!Object.values(result.metafile.outputs).some((output) => output.exports.includes("handler"))) {
    throw new Error(`functions/${name}/handler.ts does not export "handler", the name that Lambda calls`);
  }
  const [output] = result.outputFiles;
  if (!output) {
    throw new Error(`functions/${name}/handler.ts compiled to nothing`);
  }
  return output.contents;
}

/** One file, readable by all, dated to the first day that a zip can hold: nothing of the machine's clock or umask is in it. */
function zipOf(code: Uint8Array): Uint8Array {
  const mode = 0o100644;
  const unix = 3;
  // fflate writes the date's local fields, so a local date gives the same bytes in every time zone.
  const mtime = new Date(1980, 0, 1, 12);
  return zipSync({ "handler.mjs": [code, { level: 9, mtime, os: unix, attrs: mode << 16 }] });
}

if (import.meta.main) {
  try {
    const { all } = await bundleFunctions(join(import.meta.dirname, ".."));
    for (const { name, codeSha256, bytes } of all) {
      console.log(`dist/${name}.zip  ${codeSha256}  ${bytes} bytes`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
