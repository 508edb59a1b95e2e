import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

const maxUserLength = 100;

/**
 * Answers `GET /hello_user`: 200 `{"message":"hello user"}`, or `{"message":"Hello <user>!"}` when the query string names a
 * user. A name of more than 100 characters (Unicode code points) is a 400 that says what is allowed.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const user = event.queryStringParameters?.user ?? "";
  if (user.trim() === "") {
    return json(200, { message: "hello user" });
  }
  const length = [...user].length;
  if (length > maxUserLength) {
    return json(400, { message: `user has ${length} characters; at most ${maxUserLength} are allowed` });
  }
  return json(200, { message: `Hello ${user}!` });
}

function json(statusCode: number, body: object): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
