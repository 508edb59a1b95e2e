import type { AlarmSettings } from "./alarms.ts";
import type { Subscriber } from "./subscribers.ts";

/** What a stack sets of its monitoring. */
export interface MonitoringSettings {
  /** `<project>-<stack>`, what every name begins with. */
  readonly prefix: string;
  /** From where on each alarm rings. */
  readonly alarms: AlarmSettings;
  /** Whether there is more than the alarm that guards releases: the other alarms, the topic that tells of all that is wrong, the dashboard. */
  readonly alerts: boolean;
  /** Who is told. */
  readonly alertSubscribers: readonly Subscriber[];
}
