import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { unzipSync } from "fflate";
import { root } from "../../sample/project.ts";
import { temporaryDirectories } from "../../sample/temporary.ts";
import { bundleFunctions } from "../bundle.ts";

describe("deploy/bundle", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();

  /** A checkout with the functions and what bundles them, and nothing else. */
  async function checkout(name: string): Promise<string> {
    const path = join(await temporary(), name);
    await cp(join(root, "functions"), join(path, "functions"), { recursive: true });
    await cp(join(root, "deploy"), join(path, "deploy"), { recursive: true });
    await cp(join(root, "tsconfig.json"), join(path, "tsconfig.json"));
    await cp(join(root, "package.json"), join(path, "package.json"));
    await symlink(join(root, "node_modules"), join(path, "node_modules"));
    return path;
  }

  async function addFunction(path: string, name: string, handler: string): Promise<void> {
    await mkdir(join(path, "functions", name), { recursive: true });
    await writeFile(join(path, "functions", name, "handler.ts"), handler);
  }

  async function rejection(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => "nothing was refused",
      (error: Error) => error.message,
    );
  }

  it("gives the same bytes in folders of different names, under different TZ, umask, clock and file times", async () => {
    const [plain, odd] = [await checkout("a"), await checkout("ein Ordner für später")];
    await utimes(join(odd, "functions/hello-user/handler.ts"), new Date(0), new Date(0));
    const tomorrow =
      "data:text/javascript,const now=Date.now;Date.now=()=>now()+1e11;const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(D.now())}}";
    const bundle = (path: string, umask: string, TZ: string, ...flags: string[]): string =>
      execFileSync(
        "sh",
        ["-c", `umask ${umask}; exec "$@"`, "sh", process.execPath, ...flags, join(path, "deploy/bundle.ts")],
        {
          env: { ...process.env, TZ },
          encoding: "utf8",
        },
      );
    const printed = bundle(plain, "022", "Pacific/Kiritimati");
    expect(printed).to.match(/^dist\/hello-user\.zip {2}[A-Za-z0-9+/]{43}= {2}\d+ bytes\n$/);
    expect(bundle(odd, "077", "America/St_Johns", "--import", tomorrow)).to.equal(printed);
    const zips = await Promise.all([plain, odd].map((path) => readFile(join(path, "dist/hello-user.zip"))));
    expect(zips[0]?.equals(zips[1] ?? Buffer.alloc(0))).to.equal(true);
  });

  it("gives the same bytes to a function with a package when node_modules is a link", async () => {
    const source = 'import { strToU8 } from "fflate";\nexport const handler = async () => strToU8("x").length;\n';
    const linked = await checkout("linked");
    const real = await checkout("real");
    await addFunction(linked, "packaged", source);
    await addFunction(real, "packaged", source);
    execFileSync("rm", [join(real, "node_modules")]);
    await cp(join(root, "node_modules/fflate"), join(real, "node_modules/fflate"), { recursive: true });
    const [one, other] = await Promise.all([bundleFunctions(linked), bundleFunctions(real)]);
    expect(one.all.map(({ codeSha256 }) => codeSha256)).to.deep.equal(other.all.map(({ codeSha256 }) => codeSha256));
  });

  it("prints the SHA-256 of the file it wrote, in base64 as Lambda's CodeSha256", async () => {
    const path = await checkout("printed");
    const [bundle] = (await bundleFunctions(path)).all;
    const zip = await readFile(join(path, "dist/hello-user.zip"));
    expect(bundle).to.deep.equal({
      name: "hello-user",
      path: join(path, "dist/hello-user.zip"),
      codeSha256: createHash("sha256").update(zip).digest("base64"),
      bytes: zip.byteLength,
    });
  });

  it("puts one file into the zip: handler.mjs, without any package and readable by all", async () => {
    const path = await checkout("content");
    await bundleFunctions(path);
    const zip = await readFile(join(path, "dist/hello-user.zip"));
    const files = unzipSync(zip);
    expect(Object.keys(files)).to.deep.equal(["handler.mjs"]);
    const code = Buffer.from(files["handler.mjs"] ?? []).toString();
    expect(code.match(/from "[^"]+"/g)).to.deep.equal(['from "node:module"']);
    const central = zip.lastIndexOf("PK\x01\x02", undefined, "latin1");
    expect((zip.readUInt32LE(central + 38) >>> 16).toString(8)).to.equal("100644");
  });

  it("changes its SHA-256 when the source changes", async () => {
    const path = await checkout("changed");
    const before = (await bundleFunctions(path)).all[0]?.codeSha256;
    await addFunction(path, "hello-user", "export const handler = async () => 1;\n");
    expect((await bundleFunctions(path)).all[0]?.codeSha256).to.not.equal(before);
  });

  it("bundles every folder with a handler.ts, in order of name, and no other", async () => {
    const path = await checkout("many");
    await addFunction(path, "z-last", "export const handler = async () => 1;\n");
    await addFunction(path, "a-first", "export const handler = async () => 1;\n");
    await mkdir(join(path, "functions", "not-a-function"));
    expect((await bundleFunctions(path)).all.map(({ name }) => name)).to.deep.equal([
      "a-first",
      "hello-user",
      "z-last",
    ]);
  });

  it("names the folders there are when the program asks for another", async () => {
    const bundles = await bundleFunctions(await checkout("missing"));
    expect(() => bundles.pathOf("goodbye")).to.throw(/functions\/goodbye\/handler\.ts does not exist.*hello-user/);
  });

  it("refuses a handler.ts that exports no handler", async () => {
    const path = await checkout("nothing");
    await addFunction(path, "wrong", "export const main = async () => 1;\n");
    expect(await rejection(bundleFunctions(path))).to.equal(
      'functions/wrong/handler.ts does not export "handler", the name that Lambda calls',
    );
  });

  it("names file and line of a handler that does not compile", async () => {
    const path = await checkout("broken");
    await addFunction(path, "broken", "export const handler = ;\n");
    expect(await rejection(bundleFunctions(path))).to.contain("functions/broken/handler.ts:1:23: ERROR");
  });
});
