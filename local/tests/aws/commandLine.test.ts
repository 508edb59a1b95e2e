import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout, copyProject } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { git } from "../../github/git.ts";
import { createsAndChanges, destroys, pulumi, type Target } from "../engine/commandLine.ts";

const stack = "test-aws";

/** A stack of its own in the account of the credentials that the AWS SDKs find. `local/tests/aws/run.ts` sets the variables. */
describe("the pulumi command line, on AWS", function () {
  this.timeout(15 * 60_000);
  let target: Target;

  // Registered before the folder's removal, so that it runs before it.
  after(async () => {
    if (target) {
      // A failure may have left the protection on; in an empty stack there is nothing to take it from.
      await pulumi(target, "state", "unprotect", "--all", "--yes").catch(() => {});
      await pulumi(target, "destroy", "--yes");
    }
  });

  const temporary = temporaryDirectories();

  before(async () => {
    const settings = {
      "aws:region": variable("TEST_AWS_REGION"),
      "push-to-live:repository": variable("TEST_AWS_REPOSITORY"),
      "push-to-live:connectionArn": variable("TEST_AWS_CONNECTION_ARN"),
    };
    const project = join(await temporary(), "project");
    await copyProject(project);
    // In the checkout, so that it is found again if this process is killed.
    const state = join(checkout, ".local", "test-aws");
    await mkdir(state, { recursive: true });
    target = {
      project,
      stack,
      command: [join(project, "node_modules", ".bin", "pulumi")],
      env: {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${state}`,
        // The stack has no secrets: the repository is read by a connection.
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    };
    await writeFile(join(project, `Pulumi.${stack}.yaml`), JSON.stringify({ config: settings }));
    await pulumi(target, "stack", "select", "--create");
    await git(project, "add", "--all");
    await git(project, "commit", "--quiet", "--message=The stack's settings");
    // What an earlier run that was killed has left.
    await pulumi(target, "destroy", "--yes");
  });

  createsAndChanges(() => target);
  destroys(() => target);
});

function variable(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run npm run test:aws`);
  }
  return value;
}
