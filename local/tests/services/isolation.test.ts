import { mkdir, writeFile } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { build } from "esbuild";
import { strToU8, zipSync } from "fflate";
import { root } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen } from "../../aws/httpServer.ts";
import { LocalCloud } from "../../cloud.ts";
import { functionSettings } from "../localFunction.ts";

/** Calls AWS as any function does, with the SDK's own ways to find credentials and an address. */
const code = `
import { homedir, tmpdir } from "node:os";
import { access } from "node:fs/promises";
import { Lambda } from "@aws-sdk/client-lambda";
export const handler = async () => {
  const lambda = new Lambda({});
  const { FunctionVersion } = await lambda.getAlias({ FunctionName: process.env.AWS_LAMBDA_FUNCTION_NAME, Name: "live" });
  const refused = await lambda.listFunctions({}).catch((error) => error.name);
  const credentials = await lambda.config.credentials();
  const profiles = [process.env.AWS_CONFIG_FILE, process.env.AWS_SHARED_CREDENTIALS_FILE, homedir() + "/.aws/credentials"];
  const found = await Promise.all(profiles.map((file) => access(file).then(() => file, () => undefined)));
  const reads = found.filter(Boolean).join() || "none";
  return { FunctionVersion, refused, accessKeyId: credentials.accessKeyId, home: homedir(), temp: tmpdir(), reads };
};`;

describe("a function on the local cloud", function () {
  this.timeout(30_000);
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  /** What the surroundings name as AWS and as its metadata service. */
  let elsewhere: Listening;
  let visits: string[];
  const before = { ...process.env };

  beforeEach(async () => {
    visits = [];
    elsewhere = await listen(async (request, response) => {
      visits.push(request.url ?? "");
      response.end("{}");
    });
    const home = await temporary();
    await mkdir(join(home, ".aws"));
    for (const file of ["credentials", "config"]) {
      await writeFile(
        join(home, ".aws", file),
        "[default]\naws_access_key_id = planted\naws_secret_access_key = planted\nregion = eu-north-1\n",
      );
    }
    Object.assign(process.env, surroundings(), { HOME: home });
    cloud = await LocalCloud.start(await temporary(), 0);
  });

  afterEach(async () => {
    process.env = { ...before };
    await cloud.close();
    await elsewhere.close();
  });

  /** What would lead an SDK to an account of somebody's. */
  function surroundings(): Record<string, string> {
    return {
      AWS_PROFILE: "default",
      AWS_ENDPOINT_URL: elsewhere.url,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${elsewhere.url}/credentials`,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: elsewhere.url,
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
    };
  }

  for (const [what, Variables] of [
    ["in the surroundings", () => ({})],
    // With a profile that is not there, an SDK finds nothing, here as on Lambda.
    ["in the variables that it declares", () => ({ ...surroundings(), AWS_PROFILE: "" })],
  ] as const) {
    it(`calls the local endpoint by the local cloud's keys, whatever account is named ${what}`, async () => {
      const result = await build({
        stdin: { contents: code, resolveDir: join(root, "deploy") },
        bundle: true,
        platform: "node",
        format: "cjs",
        write: false,
      });
      const zip = zipSync({
        "handler.mjs": strToU8('export { handler } from "./bundle.cjs";'),
        "bundle.cjs": result.outputFiles[0]?.contents ?? new Uint8Array(),
      });
      const settings = {
        ...functionSettings("fn"),
        Timeout: 20,
        MemorySize: 256,
        Environment: { Variables: Variables() },
      };
      cloud.lambda.putAlias("fn", "live", cloud.lambda.createFunction(settings, zip));
      const { payload, error } = await cloud.lambda.invoke("fn", "live", "{}");
      expect(error, payload).to.equal(undefined);
      const told = JSON.parse(payload);
      expect(told).to.include({ FunctionVersion: "1", refused: "NotImplemented", accessKeyId: "local", reads: "none" });
      for (const folder of [told.home, told.temp]) {
        expect(folder).to.not.be.oneOf([homedir(), userInfo().homedir, tmpdir()]);
      }
      expect(visits).to.deep.equal([]);
    });
  }
});
