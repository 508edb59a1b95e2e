import { createRequire } from "node:module";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import type { LifeCycle } from "./provider.ts";

// The SDK's server opens the properties of every read, and the read of an import has none.
const { ReadRequest } = messages;
const { getProperties } = ReadRequest.prototype;
const noProperties = { toJavaScript: () => ({}) } as ReturnType<typeof getProperties>;
ReadRequest.prototype.getProperties = function (this: messages.ReadRequest) {
  return getProperties.call(this) ?? noProperties;
};

/**
 * Serves the provider over gRPC, so that `PULUMI_DEBUG_PROVIDERS=aws:<port>` attaches Pulumi's engine to it, and returns the port. It stops
 * with the process.
 */
export async function serveProvider(provider: LifeCycle): Promise<number> {
  const { main } = sdkServer();
  const { log } = console;
  try {
    return await new Promise<number>((resolve, reject) => {
      // The SDK's server tells its port on the standard output only.
      console.log = (port: unknown) => resolve(Number(port));
      main({ ...provider, version: "7.48.0" }, ["127.0.0.1:0"]).catch(reject);
    });
  } finally {
    console.log = log;
  }
}

/** The SDK's server of one provider: the module serves once, and a process may have several providers. */
function sdkServer(): typeof import("@pulumi/pulumi/provider/server.js") {
  const require = createRequire(import.meta.url);
  const path = require.resolve("@pulumi/pulumi/provider/server.js");
  delete require.cache[path];
  return require(path);
}
