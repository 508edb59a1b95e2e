import { expect } from "chai";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { application } from "../release/releasing.ts";
import type { Call, Fault } from "./faultProxy.ts";
import { accessDenied, droppedAfterTheWork } from "./faults.ts";
import { clientsOf, destroy, functionName, madeUp, name, repaired, Scene } from "./scene.ts";

describe("deploy/release: an answer that is lost, and rights that are missing", function () {
  this.timeout(120_000);
  const temporary = temporaryDirectories();
  const [, commit] = madeUp;

  /** A release with something done to each call; then the next one, which has to repair what was left. */
  async function run(
    faultOf: (call: Call) => Fault | undefined,
    options: { readonly deploymentConfigName?: string } = {},
  ) {
    const scene = await Scene.start(await temporary(), options);
    scene.cloud.lambda.updateFunction(scene.cloud.lambda.resolve(functionName, "$LATEST"));
    const proxy = await scene.startProxy(faultOf);
    const clients = clientsOf(proxy.url);
    const endRequests = scene.requests();
    const { told, ...verdict } = await scene.release(1, clients);
    const { lambda, codedeploy } = scene.clients;
    const { Versions = [] } = await lambda.listVersionsByFunction({ FunctionName: functionName });
    const group = { applicationName: application, deploymentGroupName: name };
    const { deployments = [] } = await codedeploy.listDeployments(group);
    const alarms = await scene.alarms();
    const { Description } = scene.cloud.lambda.getAlias(functionName, "live");
    const aftermath = await scene.aftermath(endRequests);
    destroy(clients);
    await proxy.close();
    await scene.close();
    expect(aftermath).to.deep.equal(repaired);
    return {
      ...verdict,
      told: told.join("\n"),
      published: Versions.filter((version) => version.Description === commit).map(({ Version }) => Version),
      deployments: deployments.length,
      alarms,
      description: Description,
    };
  }

  /** Loses the answers of an operation: the first, or all. */
  function lose(operation: string, howMany = 1): (call: Call) => Fault | undefined {
    let lost = 0;
    return (call) => {
      lost += call.operation === operation ? 1 : 0;
      return call.operation === operation && lost <= howMany ? droppedAfterTheWork.faultOf(call) : undefined;
    };
  }

  const deny =
    (...operations: string[]) =>
    (call: Call): Fault | undefined =>
      operations.includes(call.operation) ? accessDenied.faultOf(call) : undefined;

  const released = (version: number) => `Released: commit ${commit}. Live: hello version ${version}`;
  const allAtOnce = { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" };

  it("PublishVersion's: publishes once more, and releases the version that it knows of", async () => {
    const { line, published } = await run(lose("PublishVersion"));
    expect(published).to.deep.equal(["12", "13"]);
    expect(line).to.equal(released(13));
  });

  for (const [which, howMany] of [
    ["CreateDeployment's", 1],
    ["all of CreateDeployment's", Number.POSITIVE_INFINITY],
  ] as const) {
    it(`${which}, while the deployment goes on: takes that for its own, by its description`, async () => {
      const { line, deployments } = await run(lose("CreateDeployment", howMany));
      expect(deployments).to.equal(1);
      expect(line).to.equal(released(12));
    });
  }

  it("CreateDeployment's, when the deployment has ended: the second has nothing to move, and live counts", async () => {
    const { line, deployments } = await run(lose("CreateDeployment"), allAtOnce);
    expect(deployments).to.equal(2);
    expect(line).to.equal(released(12));
  });

  it("UpdateAlias's, which records the commit: looks again, and finds its own record", async () => {
    const { line, told, description } = await run(lose("UpdateAlias"));
    expect(told).to.contain("the alias live was changed since it was read");
    expect(description).to.equal(`latest commit ${commit}: changed, live was version 10 after version 9`);
    expect(line).to.equal(released(12));
  });

  it("UpdateFunctionCode's: updates once more", async () => {
    const { line, published } = await run(lose("UpdateFunctionCode"));
    expect(published).to.deep.equal(["12"]);
    expect(line).to.equal(released(12));
  });

  it("DeleteAlarms is denied: releases, says that an alarm is left, and the next release removes it", async () => {
    const { line, told, alarms } = await run(deny("DeleteAlarms"));
    expect(told).to.contain("an alarm of a release is left for the next one to remove: AccessDeniedException");
    expect(alarms).to.have.lengthOf(1);
    expect(line).to.equal(released(12));
  });

  it("DeleteFunction is denied: releases, and says that all versions are kept", async () => {
    const { line, told } = await run(deny("DeleteFunction"));
    expect(told).to.contain("may not delete versions, so all are kept: AccessDeniedException");
    expect(line).to.equal(released(12));
  });

  for (const operation of ["ListAliases", "ListVersionsByFunction"]) {
    it(`${operation} is denied: releases, and says that old versions are left`, async () => {
      const { line, told } = await run(deny(operation));
      expect(told).to.contain("old versions are left for the next release to delete: AccessDeniedException");
      expect(line).to.equal(released(12));
    });
  }

  it("GetDeployment is denied: says that the deployment goes on, and leaves the alarms that guard it", async () => {
    const { exitCode, line, told, alarms } = await run(deny("GetDeployment"));
    expect(told).to.match(/deployment d-\w+ cannot be watched any more, and goes on by itself: AccessDenied/);
    expect(alarms).to.have.lengthOf(1);
    expect(exitCode).to.equal(1);
    expect(line).to.equal(`Not released: commit ${commit}. Live: hello version 10`);
  });
});
