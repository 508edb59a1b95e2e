import { appendFileSync, globSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FilteredLogEvent, FilterLogEventsRequest } from "@aws-sdk/client-cloudwatch-logs";
import { AwsError } from "../../aws/awsEndpoint.ts";

/** CloudWatch Logs: each stream is a file of lines, `<directory>/<log group>/<stream>.log`. */
export class CloudWatchLogs {
  readonly #directory: string;
  readonly #groups = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  createLogGroup(name: string): void {
    this.#groups.add(name);
  }

  /** Forgets a log group; its files stay until the local cloud starts anew. */
  deleteLogGroup(name: string): void {
    this.#groups.delete(name);
  }

  /** The file that holds a stream's events, a line each; it exists once there is one. */
  fileOf(group: string, stream: string): string {
    return join(this.#directory, group, `${stream}.log`);
  }

  /** Adds lines to a stream. Without its group they are lost, as a service's are that may write but not create a group. */
  put(group: string, stream: string, text: string): void {
    if (!this.#groups.has(group)) {
      return;
    }
    appendFileSync(this.#writable(group, stream), text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Opens a stream for a process to write to; the caller closes the file descriptor. */
  open(group: string, stream: string): number {
    if (!this.#groups.has(group)) {
      throw new Error(`the log group ${group} does not exist`);
    }
    return openSync(this.#writable(group, stream), "a");
  }

  /**
   * The lines of a group's streams in which a term occurs, stream by stream.
   * @throws {AwsError} when there is no such group, and for a pattern that is no single term.
   */
  filterEvents({
    logGroupName = "",
    logStreamNamePrefix = "",
    filterPattern = "",
    limit = 10_000,
  }: FilterLogEventsRequest): FilteredLogEvent[] {
    if (!this.#groups.has(logGroupName)) {
      throw new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
    }
    if (!/^\w*$/.test(filterPattern)) {
      throw new AwsError("InvalidParameterException", `the local cloud filters by one term, not by ${filterPattern}`);
    }
    const cwd = join(this.#directory, logGroupName);
    const streams = globSync("**/*.log", { cwd }).map((file) => file.replace(/\.log$/, ""));
    return streams
      .sort()
      .filter((stream) => stream.startsWith(logStreamNamePrefix))
      .flatMap((logStreamName) =>
        readFileSync(this.fileOf(logGroupName, logStreamName), "utf8")
          .split("\n")
          .filter((message) => message !== "" && message.includes(filterPattern))
          .map((message) => ({ logStreamName, message })),
      )
      .slice(0, limit);
  }

  #writable(group: string, stream: string): string {
    const file = this.fileOf(group, stream);
    mkdirSync(dirname(file), { recursive: true });
    return file;
  }
}
