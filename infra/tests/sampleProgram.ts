import { root } from "../../sample/project.ts";
import { type Evaluation, evaluate, type Stack } from "./mocks.ts";

let runs = 0;

/** Evaluates the sample's `index.ts` afresh for a stack. */
export function loadProgram(stack: Stack): Promise<Evaluation<typeof import("../../sample/index.ts")>> {
  runs += 1;
  return evaluate(stack, () => import(`${root}/index.ts?run=${runs}`));
}
