import { expect } from "chai";
import { describeTrouble, nextApplication, type ReleaseName, releases } from "./cases.ts";
import { FaultProxy } from "./faultProxy.ts";
import * as faults from "./faults.ts";
import { clientsOf, destroy, Scene } from "./scene.ts";

describe("deploy/release: a call of AWS that goes wrong once", function () {
  this.timeout(600_000);
  const scene = new Scene();

  for (const releaseName of Object.keys(releases) as ReleaseName[]) {
    const { calls, prepare } = releases[releaseName];

    it(`${releaseName}: these are its calls`, async () => {
      const application = nextApplication();
      await scene.create(application);
      await prepare(scene, application);
      const proxy = await FaultProxy.start(scene.cloud.awsUrl);
      const clients = clientsOf(proxy.url);
      await scene.release(application, 1, clients);
      destroy(clients);
      await proxy.close();
      await scene.delete(application);
      const places = [...new Set(proxy.calls.map(({ place }) => place))];
      expect(places.slice(0, calls.length)).to.deep.equal(calls.map(([place]) => place));
    });

    const { throttling, internalError, unavailable, noAnswer, droppedBeforeTheWork, droppedAfterTheWork } = faults;
    const passing = [throttling, internalError, unavailable, noAnswer, droppedBeforeTheWork, droppedAfterTheWork];
    for (const trouble of [...passing, faults.conflict, faults.stale, faults.limitExceeded]) {
      describeTrouble(scene, releaseName, trouble, "once");
    }
  }
});
