import { randomUUID } from "node:crypto";
import { arn } from "../../aws/account.ts";
import { AwsError } from "../../aws/awsEndpoint.ts";
import type { Configuration, FunctionSettings } from "./functionConfiguration.ts";

/** The version that is not published, which every update changes. */
export const latest = "$LATEST";

/** How long an update or a new version takes to settle, in ms: long enough for a caller that does not wait to be caught. */
const settleMs = 40;

/**
 * `$LATEST` of a function, and the versions that were published of it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
 */
export class Versions {
  readonly #published = new Map<string, Configuration>();
  #latest: Configuration;
  /** How many versions were published; a version's number is never used again. */
  #count = 0;

  /** @param code What `FunctionCode` tells of the zip. */
  constructor(settings: FunctionSettings, code: Pick<Configuration, "CodeSha256">) {
    this.#latest = {
      ...settings,
      ...code,
      FunctionArn: arn("lambda", `function:${settings.FunctionName}`),
      Version: latest,
      State: "Active",
      LastUpdateStatus: "Successful",
      RevisionId: randomUUID(),
    };
  }

  get latest(): Configuration {
    return this.#latest;
  }

  /** `$LATEST`, then the published ones. */
  get all(): Configuration[] {
    return [this.#latest, ...this.#published.values()];
  }

  /** @throws {AwsError} when there is no such version. */
  find(version: string): Configuration {
    const found = version === latest ? this.#latest : this.#published.get(version);
    if (!found) {
      throw notFound(`${this.#latest.FunctionName}:${version}`);
    }
    return found;
  }

  /** Changes the settings of `$LATEST`, at once. */
  updateSettings(settings: FunctionSettings): void {
    this.#latest = { ...this.#latest, ...settings, RevisionId: randomUUID() };
  }

  /** Changes the code of `$LATEST`, which takes a while to settle. */
  updateCode(code: Pick<Configuration, "CodeSha256">): Configuration {
    const settled = { ...this.#latest, ...code, RevisionId: randomUUID() };
    this.#latest = { ...settled, LastUpdateStatus: "InProgress", RevisionId: randomUUID() };
    later(() => {
      this.#latest = settled;
    });
    return this.#latest;
  }

  /** @throws {AwsError} when an update of `$LATEST` is under way. */
  checkSettled(): void {
    if (this.#latest.LastUpdateStatus === "InProgress") {
      const message = `The operation cannot be performed at this time. An update is in progress for resource: ${this.#latest.FunctionName}`;
      throw new AwsError("ResourceConflictException", message);
    }
  }

  /** Publishes what `$LATEST` is as the next version, which is pending for a while. */
  publish(description: string): Configuration {
    this.#count += 1;
    const version = String(this.#count);
    const FunctionArn = arn("lambda", `function:${this.#latest.FunctionName}:${version}`);
    const identity = { FunctionArn, Version: version, Description: description, RevisionId: randomUUID() };
    const active: Configuration = { ...this.#latest, ...identity };
    const pending: Configuration = { ...active, State: "Pending" };
    this.#published.set(version, pending);
    later(() => {
      if (this.#published.has(version)) {
        this.#published.set(version, active);
      }
    });
    return pending;
  }

  delete(version: string): void {
    this.#published.delete(version);
  }
}

/**
 * An update is of what the caller has read, where it says what that was.
 * @throws {AwsError} when that is another than the revision that there is.
 */
export function checkRevision(
  asked: string | undefined,
  { RevisionId }: { readonly RevisionId?: string | undefined },
): void {
  if (asked !== undefined && asked !== RevisionId) {
    const message = "The Revision Id provided does not match the latest Revision Id";
    throw new AwsError("PreconditionFailedException", message);
  }
}

/** What Lambda answers for a function, a version or an alias that there is not. */
export function notFound(qualifiedName: string): AwsError {
  return new AwsError("ResourceNotFoundException", `Function not found: ${arn("lambda", `function:${qualifiedName}`)}`);
}

function later(settle: () => void): void {
  setTimeout(settle, settleMs).unref();
}
