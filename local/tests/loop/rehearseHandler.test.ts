import { execFile } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { writeFiles } from "../../../sample/files.ts";
import { checkout } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { around, changeHandler } from "../../rehearsal/changedHandler.ts";

/** Handlers as teams write them. */
const handlers = {
  typed: `import type { APIGatewayProxyHandlerV2 } from "aws-lambda";
export const handler: APIGatewayProxyHandlerV2 = async () => ({ statusCode: 200 });`,
  generic: `export type Extra = string;
export function handler<T extends { extra: Extra }>(event: T): Extra { return event.extra; }`,
  withMembers: `export const handler = Object.assign(async (event: unknown, context: { id: string }) => [event, context], { use: () => 1 });
export default handler;`,
  any: "export const handler: any = () => 1;",
  overloaded: `function own(event: string): string;
function own(event: number): number;
function own(event: string | number): string | number { return event; }
export { own as handler, own as default };`,
};

describe("a handler that the rehearsal changes", function () {
  this.timeout(60_000);
  const temporary = temporaryDirectories();

  it("keeps its type and whatever else its module exports, whatever it is", async () => {
    const project = await temporary();
    await symlink(join(checkout, "node_modules"), join(project, "node_modules"));
    await writeFiles(project, {
      "package.json": JSON.stringify({ type: "module" }),
      "tsconfig.json": JSON.stringify({ extends: join(checkout, "tsconfig.json"), include: ["functions", "*.ts"] }),
      "use.ts": `import { type Extra, handler } from "./functions/generic-nothing/handler.ts";
import all, { handler as withMembers } from "./functions/withMembers-failure/handler.ts";
export const extra: Extra = handler({ extra: "one" });
export const members: number = withMembers.use() + all.use();
`,
    });
    for (const [name, text] of Object.entries(handlers)) {
      for (const [kind, proxy] of Object.entries(around)) {
        const folder = `${name}-${kind}`;
        await writeFiles(project, { [`functions/${folder}/handler.ts`]: text });
        // A second change is of the handler as it was.
        for (const each of [around.failure, proxy]) {
          for (const [file, change] of Object.entries(await changeHandler(project, folder, each))) {
            await writeFile(join(project, file), change(""));
          }
        }
      }
    }
    const tsc = join(checkout, "node_modules/typescript/bin/tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, "--project", project]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).to.equal("");
  });

  it("fails where it is live and nowhere else, and else does what it did", async () => {
    const project = await temporary();
    await writeFiles(project, {
      "package.json": JSON.stringify({ type: "module" }),
      "functions/fn/handler.ts": "export const handler = (...args: unknown[]) => args;",
    });
    for (const [file, change] of Object.entries(await changeHandler(project, "fn", around.failureWhenLive))) {
      await writeFile(join(project, file), change(""));
    }
    const { handler } = await import(join(project, "functions/fn/handler.ts"));
    const invoked = (qualifier: string) => ({
      invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:fn:${qualifier}`,
    });
    expect(handler()).to.deep.equal([]);
    expect(handler({ a: 1 }, null)).to.deep.equal([{ a: 1 }, null]);
    expect(handler({}, invoked("12"))).to.deep.equal([{}, invoked("12")]);
    expect(() => handler({}, invoked("live"))).to.throw("the rehearsal broke this handler, where it is live");
  });
});
