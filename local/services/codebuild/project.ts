/** What CodeBuild needs of a project, by the provider's names. */
export interface Project {
  readonly name: string;
  /** The branch that is built where nothing else is asked for. */
  readonly sourceVersion: string;
  /** `location` is the repository's HTTPS URL, `buildspec` a path in it; a commit status has the name `context`. */
  readonly source: {
    readonly location: string;
    readonly buildspec: string;
    /** Whether GitHub is told of the builds that the webhook starts. */
    readonly reportBuildStatus?: boolean | undefined;
    readonly buildStatusConfig?: { readonly context: string } | undefined;
  };
  readonly environment: {
    readonly image: string;
    readonly environmentVariables: readonly { readonly name: string; readonly value: string }[];
  };
  readonly logsConfig: { readonly cloudwatchLogs: { readonly groupName: string } };
  /** Minutes; left out on Lambda compute, whose builds end after 15. */
  readonly buildTimeout?: number | undefined;
}
