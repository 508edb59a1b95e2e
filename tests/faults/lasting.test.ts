import { describeTrouble, type ReleaseName, releases } from "./cases.ts";
import { accessDenied, droppedAfterTheWork, throttling } from "./faults.ts";
import { Scene } from "./scene.ts";

describe("deploy/release: a call of AWS that goes wrong for good", function () {
  this.timeout(600_000);
  const scene = new Scene();

  for (const releaseName of Object.keys(releases) as ReleaseName[]) {
    for (const trouble of [throttling, droppedAfterTheWork, accessDenied]) {
      describeTrouble(scene, releaseName, trouble, "for good");
    }
  }
});
