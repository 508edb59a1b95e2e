import * as pulumi from "@pulumi/pulumi";

/** Whether a key's value, or any part of it, is encrypted in the stack's configuration file. @param namespace Of the key, e.g. the project's name. */
export function isSecret(namespace: string, key: string): boolean {
  // The SDK exports it, but leaves it out of its types.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };
  return isConfigSecret(`${namespace}:${key}`);
}
