import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import type { Metafile, Plugin } from "esbuild";
import { type Files, native } from "./filesBeside.ts";

/** The machine of the functions (`architectures` in infra/httpFunction.ts), in npm's words. */
const lambda = { os: "linux", cpu: "arm64", libc: "glibc" } as const;

/** A package in `package-lock.json`. */
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** What a package's own `package.json` says. */
interface Manifest {
  readonly main?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Packages that have their native module prebuilt in an optional dependency per machine, as napi-rs lays them out: takes the one of Lambda's
 * machine, whichever machine bundles, in the version and with the integrity of `package-lock.json`. npm brings it where it is not installed.
 */
export class NativePackages {
  readonly #root: string;
  readonly #entry: string;
  readonly #requireBeside: string;
  readonly #optional = new Map<string, Promise<ReadonlyMap<string, Locked>>>();
  /** Read once a package has optional dependencies: most have none. */
  #lock: Promise<Readonly<Record<string, Locked>>> | undefined;
  /** The native modules that are taken, by their names in the zip. */
  readonly #taken = new Map<string, string>();
  /** The packages whose native module is taken, by their folders. */
  readonly #owners = new Set<string>();

  /**
   * @param root The checkout.
   * @param entry The handler, for messages.
   * @param requireBeside What requires in the bundle, from where that is.
   */
  constructor(root: string, entry: string, requireBeside: string) {
    this.#root = root;
    this.#requireBeside = requireBeside;
    this.#entry = entry;
  }

  /** Leaves the packages of other machines out, and loads the one of Lambda's from beside the bundle. */
  get plugin(): Plugin {
    return {
      name: "native-packages",
      setup: (build) => {
        build.onResolve({ filter: /^[^./]/ }, async ({ path, importer }) => {
          const owner = packageFolder(importer);
          const [name = ""] = /^(?:@[^/]+\/)?[^/]+/.exec(path) ?? [];
          const locked = owner === undefined ? undefined : (await this.#optionalOf(owner)).get(name);
          if (owner === undefined || !locked?.cpu) {
            return undefined;
          }
          if (!isOf(locked)) {
            return { path, external: true };
          }
          const folder = await this.#folderOf(name, locked);
          const file = path === name ? ((await manifestOf(folder)).main ?? "index.js") : path.slice(name.length + 1);
          if (!file.endsWith(".node")) {
            throw native(this.#entry, `${importer}: ${path}`);
          }
          this.#owners.add(owner);
          this.#take(join(folder, file));
          return { path: basename(file), namespace: "native" };
        });
        build.onLoad({ filter: /.*/, namespace: "native" }, ({ path }) => ({
          contents: `module.exports = ${this.#requireBeside}(${JSON.stringify(`./${path}`)});`,
        }));
      },
    };
  }

  /**
   * The native modules that go beside the bundle.
   *
   * @throws {Error} when a package has prebuilt native modules of which none is taken, unless all that import it can do without.
   */
  async files({ inputs }: Metafile): Promise<Files> {
    const packages = new Map(Object.keys(inputs).map((input) => [packageFolder(join(this.#root, input)), input]));
    for (const [folder, input] of packages) {
      if (folder === undefined || this.#owners.has(folder)) {
        continue;
      }
      const isNative = [...(await this.#optionalOf(folder)).values()].some(({ cpu }) => cpu !== undefined);
      if (isNative && !(await this.#isDispensable(folder, inputs))) {
        throw native(this.#entry, input);
      }
    }
    const read = [...this.#taken].map(async ([name, file]) => [name, await readFile(file)] as const);
    return Object.fromEntries(await Promise.all(read));
  }

  #take(file: string): void {
    const other = this.#taken.get(basename(file));
    if (other !== undefined && other !== file) {
      throw new Error(`${this.#entry}: two packages have a native module ${basename(file)}: ${other} and ${file}`);
    }
    this.#taken.set(basename(file), file);
  }

  /** Whether all packages that import this one have it as an optional dependency. */
  async #isDispensable(folder: string, inputs: Metafile["inputs"]): Promise<boolean> {
    const importers = Object.entries(inputs)
      .filter(([, { imports }]) => imports.some(({ path }) => packageFolder(join(this.#root, path)) === folder))
      .map(([input]) => packageFolder(join(this.#root, input)))
      .filter((importer) => importer !== folder);
    const name = nameOf(folder);
    const optional = importers.map(
      async (each) => name in ((each && (await manifestOf(each)).optionalDependencies) || {}),
    );
    return (await Promise.all(optional)).every(Boolean);
  }

  #optionalOf(folder: string): Promise<ReadonlyMap<string, Locked>> {
    const known = this.#optional.get(folder) ?? this.#readOptional(folder);
    this.#optional.set(folder, known);
    return known;
  }

  /** The optional dependencies of a package, as they are locked. */
  async #readOptional(folder: string): Promise<ReadonlyMap<string, Locked>> {
    const { optionalDependencies = {} } = await manifestOf(folder);
    if (Object.keys(optionalDependencies).length === 0) {
      return new Map();
    }
    this.#lock ??= packagesOf(join(this.#root, "package-lock.json"));
    const lock = await this.#lock;
    const found = new Map<string, Locked>();
    for (const name of Object.keys(optionalDependencies)) {
      const key = [...foldersAbove(relative(this.#root, folder)), ""]
        .map((above) => join(above, "node_modules", name))
        .find((candidate) => lock[candidate]);
      const locked = key === undefined ? undefined : lock[key];
      if (locked) {
        found.set(name, locked);
      }
    }
    return found;
  }

  /** Where a package is, once it is there. */
  async #folderOf(name: string, { version, integrity }: Locked): Promise<string> {
    const cache = join(this.#root, "node_modules/.cache/native-packages");
    const folder = join(cache, `${name.replace("/", "+")}@${version}`);
    const installed = join(folder, "node_modules", name);
    if (existsSync(installed)) {
      return installed;
    }
    await mkdir(cache, { recursive: true });
    const unfinished = await mkdtemp(join(cache, "unfinished-"));
    try {
      await cp(join(this.#root, ".npmrc"), join(unfinished, ".npmrc")).catch(isMissing);
      const machine = Object.entries(lambda).map(([key, value]) => `--${key}=${value}`);
      // npm takes a package of another machine only by force.
      const options = ["--force", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", unfinished, ...machine];
      await promisify(execFile)("npm", ["install", ...options, `${name}@${version}`], { cwd: unfinished });
      const brought = (await packagesOf(join(unfinished, "node_modules/.package-lock.json")))[`node_modules/${name}`];
      if (integrity === undefined || brought?.integrity !== integrity) {
        throw new Error(`its integrity is ${brought?.integrity}, and package-lock.json has ${integrity}`);
      }
      // Another bundle may have brought it meanwhile.
      await rename(unfinished, folder).catch((error: Error) => {
        if (!existsSync(installed)) {
          throw error;
        }
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${this.#entry}: ${name}@${version}, the native module for Lambda's machine, could not be brought: ${reason}`,
      );
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return installed;
  }
}

/** A project may have no npm settings of its own. */
function isMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") {
    throw error;
  }
}

/** Whether a package is of Lambda's machine. */
function isOf(locked: Locked): boolean {
  return (["os", "cpu", "libc"] as const).every((key) => locked[key]?.includes(lambda[key]) ?? true);
}

/** The folder of the package that a file is of; undefined outside of packages. */
function packageFolder(file: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(file)?.[0];
}

function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

function* foldersAbove(folder: string): Generator<string> {
  for (let above = folder; above !== "."; above = dirname(above)) {
    yield above;
  }
}

async function manifestOf(folder: string): Promise<Manifest> {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : {};
}

async function packagesOf(lock: string): Promise<Readonly<Record<string, Locked>>> {
  return existsSync(lock) ? (JSON.parse(await readFile(lock, "utf8")).packages ?? {}) : {};
}
