import { main, type Provider } from "@pulumi/pulumi/provider/index.js";
import type { LifeCycle } from "./provider.ts";

let served: LifeCycle | undefined;
let port: Promise<number> | undefined;

/**
 * Serves the provider over gRPC, so that `PULUMI_DEBUG_PROVIDERS=aws:<port>` attaches Pulumi's engine to it, and returns the port. The SDK
 * starts one server in a process, which stops with it: a later call has it serve another provider.
 */
export async function serveProvider(provider: LifeCycle): Promise<number> {
  served = provider;
  port ??= start(
    new Proxy<Provider>(
      { ...provider, version: "7.48.0" },
      { get: (first, name) => Reflect.get(name === "version" ? first : (served ?? first), name) },
    ),
  );
  return port;
}

async function start(provider: Provider): Promise<number> {
  const { log } = console;
  try {
    return await new Promise<number>((resolve, reject) => {
      // The SDK's server tells its port on the standard output only.
      console.log = (told: unknown) => resolve(Number(told));
      main(provider, ["127.0.0.1:0"]).catch(reject);
    });
  } finally {
    console.log = log;
  }
}
