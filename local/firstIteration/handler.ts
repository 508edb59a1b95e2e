import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";

export async function handler(): Promise<APIGatewayProxyStructuredResultV2> {
  return { statusCode: 200, body: JSON.stringify({ message: "hello user" }) };
}
