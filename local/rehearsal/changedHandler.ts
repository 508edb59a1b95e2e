import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Changes } from "./developer.ts";

/** What is put around a handler: each is a `ProxyHandler`, which any handler's type fits. */
export const around = {
  /** Another bundle, which does the same. */
  nothing: "{}",
  /** What any test that calls the handler notices, and the smoke test. */
  failure: `{
  apply() {
    throw new Error("the rehearsal broke this handler");
  },
}`,
  /** What tests do not come across, and the smoke test does. */
  failureInLambda: `{
  apply(target, self, args) {
    if (process.env.AWS_LAMBDA_FUNCTION_NAME) {
      throw new Error("the rehearsal broke this handler, in Lambda");
    }
    return Reflect.apply(target, self, args);
  },
}`,
  /** What neither tests nor the smoke test come across, which invokes a version by its number. */
  failureWhenLive: `{
  apply(target, self, args) {
    if (args.some((arg) => String(arg?.invokedFunctionArn).endsWith(":live"))) {
      throw new Error("the rehearsal broke this handler, where it is live");
    }
    return Reflect.apply(target, self, args);
  },
}`,
} as const;

/**
 * Changes a function's handler, whatever it is: it stays as it was in a file beside, and something is put around it.
 *
 * @param copy The project's folder.
 * @param folder The function's, in `functions/`.
 */
export async function changeHandler(copy: string, folder: string, proxy: string): Promise<Changes> {
  const handler = `functions/${folder}/handler.ts`;
  const rehearsed = `functions/${folder}/handler.rehearsed.ts`;
  const before = await readFile(join(copy, rehearsed), "utf8").catch(() => readFile(join(copy, handler), "utf8"));
  const hasDefault = /\bexport\s+default\b|\bas\s+default\b/.test(before);
  return {
    [rehearsed]: () => before,
    [handler]: () => `import { handler as rehearsed } from "./handler.rehearsed.ts";

export * from "./handler.rehearsed.ts";
${hasDefault ? 'export { default } from "./handler.rehearsed.ts";\n' : ""}
export const handler = new Proxy(rehearsed, ${proxy});
`,
  };
}
