import type { EventBridge } from "../events/eventBridge.ts";

/** Systems Manager's Parameter Store, as far as an event tells of each change. */
export class ParameterStore {
  readonly #values = new Map<string, string>();
  readonly #eventBridge: EventBridge;

  constructor(eventBridge: EventBridge) {
    this.#eventBridge = eventBridge;
  }

  /** Creates a parameter, or changes it. */
  put(name: string, value: string): void {
    const operation = this.#values.has(name) ? "Update" : "Create";
    this.#values.set(name, value);
    this.#tell(name, operation);
  }

  delete(name: string): void {
    this.#values.delete(name);
    this.#tell(name, "Delete");
  }

  /** @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html */
  #tell(name: string, operation: "Create" | "Update" | "Delete"): void {
    this.#eventBridge.put({
      source: "aws.ssm",
      "detail-type": "Parameter Store Change",
      detail: { name, type: "String", operation },
    });
  }
}
