import { readFile } from "node:fs/promises";
import { join } from "node:path";
import ts from "typescript";
import { root } from "../../sample/project.ts";

const files = new Map<string, Promise<ts.SourceFile>>();

/**
 * Whether the provider computes a property that is left out, and so keeps the value that it had (Optional and Computed in its schema): the
 * type of its output always has a value. Told from the declarations of `@pulumi/aws`, which are made from the provider's schema.
 *
 * @param type The resource's type, e.g. `aws:lambda/function:Function`.
 * @param path From the resource on, without array indices, e.g. `["tracingConfig", "mode"]`.
 * @throws {Error} when the resource has no such property.
 */
export async function isComputed(type: string, path: readonly string[]): Promise<boolean> {
  const [, module = "", name = "", className = ""] = type.split(/[:/]/);
  let file = await declarations(join(module, `${name}.d.ts`));
  let members = membersOf(file, file.statements, className);
  for (const [index, property] of path.entries()) {
    const member = members.get(property);
    if (!member) {
      throw new Error(`${type} has no ${path.slice(0, index + 1).join(".")}`);
    }
    const text = member.type?.getText(file) ?? "";
    if (index === path.length - 1) {
      return !member.questionToken && !text.includes("| undefined");
    }
    const [, namespace = "", interfaceName = ""] =
      /(?:outputs\.)?(\w+)\.(\w+)(?!\w*\.)[>[\] |]*/.exec(text.replace(/^pulumi\.Output</, "")) ?? [];
    if (!interfaceName) {
      return false; // A map: its keys are the user's.
    }
    file = await declarations("types/output.d.ts");
    members = membersOf(file, statementsOf(file, namespace), interfaceName);
  }
  throw new Error(`${type}: no property is asked for`);
}

function declarations(path: string): Promise<ts.SourceFile> {
  const known = files.get(path);
  if (known) {
    return known;
  }
  const file = readFile(join(root, "node_modules/@pulumi/aws", path), "utf8").then((text) =>
    ts.createSourceFile(path, text, ts.ScriptTarget.Latest),
  );
  files.set(path, file);
  return file;
}

function statementsOf(file: ts.SourceFile, namespace: string): readonly ts.Statement[] {
  const found = file.statements.find(
    (statement): statement is ts.ModuleDeclaration =>
      ts.isModuleDeclaration(statement) && statement.name.text === namespace,
  );
  return found?.body && ts.isModuleBlock(found.body) ? found.body.statements : [];
}

type Property = ts.PropertyDeclaration | ts.PropertySignature;

function membersOf(file: ts.SourceFile, statements: readonly ts.Statement[], name: string): Map<string, Property> {
  const found = statements.find(
    (statement): statement is ts.ClassDeclaration | ts.InterfaceDeclaration =>
      (ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name?.text === name,
  );
  const members: readonly ts.Node[] = found?.members ?? [];
  return new Map(
    members
      .filter((member): member is Property => ts.isPropertyDeclaration(member) || ts.isPropertySignature(member))
      .map((member) => [member.name.getText(file), member]),
  );
}
