import { expect } from "chai";
import { inferResponse } from "../../services/apigatewayv2/httpReply.ts";

describe("the response that an HTTP API makes of a function's result", () => {
  const json = { "content-type": "application/json" };

  it("is 200 with the value as JSON when there is no statusCode", () => {
    expect(inferResponse({ a: 1 })).to.deep.equal({ status: 200, headers: json, body: '{"a":1}' });
    expect(inferResponse("text")).to.deep.equal({ status: 200, headers: json, body: "text" });
    expect(inferResponse(null)).to.deep.equal({ status: 200, headers: json, body: "null" });
  });

  it("is the status, headers, cookies and body that are given", () => {
    const given = { statusCode: 201, headers: { "X-A": 1 }, cookies: ["a=b", "c=d"], body: "text" };
    expect(inferResponse(given)).to.deep.equal({
      status: 201,
      headers: { "x-a": "1", "set-cookie": ["a=b", "c=d"] },
      body: "text",
    });
    expect(inferResponse({ statusCode: "204" })).to.deep.equal({ status: 204, headers: {}, body: "" });
    expect(inferResponse({ statusCode: 200, body: null }).body).to.equal("");
  });

  it("decodes a body in base64", () => {
    expect(inferResponse({ statusCode: 200, body: "AP8=", isBase64Encoded: true }).body).to.deep.equal(
      Buffer.from([0, 255]),
    );
  });

  it("does not pass on a length that may not be the body's", () => {
    expect(
      inferResponse({ statusCode: 200, headers: { "Content-Length": "3" }, body: "longer" }).headers,
    ).to.deep.equal({});
  });
});
