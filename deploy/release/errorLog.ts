import { paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { messageOf } from "../failures.ts";
import type { Live } from "../live.ts";
import type { Stack } from "../stack.ts";

const maxLines = 5;
const maxLineLength = 1000;

/**
 * The first lines that a version has logged as errors since a time, in the log format JSON; or the line that says why they cannot be read.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 */
export async function errorLines(
  { logs: client }: Stack,
  { functionName }: Live,
  version: string,
  since: number,
): Promise<string[]> {
  // A stream's name begins with the day on which its environment started, and has the version in brackets.
  const days = new Set([since, Date.now()].map((at) => new Date(at).toISOString().slice(0, 10).replaceAll("-", "/")));
  const lines: string[] = [];
  try {
    for (const day of days) {
      const query = { logGroupName: `/aws/lambda/${functionName}`, logStreamNamePrefix: `${day}/` };
      for await (const page of paginateFilterLogEvents({ client }, { ...query, filterPattern: "ERROR" })) {
        const own = (page.events ?? []).filter(({ logStreamName }) => logStreamName?.includes(`[${version}]`));
        lines.push(...own.map(({ message = "" }) => message.trim().slice(0, maxLineLength)));
        if (lines.length >= maxLines) {
          return lines.slice(0, maxLines);
        }
      }
    }
    return lines;
  } catch (error) {
    return [`its log could not be read: ${messageOf(error)}`];
  }
}
