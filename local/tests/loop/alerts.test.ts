import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodeDeploy } from "@aws-sdk/client-codedeploy";
import { expect } from "chai";
import { copyProject } from "../../../sample/project.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { type Listening, listen, readBody } from "../../aws/httpServer.ts";
import { LocalCloud } from "../../cloud.ts";
import { git } from "../../github/git.ts";
import { evaluateProgram, type ProgramOutputs } from "../../program/program.ts";
import { readProject } from "../../program/project.ts";
import { localProvider } from "../../program/provider.ts";
import type { Notification } from "../../services/sns/sns.ts";
import { clientOptions } from "../localFunction.ts";
import { hurryRollbacks, ManualClock } from "../manualClock.ts";

/** A request of SNS's. */
interface Received {
  readonly type: string | undefined;
  readonly body: Readonly<Record<string, string>>;
}

describe("the alerts of the program on the local cloud", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  const clock = new ManualClock();
  let cloud: LocalCloud;
  let outputs: ProgramOutputs;
  let subscriber: Listening;
  let remote: string;
  let project: string;
  const received: Received[] = [];
  const notifications: Notification[] = [];

  before(async () => {
    const directory = await temporary();
    project = join(directory, "project");
    cloud = await LocalCloud.start(join(directory, "cloud"), 0, { clock });
    hurryRollbacks(cloud, clock);
    cloud.sns.on("notification", (notification) => notifications.push(notification));
    const confirmed = Promise.withResolvers<void>();
    subscriber = await listen(async (request, response) => {
      const body = JSON.parse((await readBody(request, 1_000_000)).toString());
      received.push({ type: request.headers["x-amz-sns-message-type"]?.toString(), body });
      if (body.Type === "SubscriptionConfirmation") {
        await fetch(body.SubscribeURL);
        confirmed.resolve();
      }
      response.end();
    });
    await copyProject(project);
    const subscribers = JSON.stringify(["team@example.com", `${subscriber.url}/alerts`]);
    await edit("Pulumi.local.yaml", "config:", (config) =>
      [config, '  push-to-live:alerts: "true"', `  push-to-live:alertSubscribers: '${subscribers}'`].join("\n"),
    );
    await edit("functions/hello-user/handler.ts", /\n {2}const user = .*/, (line) =>
      [line, '  if (user === "boom") {', '    throw new Error("boom");', "  }"].join("\n"),
    );
    remote = await cloud.github.createRepository("local/push-to-live", "main", `${cloud.awsUrl}/post-receive`);
    outputs = await evaluateProgram(await readProject(project), localProvider(cloud, project));
    await confirmed.promise;
    // The alarms are evaluated for the first time, and are OK.
    clock.advance(10);
  });

  after(async () => {
    await cloud.close();
    await subscriber.close();
  });

  async function edit(file: string, part: string | RegExp, change: (part: string) => string): Promise<void> {
    const path = join(project, file);
    const before = await readFile(path, "utf8");
    const changed = before.replace(part, change);
    expect(changed, file).to.not.equal(before);
    await writeFile(path, changed);
  }

  /** Waits for a notification; the tests' timeout ends the wait. */
  async function arrived(matches: (body: Received["body"]) => boolean): Promise<Received["body"]> {
    for (;;) {
      const found = received.find(({ type, body }) => type === "Notification" && matches(body));
      if (found) {
        return found.body;
      }
      await once(cloud.sns, "notification");
    }
  }

  const alarmOf = (name: string, from: string, state: string) => (body: Received["body"]) =>
    body.Subject === `${state}: "push-to-live-local${name}" in us-east-1` &&
    JSON.parse(body.Message ?? "").OldStateValue === from;

  it("ask the endpoint to confirm before they tell it anything", () => {
    expect(received[0]?.type).to.equal("SubscriptionConfirmation");
    expect(received[0]?.body).to.include({
      Type: "SubscriptionConfirmation",
      TopicArn: "arn:aws:sns:us-east-1:000000000000:push-to-live-local-alerts",
    });
  });

  it("tell of an alarm that errors set off, of the API's and the function's, and of the recovery", async () => {
    received.length = 1;
    const response = await fetch(`${outputs.apiUrl}/hello_user?user=boom`);
    expect(response.status).to.equal(500);
    clock.advance(10);
    for (const name of ["-api-5xx", "_hello-user-errors"]) {
      const rung = await arrived(alarmOf(name, "OK", "ALARM"));
      expect(rung).to.include({ Type: "Notification" });
      expect(JSON.parse(rung.Message ?? "")).to.include({
        AlarmName: `push-to-live-local${name}`,
        NewStateValue: "ALARM",
        OldStateValue: "OK",
      });
    }
    // Twice the longest of their periods.
    clock.advance(600);
    for (const name of ["-api-5xx", "_hello-user-errors"]) {
      const recovered = await arrived(alarmOf(name, "ALARM", "OK"));
      expect(JSON.parse(recovered.Message ?? "")).to.include({ NewStateValue: "OK", OldStateValue: "ALARM" });
    }
  });

  it("are kept for an e-mail address, and not sent", () => {
    const kept = notifications.filter(({ endpoint }) => endpoint === "team@example.com");
    expect(kept.map(({ subject }) => subject)).to.include('ALARM: "push-to-live-local-api-5xx" in us-east-1');
    expect(new Set(kept.map(({ outcome }) => outcome))).to.deep.equal(new Set(["not sent"]));
  });

  it("tell of a failed build, with the way to its log, and set off its alarm", async () => {
    await git(project, "rm", "--quiet", "buildspec.yml");
    await git(project, "commit", "--quiet", "--message=Without a buildspec");
    await git(project, "push", "--quiet", remote, "main");
    const { Message } = await arrived((body) => body.Message?.startsWith('"A build of') ?? false);
    expect(Message).to.equal(
      `"A build of push-to-live-local_deploy ended as FAILED; what is live stays live. Its log: ${cloud.codebuild.builds[0]?.logFile}"`,
    );
    clock.advance(10);
    expect(cloud.cloudwatch.stateOf("push-to-live-local-failed-builds")).to.equal("ALARM");
  });

  it("tell of a deployment that failed, and of none that a newer release has stopped", async () => {
    const codedeploy = new CodeDeploy(clientOptions(cloud));
    const functionName = "push-to-live-local_hello-user";
    const deploy = async (targetversion: string): Promise<string> => {
      const properties = { name: functionName, alias: "live", currentversion: "1", targetversion };
      const function_ = { Type: "AWS::Lambda::Function", Properties: properties };
      const content = JSON.stringify({ version: 0, Resources: [{ "hello-user": function_ }] });
      const { deploymentId } = await codedeploy.createDeployment({
        applicationName: "push-to-live-local",
        deploymentGroupName: "hello-user",
        revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
      });
      return String(deploymentId);
    };
    const second = cloud.lambda.updateFunction({ ...cloud.lambda.resolve(functionName, "$LATEST"), MemorySize: 256 });
    const stopped = await deploy(second);
    await codedeploy.stopDeployment({ deploymentId: stopped, autoRollbackEnabled: true });
    const { deploymentInfo } = await codedeploy.getDeployment({ deploymentId: stopped });
    expect(deploymentInfo?.status).to.equal("Stopped");
    // The group is free when what the stop puts back is back.
    const deploymentId = deploymentInfo?.rollbackInfo?.rollbackDeploymentId;
    expect((await codedeploy.getDeployment({ deploymentId })).deploymentInfo?.status).to.equal("Succeeded");

    const failed = await deploy("7");
    const { Message } = await arrived((body) => body.Message?.startsWith('"The deployment') ?? false);
    expect(Message).to.equal(
      `"The deployment ${failed} of hello-user in push-to-live-local ended as FAILURE; the version before it stays live or is put back."`,
    );
    expect(JSON.stringify(received)).to.not.contain(stopped);
  });
});
