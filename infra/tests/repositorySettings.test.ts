import { expect } from "chai";
import { dev } from "./mocks.ts";
import { refusal, refusalOf, refusesEach, settingsOf } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

const rules = {
  repository: 'it must be the HTTPS URL of a GitHub repository, such as "https://github.com/owner/name"',
  branch:
    'it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)',
} as const;

describe("the settings of the repository", () => {
  for (const [url, type, cloneUrl] of [
    ["https://github.com/owner/name.git", "GITHUB", "https://github.com/owner/name.git"],
    ["https://github.com/owner/name/", "GITHUB", "https://github.com/owner/name.git"],
    ["https://github.com/owner/name.git/", "GITHUB", "https://github.com/owner/name.git"],
    ["https://GitHub.com/Owner-1/na_me.js", "GITHUB", "https://github.com/Owner-1/na_me.js.git"],
    ["https://github.com:443/owner/name", "GITHUB", "https://github.com/owner/name.git"],
    ["https://git.example.com/owner/name", "GITHUB_ENTERPRISE", "https://git.example.com/owner/name.git"],
    ["https://git.example.com:8443/owner/name", "GITHUB_ENTERPRISE", "https://git.example.com:8443/owner/name.git"],
    ["https://notgithub.com/owner/name", "GITHUB_ENTERPRISE", "https://notgithub.com/owner/name.git"],
    ["https://github.com.example.com/owner/name", "GITHUB_ENTERPRISE", "https://github.com.example.com/owner/name.git"],
  ] as const) {
    it(`take the repository ${url} as ${type}, cloned from ${cloneUrl}`, async () => {
      const { deploy } = await settingsOf(withSettings({ repository: url }));
      expect(deploy.repository).to.deep.equal({ type, cloneUrl });
    });
  }

  for (const branch of ["main", "release/1.x", "feature_1+2-3"]) {
    it(`take the branch ${branch}`, async () => {
      const { deploy, pullRequest } = await settingsOf(withSettings({ branch }));
      expect([deploy.branch, pullRequest?.branch]).to.deep.equal([branch, branch]);
    });
  }

  it("take an owner whose name has a _, as a managed user's has", async () => {
    const { deploy } = await settingsOf(withSettings({ repository: "https://github.com/jo_shop/name" }));
    expect(deploy.repository).to.deep.equal({ type: "GITHUB", cloneUrl: "https://github.com/jo_shop/name.git" });
  });
});

describe("the settings of the repository that are not usable:", () => {
  refusesEach("repository", rules.repository, [
    "",
    "owner/name",
    "http://github.com/owner/name",
    "git@github.com:owner/name.git",
    "https://www.github.com/owner/name",
    "https://github.com:8443/owner/name",
    "https://github.com/owner/.git",
    "https://github.com/owner/...",
    "https://github.com/owner",
    "https://github.com/owner/",
    "https://github.com/owner/name/tree/main",
    "https://github.com/owner/name?tab=readme",
    "https://github.com/owner/name#readme",
    "https://github.com/-owner/name",
    "https://github.com/owner/na me",
    "https://github.com/owner/name:x",
  ]);
  refusesEach("branch", rules.branch, ["", "HEAD", "two words", "a..b", "refs/heads/main", "ma*n"]);

  it("a repository with a token in it, which the message does not repeat", async () => {
    for (const [scheme, userinfo] of [
      ["https", "user"],
      ["https", ":ghp_secret"],
      ["https", "user:ghp_secret"],
      ["ssh", "git"],
    ]) {
      const repository = `${scheme}://${userinfo}@github.com/owner/name`;
      const { message } = await refusalOf(withSettings({ repository }));
      expect(message).to.equal(
        refusal(`push-to-live:repository is "${scheme}://***@github.com/owner/name": ${rules.repository}`),
      );
    }
  });

  it("no repository", async () => {
    const failure = await refusalOf({ ...dev, config: { connectionArn: dev.config.connectionArn } });
    expect(failure.message).to.equal(refusal(`push-to-live:repository is not set: ${rules.repository}`));
  });
});
