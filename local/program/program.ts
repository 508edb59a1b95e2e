import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { placeOf } from "./place.ts";
import { localStack, type Project } from "./project.ts";
import { type LifeCycle, NotFound } from "./provider.ts";

const outputsSchema = z.object({
  apiUrl: z.string(),
  functionNames: z.record(z.string(), z.string()),
  deployProject: z.string(),
  pullRequestProject: z.string().optional(),
  webhookUrl: z.string(),
});

/** What `index.ts` exports, resolved. */
export type ProgramOutputs = z.infer<typeof outputsSchema>;

/**
 * Evaluates the Pulumi program in this process: each resource that it registers is created by `provider`. No engine takes part, so there is
 * no state and no diff.
 *
 * @param project Its program can be evaluated once in a process.
 * @throws {Error} when anything that it registers, calls or exports fails.
 */
export async function evaluateProgram(
  { root, name: project, config }: Project,
  provider: LifeCycle,
): Promise<ProgramOutputs> {
  const failures = new Set<string>();
  const messageOf = (error: unknown): string => {
    const message = error instanceof Error ? error.message : String(error);
    // What is said of a setting has no place in the code.
    const place = pulumi.RunError.isInstance(error) ? undefined : placeOf(error, root);
    return place === undefined ? message : `${place}: ${message}`;
  };
  const fail = (error: unknown): void => {
    failures.add(messageOf(error));
  };
  // What depends on a resource that failed is rejected too, and nothing waits for it.
  process.on("unhandledRejection", fail);
  await pulumi.runtime.setMocks(
    {
      async newResource({ custom, type, name, inputs }) {
        if (custom === false) {
          return { id: undefined, state: inputs };
        }
        const urn = `urn:pulumi:${localStack}::${project}::${type}::${name}`;
        const { failures: reasons = [] } = await provider.check(urn, {}, inputs);
        if (reasons.length > 0) {
          throw new Error(reasons.map(({ reason }) => reason).join("; "));
        }
        const { id, outs } = await provider.create(urn, inputs);
        return { id, state: outs };
      },
      async call({ token, inputs }) {
        try {
          return (await provider.invoke(token, inputs)).outputs;
        } catch (error) {
          if (!(error instanceof NotFound)) {
            fail(error);
          }
          throw error;
        }
      },
    },
    project,
    localStack,
    false,
  );
  pulumi.runtime.setAllConfig(config.values, [...config.secretKeys]);
  const program: Record<string, unknown> = await import(pathToFileURL(join(root, "index.ts")).href).catch((error) => {
    throw new Error(messageOf(error), { cause: error });
  });
  const outputs = await pulumi.runtime.serializeProperty("outputs", { ...program }, new Set(), {}).catch(fail);
  // Every registration has answered, also those whose outputs nothing waits for; their rejections come a turn later.
  await pulumi.runtime.disconnect();
  await new Promise((resolve) => setImmediate(resolve));
  if (failures.size > 0) {
    // The first is the cause; what follows from it comes after it.
    const [cause] = failures;
    throw new Error(`the program could not be deployed: ${cause}`);
  }
  process.off("unhandledRejection", fail);
  return outputsSchema.parse(outputs);
}
