import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { checkout, root } from "../../sample/project.ts";

describe("docs/tutorial.md", () => {
  it("quotes lines that the sample's files have", async () => {
    const text = await readFile(join(checkout, "docs/tutorial.md"), "utf8");
    const quotes = [...text.matchAll(/^\|.*\(\.\.\/([\w./-]+)\) \| `([^`]+)` \|$/gm)].map(([, file, line]) => ({
      file,
      line,
    }));
    const buildspec = [...text.matchAll(/^\| (?:install|pre_build|build|post_build) \| [^|]+ \| `([^`]+)` \|$/gm)].map(
      ([, line]) => ({
        file: "buildspec.yml",
        line,
      }),
    );
    expect(quotes).to.have.length(18);
    expect(buildspec).to.have.length(6);
    for (const { file = "", line = "" } of [...quotes, ...buildspec]) {
      expect(await readFile(join(root, file), "utf8"), file).to.contain(line);
    }
  });
});

/** The rooms that a project may do without. */
const takenAway = ["bench", "local"].filter((room) => !existsSync(join(checkout, room)));

describe("README.md and docs/", () => {
  it("link to files that exist", async () => {
    for await (const file of glob(["README.md", "docs/*.md"], { cwd: checkout })) {
      const text = await readFile(join(checkout, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)) {
        const path = join(dirname(file), target);
        const isAway = takenAway.some((room) => path === room || path.startsWith(`${room}/`));
        expect(isAway || existsSync(join(checkout, path)), `${file} links to ${target}`).to.equal(true);
      }
    }
  });

  // Without a room, its commands are gone.
  if (takenAway.length === 0) {
    it("name only commands that package.json has", async () => {
      const { scripts } = JSON.parse(await readFile(join(checkout, "package.json"), "utf8"));
      for await (const file of glob(["README.md", "docs/*.md"], { cwd: checkout })) {
        const text = await readFile(join(checkout, file), "utf8");
        for (const [, name = ""] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
          expect(scripts, file).to.have.property(name);
        }
      }
    });
  }
});
