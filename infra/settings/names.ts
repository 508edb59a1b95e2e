import * as pulumi from "@pulumi/pulumi";

/** Longest Lambda function name (CreateFunction's `FunctionName`), in characters. */
const maxFunctionNameLength = 64;
/** IAM allows 64 characters; a function's longest role name is its folder with this at the end. */
const maxFolderLength = 64 - "-deployments-role-0123456".length;

/** Why the names of the project, the stack and its functions make none that AWS takes; empty when they do. */
export function nameProblems(prefix: string, functionFolders: readonly string[]): string[] {
  const problems: string[] = [];
  if (!/^[A-Za-z0-9_-]+$/.test(prefix)) {
    problems.push(
      `project and stack are "${prefix}": AWS names may hold only letters, digits, "-" and "_"; rename the stack`,
    );
  }
  // What follows the stack in a name begins with "_": so the names of two stacks never meet, and a policy's prefix covers one stack.
  if (pulumi.getStack().includes("_")) {
    problems.push(`the stack is "${pulumi.getStack()}": its name must hold no "_"; rename it, with "-" for instance`);
  }
  for (const folder of functionFolders) {
    const { length } = `${prefix}_${folder}`;
    if (length > maxFunctionNameLength) {
      problems.push(
        `the function's name "${prefix}_${folder}" has ${length} characters; Lambda allows ${maxFunctionNameLength}: shorten the folder's, the stack's or the project's name`,
      );
    }
    if (!/^[A-Za-z0-9_-]+$/.test(folder)) {
      problems.push(
        `the folder functions/${folder} names a Lambda function, whose name may hold only letters, digits, "-" and "_": rename it`,
      );
    }
    if (folder.length > maxFolderLength) {
      problems.push(
        `the folder functions/${folder} has ${folder.length} characters; the names of its roles leave ${maxFolderLength}: shorten it`,
      );
    }
  }
  return problems;
}
