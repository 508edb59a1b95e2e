// Runs the command line's cases against a real AWS account: `npm run test:aws -- --yes-create-resources --repository … --connection-arn …`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkout } from "../../../sample/project.ts";

const usage = `npm run test:aws -- --yes-create-resources --repository <https URL> --connection-arn <ARN> [--region <region>]

Creates the stack push-to-live-test-aws-… in the AWS account of your credentials, tries pulumi preview, up, refresh and destroy on it, and
destroys it in the end, also after a failure or Ctrl-C.
  What it makes     an HTTP API, a Lambda function, a CodeDeploy application, two CodeBuild projects with a webhook each in the repository,
                    5 roles, 4 log groups, a parameter, a rule and an alarm: nothing that costs while it is idle but the alarm, 0.10 USD a month
  What it costs     under 0.01 USD: about ten requests and a few kilobytes of logs; no build is started
  --repository      a repository that the connection may read and add a webhook to; it is not written to otherwise
  --connection-arn  a connection of AWS CodeConnections to it
  --region          where; default eu-west-1
Its state is in .local/test-aws: if it is killed, \`npm run test:aws\` with the same arguments destroys what is left before it begins.`;

const { values } = parseArgs({
  options: {
    "yes-create-resources": { type: "boolean", default: false },
    repository: { type: "string" },
    "connection-arn": { type: "string" },
    region: { type: "string", default: "eu-west-1" },
  },
});
if (!values["yes-create-resources"] || !values.repository || !values["connection-arn"]) {
  console.error(usage);
  process.exit(1);
}
const mocha = spawn(
  process.execPath,
  [
    join(checkout, "node_modules/mocha/bin/mocha.js"),
    "--require",
    "./tests/unhandledRejections.ts",
    "local/tests/aws/commandLine.test.ts",
  ],
  {
    cwd: checkout,
    stdio: "inherit",
    env: {
      ...process.env,
      TEST_AWS_REPOSITORY: values.repository,
      TEST_AWS_CONNECTION_ARN: values["connection-arn"],
      TEST_AWS_REGION: values.region,
    },
  },
);
// mocha takes Ctrl-C itself, and destroys the stack before it ends.
process.on("SIGINT", () => {});
const [code] = await once(mocha, "exit");
process.exitCode = code ?? 1;
