import { expect } from "chai";
import { buildComputes } from "../settings/buildComputes.ts";
import { retentionDays } from "../settings/schema.ts";
import { refusesEach, settingsOf } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

const retention =
  "it must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653";

describe("the settings of builds and logs", () => {
  for (const [buildCompute, compute] of Object.entries(buildComputes)) {
    it(`take builds on ${buildCompute}, whose image has Node.js 24`, async () => {
      const { deploy } = await settingsOf(withSettings({ buildCompute }));
      expect(deploy.compute).to.deep.equal(compute);
    });
  }

  it("take each retention that CloudWatch Logs accepts", async () => {
    const taken: number[] = [];
    for (const days of retentionDays) {
      const settings = await settingsOf(withSettings({ logRetentionDays: String(days) }));
      const takers = [settings.api, settings.deploy, settings.pullRequest, settings.function("hello-user")];
      expect(new Set(takers.map((taker) => taker?.logRetentionDays))).to.have.property("size", 1);
      taken.push(settings.api.logRetentionDays);
    }
    expect(taken).to.deep.equal([
      1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]);
  });

  for (const minutes of [5, 60, 2160]) {
    it(`take a build timeout of ${minutes} minutes`, async () => {
      const { deploy } = await settingsOf(withSettings({ buildTimeoutMinutes: String(minutes) }));
      expect(deploy.timeoutMinutes).to.equal(minutes);
    });
  }
});

describe("the settings of builds and logs that are not usable:", () => {
  refusesEach("buildCompute", "it must be one of x86, arm, x86Lambda, armLambda", [
    "",
    "X86",
    "toString",
    "LINUX_CONTAINER",
  ]);
  refusesEach("logRetentionDays", retention, ["", "0", "2", "31", "030", "30.0", " 30", "-1", "never"]);
  refusesEach("buildTimeoutMinutes", "it must be a whole number from 5 to 2160", [
    "",
    "4",
    "2161",
    "-5",
    "5.5",
    "1e2",
    "0x10",
    " 5",
    "ten",
  ]);
});
