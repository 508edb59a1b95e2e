import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import * as esbuild from "esbuild";
import { zipSync } from "fflate";
import { type Files, filesBeside, native } from "./bundle/filesBeside.ts";
import { NativePackages } from "./bundle/nativePackages.ts";
import { functionFolders } from "./functionFolders.ts";

/** A function's code as it goes to Lambda: a zip with `handler.mjs`, and the files that its modules read beside themselves. */
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
   * The path of a function's zip, relative to the checkout: Pulumi's state keeps it, and is used on other machines.
   * @throws {Error} when `functions/<name>/handler.ts` does not exist.
   */
  pathOf(name: string): string;
}

/**
 * Bundles every folder of `functions/` that has a `handler.ts` into `dist/<folder>.zip`.
 * The zips are reproducible: the same source gives the same bytes on any machine, in any folder, at any time.
 *
 * @param root The checkout's absolute path.
 * @throws {Error} with esbuild's messages when a handler does not compile, and where it does not export `handler`, could not be loaded, has a
 * native module, reads a file that does not come along, or is larger than Lambda takes.
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
      return relative(root, bundle.path);
    },
  };
}

async function bundleFunction(root: string, name: string): Promise<Bundle> {
  const files = await compile(root, name);
  const zip = zipOf(files);
  const unpacked = Object.values(files).reduce((sum, { byteLength }) => sum + byteLength, 0);
  checkSize(name, zip.byteLength, unpacked);
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const path = join(dist, `${name}.zip`);
  // Renamed into place, so that nobody reads half of a zip.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, zip);
  await rename(unfinished, path);
  return { name, path, codeSha256: createHash("sha256").update(zip).digest("base64"), bytes: zip.byteLength };
}

/**
 * What packages expect of CommonJS, under names that none of them has: an ES module has neither `require` nor `__dirname`, and a package may
 * declare both itself, and import `createRequire` as well.
 */
const banner = `import { createRequire as bundle$createRequire } from "node:module";
globalThis.require ??= bundle$createRequire(import.meta.url);
const bundle$filename = import.meta.filename, bundle$dirname = import.meta.dirname;`;

async function compile(root: string, name: string): Promise<Files> {
  const entry = `functions/${name}/handler.ts`;
  const nativePackages = new NativePackages(root, entry, "bundle$createRequire(bundle$filename)");
  const result = await esbuild
    .build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: "handler.mjs",
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
      banner: { js: banner },
      define: { __filename: "bundle$filename", __dirname: "bundle$dirname" },
      // A linked node_modules would put its own path into the bundle's comments.
      preserveSymlinks: true,
      legalComments: "none",
      plugins: [nativePackages.plugin],
      metafile: true,
      write: false,
      logLevel: "silent",
    })
    .catch((error: esbuild.BuildFailure) => {
      const ofPlugin: unknown = error.errors[0]?.detail;
      if (ofPlugin instanceof Error) {
        throw ofPlugin;
      }
      const [, file] = /No loader is configured for "\.node" files: (\S+)/.exec(error.message) ?? [];
      throw file === undefined ? error : native(entry, file);
    });
  const { metafile } = result;
  if (!Object.values(metafile.outputs).some((output) => output.exports.includes("handler"))) {
    throw new Error(`functions/${name}/handler.ts does not export "handler", the name that Lambda calls`);
  }
  const [output] = result.outputFiles;
  if (!output) {
    throw new Error(`functions/${name}/handler.ts compiled to nothing`);
  }
  // Not by running it: whether it can be loaded is told by whether it can be read again, in which nothing is declared twice.
  await esbuild.transform(output.contents, { loader: "js", logLevel: "silent" }).catch((error: Error) => {
    throw new Error(`${entry}: its bundle could not be loaded: ${error.message}`);
  });
  return {
    "handler.mjs": output.contents,
    ...(await filesBeside(root, entry, Object.keys(metafile.inputs))),
    ...(await nativePackages.files(metafile)),
  };
}

/** Files readable by all, dated to the first day that a zip can hold: nothing of the machine's clock or umask is in it. */
function zipOf(files: Files): Uint8Array {
  const mode = 0o100644;
  const unix = 3;
  // fflate writes the date's local fields, so a local date gives the same bytes in every time zone.
  const mtime = new Date(1980, 0, 1, 12);
  const options = { level: 9, mtime, os: unix, attrs: mode << 16 } as const;
  const names = Object.keys(files).sort();
  return zipSync(Object.fromEntries(names.map((name) => [name, [files[name] ?? new Uint8Array(), options]])));
}

/**
 * What Lambda takes of a zip that is uploaded directly, and unpacked, in bytes.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const limits = { zip: 50 * 1024 * 1024, unpacked: 250 * 1024 * 1024 } as const;

/** @throws {Error} when a function is larger than Lambda takes. */
export function checkSize(name: string, zipBytes: number, unpackedBytes: number): void {
  for (const [what, bytes, limit] of [
    ["zip", zipBytes, limits.zip],
    ["code, unpacked,", unpackedBytes, limits.unpacked],
  ] as const) {
    if (bytes > limit) {
      throw new Error(
        `functions/${name}: its ${what} has ${bytes} bytes, and Lambda takes ${limit}: import less, or split the function; nothing was uploaded`,
      );
    }
  }
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
