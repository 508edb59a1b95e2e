import { type BuildCompute, containerOf } from "./buildComputes.ts";
import type { Repository } from "./repository.ts";

/** What a stack sets of one of its build projects. */
export interface BuildSettings {
  /** The project's name, unique in the account and region. */
  readonly projectName: string;
  readonly repository: Repository;
  /** The branch that a build started by hand takes. */
  readonly branch: string;
  /** The project's folder in the repository; undefined where it is the repository's own. */
  readonly directory?: string;
  readonly compute: BuildCompute;
  /** After how many minutes a build is stopped: 5 to 2160. Lambda compute has its own limit, and takes none. */
  readonly timeoutMinutes: number;
  /** How long the build log keeps its events, in days. */
  readonly logRetentionDays: number;
  /**
   * The name of the commit status with which every build that the webhook starts reports to GitHub.
   * @default CodeBuild's: `AWS CodeBuild <region> (<project's name>)`
   */
  readonly statusContext?: string;
}

/** What both build projects are made from. */
interface BuildValues {
  readonly repository: Repository;
  readonly branch: string;
  readonly directory?: string | undefined;
  readonly buildCompute: BuildCompute;
  readonly buildTimeoutMinutes: number;
  readonly logRetentionDays: number;
}

/** What a stack sets of the project that builds the branch. @param prefix `<project>-<stack>` */
export function deployBuild(prefix: string, values: BuildValues): BuildSettings {
  const { repository, branch, directory, buildCompute, buildTimeoutMinutes, logRetentionDays } = values;
  return {
    projectName: `${prefix}_deploy`,
    repository,
    branch,
    ...(directory !== undefined && { directory }),
    compute: buildCompute,
    timeoutMinutes: buildTimeoutMinutes,
    logRetentionDays,
  };
}

/** What a stack sets of the project that builds pull requests. @param prefix `<project>-<stack>` */
export function pullRequestBuild(prefix: string, values: BuildValues): BuildSettings {
  return {
    ...deployBuild(prefix, values),
    projectName: `${prefix}_pull-request`,
    // Installing everything takes half a minute and more memory than the smallest Lambda compute has.
    compute: containerOf(values.buildCompute),
    timeoutMinutes: 15,
    statusContext: `${prefix}/pull-request`,
  };
}
