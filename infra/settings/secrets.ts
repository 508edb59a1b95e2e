import * as pulumi from "@pulumi/pulumi";

/** Whether a key's value, or any part of it, is encrypted in the stack's configuration file. */
export function isSecret(config: pulumi.Config, key: string): boolean {
  // The SDK exports it, but leaves it out of its types.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };
  return isConfigSecret(`${config.name}:${key}`);
}
