import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The checkout. */
export const root = join(import.meta.dirname, "../..");
/** Where `npm start` keeps its files. */
export const directory = join(root, ".local");
/** What a program reads to use the local cloud, as long as it runs. */
export const endpointsFile = join(directory, "endpoints.json");

/** The content of `.local/endpoints.json`. */
export interface Endpoints {
  /** The HTTP API's address; empty where `--empty` leaves the program to Pulumi's engine. */
  readonly api: string;
  /** The path of the repository to push to. */
  readonly git: string;
  readonly webhook: string;
  readonly webhookSecret: string;
  readonly aws: string;
  readonly region: string;
  /** The port on which Pulumi's engine finds the AWS provider. */
  readonly provider: number;
  /** Function names, by folder. */
  readonly functions: Readonly<Record<string, string>>;
  readonly deployProject: string;
  readonly pullRequestProject: string;
  /** The address of GitHub's REST API. */
  readonly github: string;
  /** What its users authenticate with, by login: `owner` may write, `contributor` may not. */
  readonly githubTokens: Readonly<Record<string, string>>;
}

/** The endpoints of the local cloud of this checkout, when one runs. */
export async function runningEndpoints(): Promise<Endpoints | undefined> {
  try {
    const endpoints: Endpoints = JSON.parse(await readFile(endpointsFile, "utf8"));
    // After a kill -9 the file is left, and another program may have the port.
    const answer = await fetch(endpoints.aws, { signal: AbortSignal.timeout(1000) });
    return answer.headers.has("x-amzn-errortype") ? endpoints : undefined;
  } catch {
    return undefined;
  }
}
