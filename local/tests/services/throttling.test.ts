import { expect } from "chai";
import fc from "fast-check";
import { type Throttling, tokenBuckets } from "../../services/apigatewayv2/throttling.ts";
import { accessLogFormat, answering, HttpApiScene } from "./httpApiScene.ts";

describe("local HTTP API with throttling", () => {
  const scene = new HttpApiScene();
  let seconds = 0;
  const throttle = (throttling?: Throttling) =>
    scene.api.putStage("$default", "/access", accessLogFormat, throttling, () => seconds);
  /** The statuses of this many requests, one after the other. */
  async function statuses(count: number, method = "GET"): Promise<number[]> {
    const answers: number[] = [];
    for (let index = 0; index < count; index++) {
      answers.push((await fetch(scene.url, { method })).status);
    }
    return answers;
  }

  beforeEach(() => scene.deploy(answering("1")));

  it("answers 429 to what exceeds a burst without calling the function, and logs it", async () => {
    throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 2 });
    expect(await statuses(2)).to.deep.equal([200, 200]);
    const response = await fetch(scene.url);
    expect([response.status, await response.json()]).to.deep.equal([429, { message: "Too Many Requests" }]);
    expect(response.headers.get("content-type")).to.equal("application/json");
    expect(await scene.logged()).to.include({ status: "429", routeKey: "GET /path", integrationStatus: "-" });
  });

  it("takes requests again at the rate, as time passes", async () => {
    throttle({ throttlingRateLimit: 2, throttlingBurstLimit: 3 });
    expect(await statuses(4)).to.deep.equal([200, 200, 200, 429]);
    seconds += 1;
    expect(await statuses(3)).to.deep.equal([200, 200, 429]);
  });

  it("has a clock of its own", async () => {
    scene.api.putStage("$default", "/access", accessLogFormat, { throttlingRateLimit: 1e9, throttlingBurstLimit: 1 });
    expect(await statuses(3)).to.deep.equal([200, 200, 200]);
  });

  it("counts each route for itself", async () => {
    throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 1 });
    expect(await statuses(2)).to.deep.equal([200, 429]);
    expect(await statuses(2, "POST")).to.deep.equal([200, 429]);
  });

  it("does not count preflights, and lets a page read the 429", async () => {
    throttle({ throttlingRateLimit: 1, throttlingBurstLimit: 1 });
    scene.api.putCors({ allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], maxAge: 0 });
    const headers = { origin: "https://www.example.com", "access-control-request-method": "GET" };
    expect((await fetch(scene.url, { method: "OPTIONS", headers })).status).to.equal(204);
    expect((await fetch(scene.url, { method: "OPTIONS", headers })).status).to.equal(204);
    expect(await statuses(1)).to.deep.equal([200]);
    const throttled = await fetch(scene.url, { headers });
    expect([throttled.status, throttled.headers.get("access-control-allow-origin")]).to.deep.equal([429, "*"]);
  });

  it("takes what comes once it is no longer configured", async () => {
    throttle({ throttlingRateLimit: 0, throttlingBurstLimit: 0 });
    expect(await statuses(1)).to.deep.equal([429]);
    throttle();
    expect(await statuses(3)).to.deep.equal([200, 200, 200]);
  });
});

describe("the token buckets of an HTTP API", () => {
  it("take a request if no span up to it holds more than the burst and what the rate adds in its time", () => {
    // Eighths of a second are exact in floating point.
    const wait = fc.oneof(fc.constant(0), fc.nat({ max: 40 })).map((eighths) => eighths / 8);
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.nat({ max: 9 }), fc.array(wait), (rate, burst, waits) => {
        let now = 0;
        const take = tokenBuckets({ throttlingRateLimit: rate, throttlingBurstLimit: burst }, () => now);
        const taken: number[] = [];
        for (const seconds of waits) {
          now += seconds;
          const spans = [...taken, now].map((from, index, all) => ({ requests: all.length - index, time: now - from }));
          const fits = spans.every(({ requests, time }) => requests <= burst + rate * time);
          expect(take("GET /path")).to.equal(fits);
          if (fits) {
            taken.push(now);
          }
        }
      }),
    );
  });
});
