import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { checkout } from "../../sample/project.ts";

describe("docs/pull-requests.md", () => {
  it("tells how to set each variable and secret that the workflow takes", async () => {
    const text = await readFile(join(checkout, ".github/workflows/preview.yml"), "utf8");
    const names = [...text.matchAll(/\b(?:vars|secrets)\.(\w+)/g)].map(([, name]) => name);
    expect(new Set(names)).to.have.property("size", 6);
    const docs = await readFile(join(checkout, "docs/pull-requests.md"), "utf8");
    expect(names.filter((name) => !docs.includes(`\`${name}\``))).to.deep.equal([]);
  });
});
