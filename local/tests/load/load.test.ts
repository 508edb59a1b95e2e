import type { TrafficRoutingConfig } from "@aws-sdk/client-codedeploy";
import { expect } from "chai";
import { liveAlias } from "../../../deploy/live.ts";
import { application, candidate, commits, Releasing, zipOf } from "../release/releasing.ts";
import { seeded } from "./seeded.ts";
import { Traffic, tellingVersion, versionIn } from "./traffic.ts";

/** A strategy by the name of its CodeDeploy configuration, and the minutes in which it moves traffic. */
interface Strategy {
  readonly name: string;
  readonly minutes: number;
  /** Where it is none that CodeDeploy has by itself. */
  readonly routing?: TrafficRoutingConfig;
}

const strategies: readonly Strategy[] = [
  { name: "CodeDeployDefault.LambdaAllAtOnce", minutes: 1 },
  { name: "CodeDeployDefault.LambdaCanary10Percent5Minutes", minutes: 5 },
  { name: "CodeDeployDefault.LambdaCanary10Percent10Minutes", minutes: 10 },
  { name: "CodeDeployDefault.LambdaCanary10Percent15Minutes", minutes: 15 },
  { name: "CodeDeployDefault.LambdaCanary10Percent30Minutes", minutes: 30 },
  { name: "CodeDeployDefault.LambdaLinear10PercentEvery1Minute", minutes: 9 },
  { name: "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes", minutes: 18 },
  { name: "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes", minutes: 27 },
  { name: "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes", minutes: 90 },
  {
    name: "linear30PercentEvery2Minutes",
    minutes: 6,
    routing: { type: "TimeBasedLinear", timeBasedLinear: { linearPercentage: 30, linearInterval: 2 } },
  },
];

const functionName = `${application}_hello`;
const releasesOfEach = 2;
const connections = 4;
/** Requests during each release, at least: 10,000 in all. */
const requestsOfEach = 500;
/** How long a weight lasts, in ms of real time: a linear strategy has more of them, and a shorter time for each. */
const weightMs = { canary: 500, linear: 100 };
const seed = 5;

/**
 * Each request's version is decided by a seeded generator, so the run of decisions is the same every time. Which request gets which of them
 * is not: that depends on when the connections' requests and the releases' steps happen to come.
 */
describe(`load through the HTTP API during releases (seed ${seed})`, function () {
  this.timeout(240_000);
  const table: Record<string, number | string>[] = [];
  let requests = 0;

  for (const { name, minutes, routing } of strategies) {
    describe(name, () => {
      const steps = stepsOf(name);
      const shiftingMs = steps > 1 ? steps * weightMs.linear : weightMs.canary;
      const on = new Releasing({ timeScale: (minutes * 60_000) / shiftingMs, random: seeded(seed) });

      it(`loses no request in ${releasesOfEach} releases, answers by what is live, and by its weights`, async () => {
        const handler = (text: string) =>
          zipOf(
            `export const handler = async () => ({ statusCode: 200, body: ${tellingVersion} + ${JSON.stringify(text)} });`,
          );
        if (routing) {
          on.cloud.codedeploy.createDeploymentConfig(name, routing);
        }
        on.create("hello", handler("before"), name);
        const url = await expose();
        const traffic = new Traffic(on.cloud.lambda, functionName);

        for (const [index, commit] of commits.slice(0, releasesOfEach).entries()) {
          let isReleased = false;
          const releasing = on.release({ commit }, { ...candidate("hello", ""), zip: handler(commit) });
          const enough = (index + 1) * requestsOfEach;
          const [[released]] = await Promise.all([
            releasing.finally(() => {
              isReleased = true;
            }),
            traffic.make(url, connections, () => isReleased && traffic.answers.length >= enough),
          ]);
          expect(released).to.deep.equal({ name: "hello", outcome: "released", version: String(index + 2) });
        }

        const { answers, intervals } = traffic;
        const failed = answers.filter(({ status }) => status !== 200);
        const strange = answers.filter((answer) => !traffic.versionsDuring(answer).has(versionIn(answer.body) ?? ""));
        const weighted = intervals.filter(({ weights }) => Object.keys(weights).length > 0);
        const worst = traffic.leastLikely();
        requests += answers.length;
        table.push({
          strategy: name.replace("CodeDeployDefault.Lambda", ""),
          releases: releasesOfEach,
          requests: answers.length,
          failed: failed.length,
          "not live": strange.length,
          "weighted intervals": weighted.length,
          "their requests": weighted.map((interval) => traffic.requestsIn(interval)).join(" "),
          "worst p": Number(worst.toPrecision(2)),
        });
        expect(failed.slice(0, 5), "failed").to.deep.equal([]);
        expect(strange.slice(0, 5), "answered by what was not live").to.deep.equal([]);
        expect(worst, "the least likely share").to.be.greaterThan(1e-6);
        expect(weighted.length).to.equal(releasesOfEach * steps);
        expect(new Set(answers.map(({ body }) => versionIn(body)))).to.deep.equal(new Set(["1", "2", "3"]));
      });

      /** The API, its route and its integration, as the program declares them; returns where it answers. */
      async function expose(): Promise<string> {
        const { lambda, logs, apiGateway } = on.cloud;
        const api = await apiGateway.createApi();
        logs.createLogGroup("/access");
        lambda.addPermission(
          functionName,
          "api",
          liveAlias,
          `arn:aws:execute-api:us-east-1:000000000000:${api.id}/*/*`,
        );
        api.putStage("$default", "/access", "$context.status");
        api.putRoute("GET /hello", api.putIntegration(functionName, liveAlias));
        return `${api.url}/hello`;
      }
    });
  }

  // In a suite of its own, which mocha runs after those above.
  describe("in all", () => {
    it("is of 20 releases, and of 10,000 requests or more", () => {
      console.table(table);
      expect(table.length * releasesOfEach).to.equal(20);
      expect(requests).to.be.at.least(10_000);
    });
  });
});

/** With how many weights a strategy gets to 100 percent. */
function stepsOf(name: string): number {
  const [, linear] = /Linear(\d+)Percent/i.exec(name) ?? [];
  return linear === undefined ? (name.includes("Canary") ? 1 : 0) : Math.ceil(100 / Number(linear)) - 1;
}
