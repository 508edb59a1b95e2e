import { z } from "zod";
import { deliverAll } from "./delivery.ts";
import { commentEvent, commentOf, pullRequestOf, type User } from "./events.ts";
import { deliverPullRequest } from "./pullRequests.ts";
import { commitOf, type Repository } from "./repository.ts";

/**
 * Answers a request to GitHub's REST API, as far as there is one here.
 *
 * @param repositories By their full names.
 * @param request Method and path.
 * @see https://docs.github.com/en/rest
 */
export async function answerApi(
  repositories: ReadonlyMap<string, Repository>,
  request: string,
  body: string,
  user: User,
): Promise<[status: number, body: unknown]> {
  const [, method, fullName = "", what, key = "", more = ""] =
    /^(\w+) \/repos\/([^/]+\/[^/]+)\/(issues|pulls|commits)\/(.+?)(\/comments|\/statuses)?$/.exec(request) ?? [];
  const repository = repositories.get(fullName);
  const pull = repository?.pulls.find(({ number }) => String(number) === key);
  switch (`${method} ${what}${more}`) {
    case "GET commits/statuses": {
      const sha = repository && (await commitOf(repository.path, decodeURIComponent(key)));
      return sha ? [200, repository.statuses.filter((status) => status.sha === sha)] : notFound;
    }
    case "GET pulls":
      return pull ? [200, pullRequestOf(pull)] : notFound;
    case "PATCH pulls": {
      const change = z.strictObject({ state: z.enum(["open", "closed"]) }).safeParse(jsonOf(body));
      if (!repository || !pull) {
        return notFound;
      }
      if (user.role !== "admin") {
        return [403, { message: "Must have admin rights to Repository." }];
      }
      if (!change.success || pull.merged) {
        return [422, { message: 'the body must be {"state": "open"} or {"state": "closed"}, of what is not merged' }];
      }
      if (change.data.state !== pull.state) {
        pull.state = change.data.state;
        await deliverPullRequest(repository, pull.state === "open" ? "reopened" : "closed", pull, user);
      }
      return [200, pullRequestOf(pull)];
    }
    case "POST issues/comments": {
      const comment = z.strictObject({ body: z.string().min(1) }).safeParse(jsonOf(body));
      if (!repository || !pull) {
        return notFound;
      }
      if (!comment.success) {
        return [422, { message: 'the body must be {"body": "<text>"}' }];
      }
      repository.comments += 1;
      const made = commentOf(repository.comments, comment.data.body, user);
      await deliverAll(repository.webhooks, "issue_comment", commentEvent(pull, made, user));
      return [201, made];
    }
    default:
      return [404, { message: `the local GitHub does not know ${request}; it knows ${knownRequests}` }];
  }
}

const knownRequests = [
  "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
  "GET /repos/{owner}/{repo}/pulls/{number}",
  "PATCH /repos/{owner}/{repo}/pulls/{number}",
  "POST /repos/{owner}/{repo}/issues/{number}/comments",
].join(", ");

const notFound: [status: number, body: unknown] = [404, { message: "Not Found" }];

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
