import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { unzipSync } from "fflate";
import { bundleFunctions } from "../../../deploy/bundle.ts";
import { writeFiles } from "../../../sample/files.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen } from "../../aws/httpServer.ts";
import { LocalCloud } from "../../cloud.ts";
import { functionSettings } from "../localFunction.ts";

const run = promisify(execFile);

const machines = {
  "@fake/native-linux-arm64-gnu": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"] },
  "@fake/native-linux-arm64-musl": { os: ["linux"], cpu: ["arm64"], libc: ["musl"] },
  "@fake/native-linux-x64-gnu": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
  "@fake/native-darwin-arm64": { os: ["darwin"], cpu: ["arm64"] },
} as const;
const lambdas = "@fake/native-linux-arm64-gnu";

/** A loader as napi-rs writes it. */
const loader = `
  const machine = { "linux arm64": "linux-arm64-gnu", "linux x64": "linux-x64-gnu", "darwin arm64": "darwin-arm64" };
  const load = {
    "linux-arm64-gnu": () => { try { return require("./native.linux-arm64-gnu.node") } catch {} return require("@fake/native-linux-arm64-gnu") },
    "linux-x64-gnu": () => { try { return require("./native.linux-x64-gnu.node") } catch {} return require("@fake/native-linux-x64-gnu") },
    "darwin-arm64": () => { try { return require("./native.darwin-arm64.node") } catch {} return require("@fake/native-darwin-arm64") },
  };
  module.exports = load[machine[process.platform + " " + process.arch]]();
`;

describe("a bundle of a package with prebuilt native modules", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();
  let registry: Listening;
  let integrity: string;
  let project: string;

  before(async () => {
    const source = await temporary();
    await writeFiles(source, packageFiles(lambdas));
    const { stdout } = await run("npm", ["pack", "--silent"], { cwd: source });
    const tarball = await readFile(join(source, stdout.trim()));
    integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    registry = await listen(async (request, response) => {
      if (request.url === "/native.tgz") {
        response.end(tarball);
        return;
      }
      const dist = { tarball: `${registry.url}/native.tgz`, integrity };
      const version = { name: lambdas, version: "1.0.0", dist, ...machines[lambdas] };
      response.statusCode = decodeURIComponent(request.url ?? "") === `/${lambdas}` ? 200 : 404;
      response.end(JSON.stringify({ name: lambdas, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }));
    });
  });

  after(() => registry.close());

  beforeEach(async () => {
    project = await temporary();
    const optional = Object.fromEntries(Object.keys(machines).map((name) => [name, "1.0.0"]));
    await writeFiles(project, {
      ".npmrc": `registry=${registry.url}\ncache=${await temporary()}\n`,
      "package.json": JSON.stringify({ name: "project", private: true }),
      "functions/fn/handler.ts":
        'import found from "native-package";\nexport const handler = async () => ({ statusCode: 200, body: String(found) });\n',
      "node_modules/native-package/package.json": JSON.stringify({
        name: "native-package",
        version: "1.0.0",
        optionalDependencies: optional,
      }),
      "node_modules/native-package/index.js": loader,
    });
    await lock(integrity);
  });

  async function lock(ofLambdas: string): Promise<void> {
    const packages = Object.entries(machines).map(([name, machine]) => [
      `node_modules/${name}`,
      { version: "1.0.0", integrity: name === lambdas ? ofLambdas : "sha512-other", optional: true, ...machine },
    ]);
    await writeFiles(project, {
      "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages: Object.fromEntries(packages) }),
    });
  }

  /** As npm installs on a machine. */
  async function install(name: keyof typeof machines): Promise<void> {
    await writeFiles(join(project, "node_modules", name), packageFiles(name));
  }

  async function zipped(): Promise<Buffer> {
    const [bundle] = (await bundleFunctions(project)).all;
    return readFile(bundle?.path ?? "");
  }

  async function refusal(): Promise<string> {
    return zipped().then(
      () => "nothing was refused",
      (error: Error) => error.message,
    );
  }

  it("has the one of Lambda's machine and no other, in the same bytes whatever the machine that bundles has installed", async () => {
    await install("@fake/native-linux-x64-gnu");
    const onX64 = await zipped();
    const files = unzipSync(onX64);
    expect(Object.keys(files)).to.have.members(["handler.mjs", "native.linux-arm64-gnu.node"]);
    expect(Buffer.from(files["native.linux-arm64-gnu.node"] ?? []).toString()).to.equal(`binary of ${lambdas}`);

    await rm(join(project, "node_modules/@fake"), { recursive: true });
    await rm(join(project, "node_modules/.cache"), { recursive: true });
    await install("@fake/native-darwin-arm64");
    await install(lambdas);
    expect((await zipped()).equals(onX64)).to.equal(true);
  });

  it("opens it from beside the bundle, on a machine as Lambda's", async () => {
    const unpacked = await temporary();
    await writeFiles(unpacked, unzipSync(await zipped()));
    const load = `
      Object.defineProperties(process, { platform: { value: "linux" }, arch: { value: "arm64" } });
      process.dlopen = (module, file) => { module.exports = file; };
      import(${JSON.stringify(join(unpacked, "handler.mjs"))}).then(async ({ handler }) => console.log((await handler()).body));`;
    const { stdout } = await run(process.execPath, ["-e", load], { cwd: "/", env: {} });
    expect(stdout.trim()).to.equal(join(unpacked, "native.linux-arm64-gnu.node"));
  });

  it("is not made of another package than the one that is locked", async () => {
    await lock("sha512-another");
    expect(await refusal()).to.equal(
      `functions/fn/handler.ts: ${lambdas}@1.0.0, the native module for Lambda's machine, could not be brought: its integrity is ${integrity}, and package-lock.json has sha512-another`,
    );
    expect(await readdir(join(project, "node_modules/.cache/native-packages"))).to.deep.equal([]);
  });

  it("is refused by the package's name where none is loaded by its name, unless its importers can do without", async () => {
    const dynamic = 'module.exports = ["@fake/native", process.platform, process.arch].join("-");';
    await writeFiles(project, { "node_modules/native-package/index.js": dynamic });
    expect(await refusal()).to.match(/^functions\/fn\/handler\.ts: native-package is or loads a native module/);

    await writeFiles(project, {
      "functions/fn/handler.ts":
        'import found from "importer";\nexport const handler = async () => ({ statusCode: 200, body: String(found) });\n',
      "node_modules/importer/package.json": JSON.stringify({ optionalDependencies: { "native-package": "1.0.0" } }),
      "node_modules/importer/index.js": 'try { module.exports = require("native-package"); } catch {}',
    });
    expect(await refusal()).to.equal("nothing was refused");
  });

  it("is told by the module's name where the local cloud cannot run it", async () => {
    const cloud = await LocalCloud.start(await temporary(), 0);
    try {
      const zip = await zipped();
      const create = () => cloud.lambda.createFunction(functionSettings("fn"), zip);
      if (`${process.platform} ${process.arch}` === "linux arm64") {
        expect(create).to.not.throw();
      } else {
        expect(create).to.throw("native.linux-arm64-gnu.node is a native module for arm64 Linux");
      }
    } finally {
      await cloud.close();
    }
  });
});

function packageFiles(name: keyof typeof machines): Record<string, string> {
  const main = `${name.slice("@fake/".length).replace("-", ".")}.node`;
  return {
    "package.json": JSON.stringify({ name, version: "1.0.0", main, ...machines[name] }),
    [main]: `binary of ${name}`,
  };
}
