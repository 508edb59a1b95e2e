import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect } from "chai";
import { handler } from "../../functions/hello-user/handler.ts";

describe("GET /hello_user", () => {
  it("greets nobody in particular", async () => {
    const { statusCode, body } = await handler({} as APIGatewayProxyEventV2);
    expect(statusCode).to.equal(200);
    expect(JSON.parse(body ?? "")).to.deep.equal({ message: "hello user" });
  });
});
