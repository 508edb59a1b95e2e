import { createHash } from "node:crypto";
import { root } from "../../sample/project.ts";
import { dev, type Evaluation, evaluate, only, type Registration, type Stack } from "./mocks.ts";

/** The sample's program, evaluated. */
export type Program = Evaluation<typeof import("../../sample/index.ts")>;

const programs = new Map<string, Promise<Program>>();

/** Evaluates the sample's `index.ts` for a stack, once for all the tests of a process: they only read it. */
export function loadProgram(stack: Stack): Promise<Program> {
  const key = JSON.stringify(stack);
  const program = programs.get(key) ?? evaluate(stack, () => import(`${root}/index.ts?run=${programs.size}`));
  programs.set(key, program);
  return program;
}

/** The inputs of a resource of the sample's program, by its key, e.g. `iam.Role deploy-role`. */
export async function inputsOf(key: string, stack: Stack = dev): Promise<Registration["inputs"]> {
  return only((await loadProgram(stack)).registrations, key).inputs;
}

/** What a version of the sample's function is made of in the dev stack, beside its code. */
export const configuration = {
  role: "arn:aws:iam::123456789012:role/hello-user-role-0a1b2c3",
  runtime: "nodejs24.x",
  architectures: ["arm64"],
  handler: "handler.handler",
  memorySize: 128,
  timeout: 10,
  loggingConfig: { logFormat: "JSON", logGroup: "/aws/lambda/push-to-live-dev_hello-user" },
  tracingConfig: { mode: "PassThrough" },
};

/** The hash of that, by which a changed configuration is known. */
export const configurationHash = createHash("sha256")
  .update(JSON.stringify({ "hello-user": configuration }))
  .digest("hex");
