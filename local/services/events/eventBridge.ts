/** An event of a service, as EventBridge matches it. */
export interface AwsEvent {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What makes a target's input of an event. */
export interface InputTransformer {
  /** Paths into the event such as `$.detail.name`, by the names that the template has for their values. */
  readonly inputPaths: Readonly<Record<string, string>>;
  /** JSON in which `<name>` stands for a value. */
  readonly inputTemplate: string;
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
  readonly #targets = new Map<string, { readonly rule: string; readonly run: (event: AwsEvent) => void }>();

  /** Creates a rule, or changes it. */
  putRule(name: string, pattern: EventPattern): void {
    this.#patterns.set(name, pattern);
  }

  deleteRule(name: string): void {
    this.#patterns.delete(name);
  }

  /** Has `run` called for each event that the rule matches. */
  putTarget(id: string, rule: string, run: (event: AwsEvent) => void): void {
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
        run(event);
      }
    }
  }
}

function matches(pattern: EventPattern, event: AwsEvent): boolean {
  return (
    pattern.source.includes(event.source) &&
    pattern["detail-type"].includes(event["detail-type"]) &&
    Object.entries(pattern.detail).every(([key, values]) => values.includes(String(event.detail[key])))
  );
}

/**
 * A template with an event's values in place of their names; what the event does not have is left out.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
export function transformed(event: AwsEvent, { inputPaths, inputTemplate }: InputTransformer): string {
  return inputTemplate.replace(/<(\w+)>/g, (_, name: string) => {
    const path = inputPaths[name]?.split(".").slice(1) ?? [name];
    const value = path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], event);
    // Within a JSON string.
    return JSON.stringify(String(value ?? "")).slice(1, -1);
  });
}
