/** A GitHub repository, as CodeBuild's source names it. */
export interface Repository {
  /** `GITHUB` for github.com, `GITHUB_ENTERPRISE` for any other host. */
  readonly type: "GITHUB" | "GITHUB_ENTERPRISE";
  /** The HTTPS URL to clone, e.g. `https://github.com/owner/name.git`. */
  readonly cloneUrl: string;
}

/** What a repository's URL must be, for messages. */
export const repositoryRule =
  'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"';

// An owner's name has a _ where an enterprise manages its users: name_shortcode.
const repositoryPath = /^\/([A-Za-z0-9][A-Za-z0-9_-]*)\/(?!\.+\/?$|\.git\/?$)([A-Za-z0-9._-]+?)(?:\.git)?\/?$/;

/** The repository at a URL, or undefined where it is none's. */
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
