import { type CloudOptions, LocalCloud } from "../cloud.ts";
import { evaluateProgram, type ProgramOutputs } from "./program.ts";
import type { Project } from "./project.ts";
import { type LifeCycle, localProvider } from "./provider.ts";

/** A local cloud with the project's repository, and nothing else. */
export interface EmptyStack {
  readonly project: Project;
  readonly cloud: LocalCloud;
  readonly provider: LifeCycle;
  /** The path of the git repository whose pushes are built. */
  readonly remote: string;
}

/** The stack, running on this machine. */
export interface Stack extends EmptyStack {
  readonly outputs: ProgramOutputs;
}

/**
 * Starts a local cloud with the project's repository.
 *
 * @param directory Where the local cloud keeps its files.
 * @param apiPort The HTTP API's port, 0 for any that is free.
 * @param seed Fills the repository before its webhook exists, as a team's repository is there before the stack.
 */
export async function startEmpty(
  project: Project,
  directory: string,
  apiPort: number,
  seed: (remote: string) => Promise<void>,
  options: CloudOptions = {},
): Promise<EmptyStack> {
  const cloud = await LocalCloud.start(directory, apiPort, options);
  try {
    const hook = `${cloud.awsUrl}/post-receive`;
    const remote = await cloud.github.createRepository(project.repository, project.branch, hook);
    await seed(remote);
    return { project, cloud, remote, provider: localProvider(cloud, project.root) };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

/** Starts a local cloud and deploys the program to it, without Pulumi's engine. The arguments are those of `startEmpty`. */
export async function startStack(...args: Parameters<typeof startEmpty>): Promise<Stack> {
  const stack = await startEmpty(...args);
  try {
    return { ...stack, outputs: await evaluateProgram(args[0], stack.provider) };
  } catch (error) {
    await stack.cloud.close();
    throw error;
  }
}
