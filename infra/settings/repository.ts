import { branchProblem } from "../webhookFilters.ts";
import { matching, parsedBy } from "./values.ts";

/** A GitHub repository, as CodeBuild's source names it. */
export interface Repository {
  /** `GITHUB` for github.com, `GITHUB_ENTERPRISE` for any other host. */
  readonly type: "GITHUB" | "GITHUB_ENTERPRISE";
  /** The HTTPS URL to clone, e.g. `https://github.com/owner/name.git`. */
  readonly cloneUrl: string;
}

// An owner's name has a _ where an enterprise manages its users: name_shortcode.
const repositoryPath = /^\/([A-Za-z0-9][A-Za-z0-9_-]*)\/(?!\.+\/?$|\.git\/?$)([A-Za-z0-9._-]+?)(?:\.git)?\/?$/;

export const repository = parsedBy(
  parseRepository,
  'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
);

export const branch = parsedBy((text) => (branchProblem(text) ? undefined : text), branchProblem("") ?? "");

/** A folder in the repository, with `/` between names. */
export const directory = matching(
  /^(?!\.|.*\/\.)[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/,
  "it must be the project's folder in the repository, such as \"services/shop\"; leave it out where it is the repository's own",
);

/** The repository at a URL; undefined where it is none's. */
export function parseRepository(url: string): Repository | undefined {
  if (!URL.canParse(url)) {
    return undefined;
  }
  const { protocol, username, password, search, hash, host, pathname } = new URL(url);
  const path = repositoryPath.exec(pathname);
  const isNearlyGitHub = /(^|\.)github\.com(:|$)/.test(host) && host !== "github.com";
  if (protocol !== "https:" || username || password || search || hash || !path || isNearlyGitHub) {
    return undefined;
  }
  return {
    type: host === "github.com" ? "GITHUB" : "GITHUB_ENTERPRISE",
    cloneUrl: `https://${host}/${path[1]}/${path[2]}.git`,
  };
}

/** The repository's owner and name, e.g. `owner/name`. */
export function fullNameOf({ cloneUrl }: Repository): string {
  return new URL(cloneUrl).pathname.slice(1, -".git".length);
}
