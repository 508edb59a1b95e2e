import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { branchProblem, buildsPullRequests, pullRequestsTo, pushTo } from "../webhookFilters.ts";

const refusal =
  'it must be the name of one branch, such as "main" or "release/1.x" (letters, digits and . _ / + -, as git allows them)';

const accepted = ["main", "release/1.x", "a", "1", "_", "A/b/c", "v1.0+build-7", "a.b/c.d", "x-", "feature/_x", "lock"];

const refused = [
  "",
  "HEAD",
  " ",
  "two words",
  " main",
  "main ",
  "main\n",
  "\nmain",
  "a\tb",
  "a..b",
  "a.lock",
  "a.lock/b",
  "a/b.lock",
  "-main",
  "--all",
  ".main",
  "a/.b",
  "main.",
  "a./b/.",
  "/main",
  "main/",
  "a//b",
  "refs/heads/main",
  "refs/tags/v1",
  "+main",
  "@",
  "a@{1}",
  "a~1",
  "a^",
  "a:b",
  "a?",
  "a*",
  ".*",
  "a[b]",
  "a\\b",
  "a|b",
  "(a)",
  "a{2}",
  "main$",
  "$(id)",
  "`id`",
  "a;b",
  "a&b",
  "a'b",
  'a"b',
  "a#b",
  "a%b",
  "a,b",
  "ünïcode",
];

/** Names as the builder takes them, most of them with the characters that a regular expression could mistake. */
const branches = fc
  .array(fc.constantFrom(..."abmnxABZ019._/+-", ".", "/", "+", "main", "release", ".lock"), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join(""))
  .filter((branch) => branchProblem(branch) === undefined);

describe("the webhook filters of pushes to a branch", () => {
  it("are one group: a push, and the ref main and no other", () => {
    expect(pushTo("main")).to.deep.equal([
      {
        filters: [
          { type: "EVENT", pattern: "PUSH" },
          { type: "HEAD_REF", pattern: "^refs/heads/main$" },
        ],
      },
    ]);
  });

  it("take the dot of release/1.x as a dot", () => {
    expect(pushTo("release/1.x")).to.deep.equal([
      {
        filters: [
          { type: "EVENT", pattern: "PUSH" },
          { type: "HEAD_REF", pattern: "^refs/heads/release/1\\.x$" },
        ],
      },
    ]);
  });

  it("take the plus of 1+1 as a plus", () => {
    expect(headRefOf("1+1").source).to.equal(/^refs\/heads\/1\+1$/.source);
  });

  describe("match, for any branch,", () => {
    it("its own ref", () => {
      fc.assert(fc.property(branches, (branch) => headRefOf(branch).test(`refs/heads/${branch}`)));
    });

    it("no ref with something before or after it", () => {
      const some = fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" });
      fc.assert(
        fc.property(branches, some, (branch, more) => {
          const ref = `refs/heads/${branch}`;
          return [`${more}${ref}`, `${ref}${more}`, `${ref}\n`, `${ref}\n${more}`, `${more}\n${ref}`].every(
            (other) => !headRefOf(branch).test(other),
          );
        }),
      );
    });

    it("no ref that differs in one character", () => {
      fc.assert(
        fc.property(branches, fc.nat(), fc.string({ maxLength: 1 }), (branch, at, character) => {
          const ref = `refs/heads/${branch}`;
          const index = at % ref.length;
          const other = ref.slice(0, index) + character + ref.slice(index + 1);
          return headRefOf(branch).test(other) === (other === ref);
        }),
        { numRuns: 1000 },
      );
    });

    it("no ref that has one character more", () => {
      fc.assert(
        fc.property(branches, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (branch, at, character) => {
          const ref = `refs/heads/${branch}`;
          const index = at % (ref.length + 1);
          return !headRefOf(branch).test(ref.slice(0, index) + character + ref.slice(index));
        }),
        { numRuns: 1000 },
      );
    });

    it("no other branch", () => {
      fc.assert(
        fc.property(
          branches,
          branches,
          (branch, other) => headRefOf(branch).test(`refs/heads/${other}`) === (branch === other),
        ),
        { numRuns: 1000 },
      );
    });

    it("no tag, pull request or remote of the same name, nor the bare name", () => {
      fc.assert(
        fc.property(branches, (branch) =>
          [
            "refs/tags/",
            "refs/pull/",
            "refs/remotes/origin/",
            "heads/",
            "refs/heads/refs/heads/",
            "",
            "REFS/HEADS/",
          ].every((beginning) => !headRefOf(branch).test(beginning + branch)),
        ),
      );
    });
  });

  for (const branch of refused) {
    it(`refuse ${JSON.stringify(branch)} as a branch, and say what is allowed`, () => {
      expect(() => pushTo(branch)).to.throw(Error, `the branch is ${JSON.stringify(branch)}: ${refusal}`);
      expect(branchProblem(branch)).to.equal(refusal);
    });
  }

  it("take no name with a character that means something in a regular expression or a shell", () => {
    const meaning = fc.constantFrom(..."\\^$*?()[]{}|~:@!\"#%&',;<=>` \t\n\0");
    fc.assert(
      fc.property(branches, branches, meaning, (before, after, character) =>
        [before + character + after, before + character, character + after].every(
          (branch) => branchProblem(branch) === refusal,
        ),
      ),
    );
  });

  it("take only names that git takes for a branch", async () => {
    const names = [...accepted, ...fc.sample(branches, 40)];
    expect(names.filter((branch) => branchProblem(branch) !== undefined)).to.deep.equal([]);
    expect(await refusedByGit(names)).to.deep.equal([]);
  });

  it("refuse, of the names above that git takes, only those that some pattern, shell or reader could mistake", async () => {
    const byGit = await refusedByGit(refused);
    expect(refused.filter((branch) => !byGit.includes(branch))).to.deep.equal([
      "refs/heads/main",
      "refs/tags/v1",
      "+main",
      "@",
      "a|b",
      "(a)",
      "a{2}",
      "main$",
      "$(id)",
      "`id`",
      "a;b",
      "a&b",
      "a'b",
      'a"b',
      "a#b",
      "a%b",
      "a,b",
      "ünïcode",
    ]);
  });
});

describe("the webhook filters of pull requests into a branch", () => {
  it("are one group: opened, changed or reopened, and the base main and no other, from whatever branch", () => {
    expect(pullRequestsTo("main")).to.deep.equal([
      {
        filters: [
          { type: "EVENT", pattern: "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED" },
          { type: "BASE_REF", pattern: "^refs/heads/main$" },
        ],
      },
    ]);
  });

  it("match the base that pushes are matched by, for any branch", () => {
    fc.assert(
      fc.property(branches, (branch) => {
        const pattern = pullRequestsTo(branch)[0]?.filters.find(({ type }) => type === "BASE_REF")?.pattern;
        return pattern === headRefOf(branch).source.replaceAll("\\/", "/");
      }),
    );
  });

  for (const branch of refused) {
    it(`refuse ${JSON.stringify(branch)} as a branch`, () => {
      expect(() => pullRequestsTo(branch)).to.throw(Error, `the branch is ${JSON.stringify(branch)}: ${refusal}`);
    });
  }

  it("are told from those of pushes", () => {
    expect([...pullRequestsTo("main"), ...pushTo("main")].map(buildsPullRequests)).to.deep.equal([true, false]);
  });
});

function headRefOf(branch: string): RegExp {
  const [group] = pushTo(branch);
  const filter = group?.filters.find(({ type }) => type === "HEAD_REF");
  if (!filter) {
    throw new Error("there is no HEAD_REF filter");
  }
  return new RegExp(filter.pattern);
}

/** The names that `git check-ref-format --branch` refuses. */
async function refusedByGit(names: readonly string[]): Promise<string[]> {
  const verdicts = await Promise.all(
    names.map((name) =>
      promisify(execFile)("git", ["check-ref-format", "--branch", name]).then(
        () => true,
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => !verdicts[index]);
}
