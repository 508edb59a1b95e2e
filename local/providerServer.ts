import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { main } from "@pulumi/pulumi/provider/index.js";
import type { LifeCycle } from "./provider.ts";

// The SDK's server opens the properties of every read, and the read of an import has none.
const { ReadRequest } = messages;
const { getProperties } = ReadRequest.prototype;
const noProperties = { toJavaScript: () => ({}) } as ReturnType<typeof getProperties>;
ReadRequest.prototype.getProperties = function (this: messages.ReadRequest) {
  return getProperties.call(this) ?? noProperties;
};

/**
 * Serves the provider over gRPC, so that `PULUMI_DEBUG_PROVIDERS=aws:<port>` attaches Pulumi's engine to it, and returns the port. It can
 * be served once in a process, and stops with it.
 */
export async function serveProvider(provider: LifeCycle): Promise<number> {
  const { log } = console;
  try {
    return await new Promise<number>((resolve, reject) => {
      // The SDK's server tells its port on the standard output only.
      console.log = (port: unknown) => resolve(Number(port));
      const served = main({ ...provider, version: "7.48.0" }, ["127.0.0.1:0"]);
      served.then(
        () => reject(new Error("this process serves a provider already: another needs another process")),
        reject,
      );
    });
  } finally {
    console.log = log;
  }
}
