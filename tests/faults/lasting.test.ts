import { describeTrouble, type ReleaseName, releases } from "./cases.ts";
import { troubles } from "./faults.ts";
import { Scene } from "./scene.ts";

describe("deploy/release: a call of AWS that goes wrong for good", function () {
  this.timeout(600_000);
  const scene = new Scene();
  const lasting = ["throttling", "the connection dropped after the work was done", "AccessDeniedException"];

  for (const releaseName of Object.keys(releases) as ReleaseName[]) {
    for (const trouble of troubles.filter(({ name }) => lasting.includes(name))) {
      describeTrouble(scene, releaseName, trouble, "for good");
    }
  }
});
