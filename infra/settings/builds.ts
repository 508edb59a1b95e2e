import type { BuildCompute } from "./buildComputes.ts";
import type { Repository } from "./repository.ts";

/** What a stack sets of one of its build projects. */
export interface BuildSettings {
  /** The project's name, unique in the account and region. */
  readonly projectName: string;
  readonly repository: Repository;
  /** The branch that a build started by hand takes. */
  readonly branch: string;
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
