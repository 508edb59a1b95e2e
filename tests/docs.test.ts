import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { root } from "./project.ts";

describe("docs/tutorial.md", () => {
  it("quotes lines that the files have", async () => {
    const text = await readFile(join(root, "docs/tutorial.md"), "utf8");
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
    expect(buildspec).to.have.length(5);
    for (const { file = "", line = "" } of [...quotes, ...buildspec]) {
      expect(await readFile(join(root, file), "utf8"), file).to.contain(line);
    }
  });
});

describe("README.md and docs/", () => {
  it("link to files that exist", async () => {
    let links = 0;
    for await (const file of glob(["README.md", "docs/*.md"], { cwd: root })) {
      const text = await readFile(join(root, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)) {
        expect(existsSync(join(root, dirname(file), target)), `${file} links to ${target}`).to.equal(true);
        links += 1;
      }
    }
    expect(links).to.be.greaterThan(30);
  });
});
