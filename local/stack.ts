import { LocalCloud } from "./cloud.ts";
import { evaluateProgram, localStack, type ProgramOutputs } from "./program.ts";
import { localProvider } from "./provider.ts";

/** The stack, running on this machine. */
export interface Stack {
  readonly cloud: LocalCloud;
  /** The path of the git repository whose pushes are built. */
  readonly remote: string;
  readonly outputs: ProgramOutputs;
}

/**
 * Starts a local cloud and deploys the program to it.
 *
 * @param root The checkout with `index.ts`.
 * @param directory Where the local cloud keeps its files.
 * @param apiPort The HTTP API's port, 0 for any that is free.
 * @param seed Fills the repository before its webhook exists, as a team's repository is there before the stack.
 */
export async function startStack(
  root: string,
  directory: string,
  apiPort: number,
  seed: (remote: string) => Promise<void>,
): Promise<Stack> {
  const cloud = await LocalCloud.start(directory, apiPort);
  try {
    const { repository, branch } = localStack;
    const remote = await cloud.github.createRepository(repository, branch, `${cloud.awsUrl}/post-receive`);
    await seed(remote);
    return { cloud, remote, outputs: await evaluateProgram(root, localProvider(cloud)) };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}
