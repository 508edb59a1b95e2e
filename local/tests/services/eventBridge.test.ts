import { CodeBuild } from "@aws-sdk/client-codebuild";
import { expect } from "chai";
import { temporaryDirectories } from "../../../sample/temporary.ts";
import { LocalCloud } from "../../cloud.ts";
import { transformed } from "../../services/events/eventBridge.ts";
import { clientOptions } from "../localFunction.ts";

describe("local EventBridge and Parameter Store", () => {
  const temporary = temporaryDirectories();
  let cloud: LocalCloud;
  let started: string[];

  beforeEach(async () => {
    cloud = await LocalCloud.start(await temporary(), 0);
    started = [];
    cloud.eventBridge.putRule("rule", {
      source: ["aws.ssm"],
      "detail-type": ["Parameter Store Change"],
      detail: { name: ["/mine"], operation: ["Update"] },
    });
    cloud.eventBridge.putTarget("target", "rule", () => started.push("target"));
  });

  afterEach(() => cloud.close());

  it("call the target when the parameter is updated, not when it is created or deleted", () => {
    cloud.parameters.put("/mine", "1");
    expect(started).to.deep.equal([]);
    cloud.parameters.put("/mine", "2");
    expect(started).to.deep.equal(["target"]);
    cloud.parameters.delete("/mine");
    expect(started).to.deep.equal(["target"]);
  });

  it("call nothing for another parameter, without the rule, or without the target", () => {
    for (const name of ["/other", "/mine"]) {
      cloud.parameters.put(name, "1");
    }
    cloud.parameters.put("/other", "2");
    cloud.eventBridge.deleteTarget("target");
    cloud.parameters.put("/mine", "2");
    cloud.eventBridge.putTarget("target", "rule", () => started.push("target"));
    cloud.eventBridge.deleteRule("rule");
    cloud.parameters.put("/mine", "3");
    expect(started).to.deep.equal([]);
  });

  it("call nothing for an event of another source or another kind", () => {
    const event = {
      source: "aws.ssm",
      "detail-type": "Parameter Store Change",
      detail: { name: "/mine", operation: "Update" },
    };
    cloud.eventBridge.put({ ...event, source: "aws.s3" });
    cloud.eventBridge.put({ ...event, "detail-type": "Parameter Store Policy Action" });
    expect(started).to.deep.equal([]);
    cloud.eventBridge.put(event);
    expect(started).to.deep.equal(["target"]);
  });

  it("leave StartBuild to CodeBuild, which names a project that it does not have", async () => {
    const codebuild = new CodeBuild(clientOptions(cloud));
    const error = await codebuild.startBuild({ projectName: "none" }).catch((reason: Error) => reason);
    expect(error).to.include({ name: "ResourceNotFoundException", message: "Project cannot be found: none" });
  });
});

describe("an input transformer of the local EventBridge", () => {
  const event = {
    source: "aws.codebuild",
    "detail-type": "CodeBuild Build State Change",
    detail: { "project-name": 'a "project"', more: { number: 7 } },
  };
  const inputPaths = { project: "$.detail.project-name", number: "$.detail.more.number", none: "$.detail.none.at.all" };

  it("puts values in place of names, within a JSON string", () => {
    const input = transformed(event, { inputPaths, inputTemplate: '"<project>: <number>"' });
    expect(JSON.parse(input)).to.equal('a "project": 7');
  });

  it("leaves out what the event does not have, and a name without a path", () => {
    expect(transformed(event, { inputPaths, inputTemplate: '"<none>|<other>"' })).to.equal('"|"');
  });
});
