import settings from "@pulumi/pulumi/runtime/settings.js";

/**
 * Has each client of an engine open a connection of its own. gRPC keeps those of a process in one pool by their ports, and an engine may get
 * the port of one that has gone, whose connection is broken: the SDK takes that error for the end of a program that declares nothing, and
 * the engine deletes all that there is (`run` in @pulumi/pulumi `automation/server.ts` drops the errors of gRPC).
 */
export function keepConnectionsApart(): void {
  const { grpcClientOptions } = settings as unknown as { readonly grpcClientOptions: object };
  Object.assign(grpcClientOptions, { "grpc.use_local_subchannel_pool": 1 });
}
