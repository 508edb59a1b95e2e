import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { unzipSync } from "fflate";
import { bundleFunctions, checkSize } from "../../../deploy/bundle.ts";
import { writeFiles } from "../../../sample/files.ts";
import { root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { functionSettings } from "../localFunction.ts";

/** The smallest module of WebAssembly: nothing. */
const wasm = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

interface Kind {
  /** A module that sets `answer`. */
  readonly handler: string;
  /** Files of the function's folder, by path. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly answer: string;
}

const packageJson = (name: string, type: string): string => JSON.stringify({ name, version: "1.0.0", type });

const kinds: Readonly<Record<string, Kind>> = {
  "an ES module": {
    handler: 'import { answer as found } from "esm-package"; const answer = found;',
    files: {
      "node_modules/esm-package/package.json": packageJson("esm-package", "module"),
      "node_modules/esm-package/index.js": 'export const answer = "esm";',
    },
    answer: "esm",
  },
  "CommonJS with a dynamic require": {
    handler: 'import * as found from "cjs-package"; const answer = found.basename;',
    files: {
      "node_modules/cjs-package/package.json": packageJson("cjs-package", "commonjs"),
      "node_modules/cjs-package/index.js":
        'const name = ["node", "path"].join(":"); exports.basename = require(name).basename("/a/cjs");',
    },
    answer: "cjs",
  },
  "createRequire and require of its own, as fflate has": {
    handler: `import { answer as found } from "own-require"; import { strFromU8, unzlibSync, zlibSync, strToU8 } from "fflate";
      const answer = found + strFromU8(unzlibSync(zlibSync(strToU8("!"))));`,
    files: {
      "node_modules/own-require/package.json": packageJson("own-require", "module"),
      "node_modules/own-require/index.js":
        'import { createRequire } from "module"; const require = createRequire(import.meta.url); export const answer = require("path").basename("/a/own");',
    },
    answer: "own!",
  },
  "__dirname and __filename, and a package that declares them itself": {
    handler: `import found from "dirname-package"; import { here } from "esm-dirname"; import { basename } from "node:path";
      const answer = found.file + (here === found.folder) + (basename(import.meta.filename));`,
    files: {
      "node_modules/dirname-package/package.json": packageJson("dirname-package", "commonjs"),
      "node_modules/dirname-package/index.js":
        'const path = require("path"); module.exports = { file: path.basename(__filename), folder: __dirname };',
      "node_modules/esm-dirname/package.json": packageJson("esm-dirname", "module"),
      "node_modules/esm-dirname/index.js":
        'import { dirname } from "path"; import { fileURLToPath } from "url"; const __filename = fileURLToPath(import.meta.url); const __dirname = dirname(__filename); export const here = __dirname;',
    },
    answer: "handler.mjstruehandler.mjs",
  },
  "a WebAssembly module and a data file": {
    handler: `import { readFileSync } from "node:fs"; import wasmPackage from "wasm-package";
      const answer = readFileSync(new URL("./assets/words.txt", import.meta.url), "utf8") + wasmPackage.isModule;`,
    files: {
      "assets/words.txt": "words ",
      "node_modules/wasm-package/package.json": packageJson("wasm-package", "commonjs"),
      "node_modules/wasm-package/lib/module.wasm": wasm,
      "node_modules/wasm-package/index.js":
        'const { readFileSync } = require("fs"); const { join } = require("path"); exports.isModule = new WebAssembly.Module(readFileSync(join(__dirname, "lib/module.wasm"))) instanceof WebAssembly.Module;',
    },
    answer: "words true",
  },
  "the AWS SDK": {
    handler: `import { Lambda } from "@aws-sdk/client-lambda";
      const answer = typeof new Lambda({ region: "eu-west-1" }).getAlias;`,
    answer: "function",
  },
};

describe("a bundle", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let project: string;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
  });

  after(() => cloud.close());

  beforeEach(async () => {
    project = await temporary();
    await cp(join(root, "package.json"), join(project, "package.json"));
    await cp(join(root, "tsconfig.json"), join(project, "tsconfig.json"));
    await symlink(join(root, "node_modules"), join(project, "node_modules"));
  });

  async function addFunction(name: string, { handler, files = {} }: Omit<Kind, "answer">): Promise<void> {
    const all = {
      ...files,
      "handler.ts": `${handler}\nexport const handler = async () => ({ statusCode: 200, body: String(answer) });\n`,
    };
    await writeFiles(join(project, "functions", name), all);
  }

  async function refusal(): Promise<string> {
    return bundleFunctions(project).then(
      () => "nothing was refused",
      (error: Error) => error.message,
    );
  }

  for (const [what, kind] of Object.entries(kinds)) {
    it(`with ${what} loads in a bare process, and answers through the local API`, async () => {
      await addFunction("fn", kind);
      const [bundle] = (await bundleFunctions(project)).all;
      const zip = await readFile(bundle?.path ?? "");
      const unpacked = await temporary();
      await writeFiles(unpacked, unzipSync(zip));
      const load = `import(${JSON.stringify(join(unpacked, "handler.mjs"))}).then(async ({ handler }) => console.log((await handler()).body))`;
      const { stdout } = await promisify(execFile)(process.execPath, ["-e", load], { cwd: "/", env: {} });
      expect(stdout.trim()).to.equal(kind.answer);

      const name = `fn-${Object.keys(kinds).indexOf(what)}`;
      cloud.lambda.putAlias(name, "live", cloud.lambda.createFunction(functionSettings(name), zip));
      const api = await cloud.apiGateway.createApi();
      cloud.lambda.addPermission(name, "api", "live", `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*`);
      api.putStage("$default", "/access", "$context.status");
      api.putRoute("GET /path", api.putIntegration(name, "live"));
      expect(await (await fetch(`${api.url}/path`)).text()).to.equal(kind.answer);
    });
  }

  for (const [what, files] of [
    ["that it imports", { "index.js": 'module.exports = require("./build/x.node");', "build/x.node": "binary" }],
    [
      "that it looks for",
      {
        "index.js": 'module.exports = require("bindings")("x"); ',
        "node_modules/bindings/index.js": "module.exports = () => 1;",
      },
    ],
    [
      "that it opens by its path",
      { "index.js": 'process.dlopen(module, require("path").join(__dirname, "x.node"));', "x.node": "binary" },
    ],
  ] as const) {
    it(`with a native module ${what} is refused, by the package's name`, async () => {
      const own = Object.entries(files).map(([path, content]) => [`node_modules/native-package/${path}`, content]);
      await addFunction("fn", {
        handler: 'import found from "native-package"; const answer = found;',
        files: {
          "node_modules/native-package/package.json": packageJson("native-package", "commonjs"),
          ...Object.fromEntries(own),
        },
      });
      expect(await refusal()).to.match(
        /functions\/fn\/handler\.ts: (native-package|bindings) is or loads a native module .*: use a package that has it prebuilt/,
      );
    });
  }

  it("whose module reads a file that would not come along is refused, by the file's name", async () => {
    await addFunction("fn", {
      handler: `import { readFileSync } from "node:fs"; const answer = readFileSync(new URL("../shared/words.txt", import.meta.url), "utf8");`,
    });
    await mkdir(join(project, "functions/shared"));
    await writeFile(join(project, "functions/shared/words.txt"), "words");
    expect(await refusal()).to.contain(
      "functions/fn/handler.ts reads functions/shared/words.txt, which would not come along",
    );
  });

  it("whose modules read different files by one path is refused", async () => {
    const reading =
      'const { join } = require("path"); module.exports = require("fs").readFileSync(join(__dirname, "data.txt"), "utf8");';
    await addFunction("fn", {
      handler: 'import a from "package-a"; import b from "package-b"; const answer = a + b;',
      files: Object.fromEntries(
        ["a", "b"].flatMap((name) => [
          [`node_modules/package-${name}/package.json`, packageJson(`package-${name}`, "commonjs")],
          [`node_modules/package-${name}/index.js`, reading],
          [`node_modules/package-${name}/data.txt`, name],
        ]),
      ),
    });
    expect(await refusal()).to.contain("two of its modules read different files by the path data.txt");
  });

  it("larger than Lambda takes is refused, packed or unpacked, with both figures", () => {
    const megabyte = 1024 * 1024;
    expect(() => checkSize("fn", 50 * megabyte, 250 * megabyte)).to.not.throw();
    expect(() => checkSize("fn", 50 * megabyte + 1, 60 * megabyte)).to.throw(
      "functions/fn: its zip has 52428801 bytes, and Lambda takes 52428800",
    );
    expect(() => checkSize("fn", megabyte, 250 * megabyte + 1)).to.throw("unpacked, has 262144001 bytes");
  });
});
