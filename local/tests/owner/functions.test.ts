import { rename } from "node:fs/promises";
import { join } from "node:path";
import { addFunction } from "../../../sample/project.ts";
import { edit, ownPipeline, passesItsTests, tutorial } from "./change.ts";

describe("a project of one's own: its functions and names", function () {
  this.timeout(600_000);
  passesItsTests([
    {
      what: "another word in the answer, and in the tests of it",
      make: async (project) => {
        for (const file of ["functions/hello-user/handler.ts", "tests/functions/hello-user.test.ts"]) {
          await edit(project, file, /Hello /g, "Hi ");
        }
      },
      rehearses: ownPipeline,
    },
    {
      what: "a second and a third function",
      make: async (project) => {
        for (const folder of ["goodbye-user", "orders"]) {
          await addFunction(project, folder);
        }
      },
      rehearses: tutorial,
    },
    {
      what: "the sample under another name, the project too, and a branch master",
      make: async (project) => {
        await rename(join(project, "functions/hello-user"), join(project, "functions/greet"));
        await rename(
          join(project, "tests/functions/hello-user.test.ts"),
          join(project, "tests/functions/greet.test.ts"),
        );
        for (const file of ["index.ts", "tests/functions/greet.test.ts"]) {
          await edit(project, file, /hello-user/g, "greet");
        }
        await edit(project, "Pulumi.yaml", /^name: .*$/m, "name: my_App");
        await edit(project, "Pulumi.local.yaml", /^config:$/m, "config:\n  branch: master");
      },
      rehearses: ownPipeline,
    },
  ]);
});
