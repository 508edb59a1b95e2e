import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { AwsError } from "../../aws/awsEndpoint.ts";

/** The unpacked zips of functions: a folder each, by the zip's hash. */
export class FunctionCode {
  readonly #directory: string;

  /** @param directory Where the zips are unpacked. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Unpacks a zip, and tells what a function's configuration says of it.
   * @throws {AwsError} when it is no zip, or holds a native module for another machine.
   */
  unpack(zip: Uint8Array) {
    const CodeSha256 = createHash("sha256").update(zip).digest("base64");
    const files = filesOf(zip);
    checkNativeModules(files);
    const directory = this.directoryOf(CodeSha256);
    // Written once: an environment that is about to load the same code must not see half of a file.
    if (!existsSync(directory)) {
      for (const [name, content] of Object.entries(files)) {
        const path = join(directory, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      }
    }
    return { CodeSha256, CodeSize: zip.byteLength, LastModified: new Date().toISOString() };
  }

  /** Where the zip with this hash, in base64, is unpacked. */
  directoryOf(codeSha256: string): string {
    return join(this.#directory, Buffer.from(codeSha256, "base64").toString("hex"));
  }
}

function filesOf(zip: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(zip, { filter: ({ name }) => !name.split("/").includes("..") });
  } catch {
    throw new AwsError("InvalidParameterValueException", "Could not unzip uploaded file");
  }
}

/** Functions run on this machine: what is built for another would fail when it is loaded, and look like a fault of the function's. */
function checkNativeModules(files: Readonly<Record<string, Uint8Array>>): void {
  const here = `${process.platform} ${process.arch}`;
  const name = Object.keys(files).find((each) => each.endsWith(".node"));
  if (name !== undefined && here !== "linux arm64") {
    const message = `${name} is a native module for arm64 Linux, which this machine (${here}) cannot run: try the function on AWS`;
    throw new AwsError("InvalidParameterValueException", message);
  }
}
