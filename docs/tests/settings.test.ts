import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod";
import { schemaFor, settingKeys } from "../../infra/settings/schema.ts";
import { checkout } from "../../sample/project.ts";

const schema = schemaFor(["fn"]);

describe("the settings in README.md", () => {
  let text: string;

  before(async () => {
    text = await readFile(join(checkout, "README.md"), "utf8");
  });

  it("are every key of the schema in its order and no other, each with its default", () => {
    const table = text.slice(text.indexOf("\n### Settings\n"), text.indexOf("\n### Eyes on what runs\n"));
    const documented = [...table.matchAll(/^\| (`.+?) \| (.+?) \| /gm)].flatMap(([, keys = "", defaults = ""]) => {
      const [names, values] = [codeIn(keys), codeIn(defaults)];
      // Either each key of a row has its default, or none has.
      expect(values.length, keys).to.be.oneOf([0, names.length]);
      return names.map((name, index) => [name, values[index]]);
    });
    expect(documented).to.deep.equal([
      ["aws:region", undefined],
      ["aws:defaultTags", undefined],
      ...settingKeys.map((key) => [key, defaultOf(schema.shape[key])]),
    ]);
  });

  it("have the defaults of a function", () => {
    const { memorySize, timeout, ...others } = schema.shape.functions.parse('{"fn":{}}').fn ?? {};
    expect(others).to.deep.equal({ environment: {} });
    const row = /^\| `functions` .*$/m.exec(text)?.[0];
    expect(row).to.contain(`\`memorySize\` (MB, ${memorySize}), \`timeout\` (s, ${timeout}, at most 29)`);
  });

  it("have the alarms, each with from where on it rings", () => {
    const rows = [...text.matchAll(/^\| `[-_][\w<>-]+` \| `(\w+)` \| (\d+) /gm)];
    const documented = rows.map(([, key = "", threshold]) => [key, Number(threshold)]);
    expect(Object.fromEntries(documented)).to.deep.equal(schema.shape.alarms.parse("{}"));
  });
});

/** What is written as code. */
function codeIn(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

function defaultOf(setting: z.ZodType): unknown {
  return setting instanceof z.ZodPrefault ? setting.def.defaultValue : undefined;
}
