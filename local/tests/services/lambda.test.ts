import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { Lambda } from "@aws-sdk/client-lambda";
import { expect } from "chai";
import { strToU8, zipSync } from "fflate";
import { hasEnded } from "../../../sample/processes.ts";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
import { refusal } from "../refusal.ts";

describe("local Lambda", () => {
  const temporary = temporaryDirectories();
  let directory: string;
  let cloud: LocalCloud;

  beforeEach(async () => {
    directory = await temporary();
    cloud = await LocalCloud.start(directory, 0);
  });

  afterEach(() => cloud.close());

  function create(code: string): void {
    cloud.lambda.createFunction(functionSettings("fn"), zipSync({ "handler.mjs": strToU8(code) }));
  }

  describe("by weight", () => {
    const requests = 400;

    /** How many of the requests to `live` each version got, where version 2 has this share. */
    async function share(weight: number): Promise<{ "1": number; "2": number }> {
      cloud.lambda.putAlias("fn", "live", "1", { "2": weight });
      const counts = { "1": 0, "2": 0 };
      for (let request = 0; request < requests; request++) {
        const { payload } = await cloud.lambda.invoke("fn", "live", "{}");
        counts[JSON.parse(payload) as "1" | "2"] += 1;
      }
      return counts;
    }

    beforeEach(async () => {
      await cloud.close();
      cloud = await LocalCloud.start(directory, 0, { random: seeded(5) });
      create("export const handler = async (_, { functionVersion }) => functionVersion;");
      cloud.lambda.updateFunction(functionSettings("fn"));
    });

    it("gives a version its share of an alias's requests, the same for the same random numbers", async () => {
      const random = seeded(5);
      const expected = Array.from({ length: requests }, random).filter((number) => number < 0.1).length;
      const counts = await share(0.1);
      expect(counts).to.deep.equal({ "1": requests - expected, "2": expected });
      // Six standard deviations to either side.
      expect(counts["2"]).to.be.within(4, 76);
    });

    for (const [weight, version] of [
      [0, "1"],
      [1, "2"],
    ] as const) {
      it(`gives every request to version ${version} where version 2 has ${weight * 100} percent`, async () => {
        expect((await share(weight))[version]).to.equal(requests);
      });
    }

    it("tells of the alias what its first version is, however often it is asked", async () => {
      cloud.lambda.putAlias("fn", "live", "1", { "2": 1 });
      expect(cloud.lambda.resolve("fn", "live").Version).to.equal("1");
    });

    it("takes no weight of a version that there is not", () => {
      expect(() => cloud.lambda.putAlias("fn", "live", "1", { "9": 0.1 })).to.throw("Function not found");
    });
  });

  describe("called by the AWS SDK", () => {
    const live = { FunctionName: "fn", Name: "live" };
    let lambda: Lambda;

    beforeEach(async () => {
      lambda = new Lambda(clientOptions(cloud));
      create("export const handler = async ({ fails }) => { if (fails) throw new Error(); return process.pid; };");
      await lambda.publishVersion({ FunctionName: "fn" });
      cloud.lambda.putAlias("fn", "live", "1");
    });

    afterEach(() => lambda.destroy());

    const versions = async () =>
      (await lambda.listVersionsByFunction({ FunctionName: "fn" })).Versions?.map(({ Version }) => Version);

    it("keeps an alias's weights when it is described, and clears them when it is told to", async () => {
      cloud.lambda.putAlias("fn", "live", "1", { "2": 0.1 });
      const before = await lambda.getAlias(live);
      const described = await lambda.updateAlias({ ...live, Description: "d", RevisionId: before.RevisionId });
      expect(described.RoutingConfig).to.deep.equal({ AdditionalVersionWeights: { "2": 0.1 } });
      const stale = { ...live, RevisionId: before.RevisionId, RoutingConfig: { AdditionalVersionWeights: {} } };
      expect((await refusal(lambda.updateAlias(stale))).name).to.equal("PreconditionFailedException");
      const cleared = await lambda.updateAlias({ ...stale, RevisionId: described.RevisionId });
      expect(cleared).to.deep.include({ FunctionVersion: "1", Description: "d" });
      expect([cleared.RoutingConfig, cloud.lambda.getAlias("fn", "live").RoutingConfig]).to.deep.equal([
        undefined,
        undefined,
      ]);
      expect(cleared.RevisionId).to.not.equal(described.RevisionId);
    });

    it("refuses to set an alias's weights, and leaves it as it is", async () => {
      const { status, message } = await refusal(
        lambda.updateAlias({ ...live, RoutingConfig: { AdditionalVersionWeights: { "2": 0.1 } } }),
      );
      expect([status, message]).to.deep.equal([501, "the local cloud clears an alias's weights; CodeDeploy sets them"]);
      expect((await lambda.getAlias(live)).RoutingConfig).to.equal(undefined);
    });

    it("lists a function's aliases", async () => {
      cloud.lambda.putAlias("fn", "other", "2");
      const { Aliases = [] } = await lambda.listAliases({ FunctionName: "fn" });
      expect(Aliases.map(({ Name, FunctionVersion }) => [Name, FunctionVersion])).to.deep.equal([
        ["live", "1"],
        ["other", "2"],
      ]);
    });

    it("deletes a version with its environments, and never gives its number again", async () => {
      const { Payload = [] } = await lambda.invoke({ FunctionName: "fn", Qualifier: "2" });
      await lambda.deleteFunction({ FunctionName: "fn", Qualifier: "2" });
      expect(await hasEnded(Number(Buffer.from(Payload)))).to.equal(true);
      expect(await versions()).to.deep.equal(["$LATEST", "1"]);
      expect((await refusal(lambda.invoke({ FunctionName: "fn", Qualifier: "2" }))).name).to.equal(
        "ResourceNotFoundException",
      );
      expect((await lambda.publishVersion({ FunctionName: "fn" })).Version).to.equal("3");
      expect(await versions()).to.deep.equal(["$LATEST", "1", "3"]);
    });

    it("deletes no version that an alias refers to, be it by a weight, and no function", async () => {
      await lambda.publishVersion({ FunctionName: "fn" });
      cloud.lambda.putAlias("fn", "live", "1", { "2": 0.1 });
      for (const [Qualifier, by] of [
        ["1", "alias live"],
        ["2", "alias live"],
        ["$LATEST", "the function"],
      ] as const) {
        const { name, status, message } = await refusal(lambda.deleteFunction({ FunctionName: "fn", Qualifier }));
        expect([name, status, message]).to.deep.equal([
          "ResourceConflictException",
          409,
          `fn:${Qualifier} is in use by ${by}`,
        ]);
      }
      expect((await refusal(lambda.deleteFunction({ FunctionName: "fn" }))).status).to.equal(501);
      const gone = await refusal(lambda.deleteFunction({ FunctionName: "fn", Qualifier: "9" }));
      expect(gone.name).to.equal("ResourceNotFoundException");
      expect(await versions()).to.deep.equal(["$LATEST", "1", "2", "3"]);
    });

    it("counts invocations and errors of a function, an alias and each version behind it", async () => {
      for (const [qualifier, fails] of [["live"], ["live", true], ["2"], ["$LATEST", true]] as const) {
        await cloud.lambda.invoke("fn", qualifier, JSON.stringify({ fails }));
      }
      cloud.lambda.putAlias("fn", "live", "2");
      await cloud.lambda.invoke("fn", "live", "{}");
      const cloudwatch = new CloudWatch(clientOptions(cloud));
      const sumOf = async (MetricName: string, others: Record<string, string> = {}): Promise<number> => {
        const Dimensions = Object.entries({ FunctionName: "fn", ...others }).map(([Name, Value]) => ({ Name, Value }));
        const Metric = { Namespace: "AWS/Lambda", MetricName, Dimensions };
        const { MetricDataResults } = await cloudwatch.getMetricData({
          StartTime: new Date(0),
          EndTime: new Date(Date.now() + 60_000),
          MetricDataQueries: [{ Id: "q", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
        });
        return (MetricDataResults?.[0]?.Values ?? []).reduce((sum, value) => sum + value, 0);
      };
      const found: unknown[] = [];
      for (const others of [
        {},
        { Resource: "fn:live" },
        { Resource: "fn:live", ExecutedVersion: "1" },
        { Resource: "fn:live", ExecutedVersion: "2" },
        { Resource: "fn:2" },
        { Resource: "fn:2", ExecutedVersion: "2" },
      ]) {
        found.push([await sumOf("Invocations", others), await sumOf("Errors", others)]);
      }
      expect(found).to.deep.equal([
        [5, 2],
        [3, 1],
        [2, 1],
        [1, 0],
        [1, 0],
        [0, 0],
      ]);
      expect(await sumOf("Duration")).to.be.greaterThan(0);
      cloudwatch.destroy();
    });
  });
});

/** Random numbers from 0 to 1, the same for the same seed: the generator mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
