import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { expect } from "chai";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { clientOptions, functionSettings } from "../localFunction.ts";
import { refusal } from "../refusal.ts";

const logGroup = functionSettings("fn").LoggingConfig.LogGroup;

describe("local CloudWatch Logs, called by the AWS SDK", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;

  before(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    cloud.logs.createLogGroup(logGroup);
  });

  after(() => cloud.close());

  it("finds the lines of a version by its streams' prefix, and those with a term", async () => {
    const logs = new CloudWatchLogs(clientOptions(cloud));
    const day = "2026/01/31";
    cloud.logs.put(logGroup, `${day}/[2]b`, "two\nan ERROR of two");
    cloud.logs.put(logGroup, `${day}/[1]a`, "an ERROR of one\n");
    const found = async (input: object) =>
      (await logs.filterLogEvents({ logGroupName: logGroup, ...input })).events?.map((event) => [
        event.logStreamName,
        event.message,
      ]);
    const [one, two] = [`${day}/[1]a`, `${day}/[2]b`];
    expect(await found({})).to.deep.equal([
      [one, "an ERROR of one"],
      [two, "two"],
      [two, "an ERROR of two"],
    ]);
    expect(await found({ logStreamNamePrefix: `${day}/[2]` })).to.deep.equal([
      [two, "two"],
      [two, "an ERROR of two"],
    ]);
    expect(await found({ logStreamNamePrefix: `${day}/[2]`, filterPattern: "ERROR" })).to.deep.equal([
      [two, "an ERROR of two"],
    ]);
    expect(await found({ filterPattern: "ERROR", limit: 1 })).to.deep.equal([[one, "an ERROR of one"]]);
    expect(await found({ filterPattern: "WARN" })).to.deep.equal([]);
    cloud.logs.createLogGroup("/empty");
    expect(await found({ logGroupName: "/empty" })).to.deep.equal([]);
    expect((await refusal(found({ logGroupName: "/none" }))).name).to.equal("ResourceNotFoundException");
    const pattern = await refusal(found({ filterPattern: "{ $.level = ERROR }" }));
    expect([pattern.name, pattern.message]).to.deep.equal([
      "InvalidParameterException",
      "the local cloud filters by one term, not by { $.level = ERROR }",
    ]);
    const unknown = await refusal(found({ startTime: 1 }));
    expect(unknown.message).to.match(/^the local cloud does not implement startTime of logs:FilterLogEvents; /);
    logs.destroy();
  });
});
