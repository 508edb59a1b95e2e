/** An event of a service, as EventBridge matches it. */
export interface AwsEvent {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: Readonly<Record<string, string>>;
}

/** The values that each field of an event must have one of. */
export interface EventPattern {
  readonly source: readonly string[];
  readonly "detail-type": readonly string[];
  readonly detail: Readonly<Record<string, readonly string[]>>;
}

/** EventBridge's default bus: rules with patterns of exact values, and their targets. */
export class EventBridge {
  readonly #patterns = new Map<string, EventPattern>();
  readonly #targets = new Map<string, { readonly rule: string; readonly run: () => void }>();

  /** Creates a rule, or changes it. */
  putRule(name: string, pattern: EventPattern): void {
    this.#patterns.set(name, pattern);
  }

  deleteRule(name: string): void {
    this.#patterns.delete(name);
  }

  /** Has `run` called for each event that the rule matches. */
  putTarget(id: string, rule: string, run: () => void): void {
    this.#targets.set(id, { rule, run });
  }

  deleteTarget(id: string): void {
    this.#targets.delete(id);
  }

  /** Gives an event to the targets of every rule that matches it. */
  put(event: AwsEvent): void {
    for (const { rule, run } of this.#targets.values()) {
      const pattern = this.#patterns.get(rule);
      if (pattern && matches(pattern, event)) {
        run();
      }
    }
  }
}

function matches(pattern: EventPattern, event: AwsEvent): boolean {
  return (
    pattern.source.includes(event.source) &&
    pattern["detail-type"].includes(event["detail-type"]) &&
    Object.entries(pattern.detail).every(([key, values]) => values.includes(event.detail[key] ?? ""))
  );
}
