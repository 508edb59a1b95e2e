import { expect } from "chai";
import { refusal, refusalOf, refusesEach } from "./readSettings.ts";
import { withSettings } from "./stacks.ts";

describe("the settings of monitoring and tracing that are not usable:", () => {
  refusesEach("tracing", "it must be one of true, false", ["", "Active"]);
  refusesEach("alerts", "it must be one of true, false", ["", "yes"]);
  refusesEach(
    "alertSubscribers",
    'it must be a list of e-mail addresses and https URLs, such as ["team@example.com"], each once',
    [
      "",
      "team@example.com",
      '["team"]',
      '["http://hooks.example.com"]',
      '["ftp://example.com"]',
      "[1]",
      '["a@example.com","a@example.com"]',
    ],
    { alerts: "true" },
  );

  for (const [settings, problem] of [
    [
      { alertSubscribers: '["a@example.com"]' },
      'alertSubscribers is "***": alerts is not true, so that nobody would be told: set it, or remove this',
    ],
    [{ alarms: "5" }, `alarms is 5: it must be an object with ${alarmNames()}`],
    [{ alarms: "many" }, `alarms is "many": it must be an object with ${alarmNames()}`],
    [{ alarms: '{"apiErrors":0}' }, "alarms.apiErrors is 0: it must be a whole number from 1"],
    [{ alarms: '{"apiErrors":1.5}' }, "alarms.apiErrors is 1.5: it must be a whole number from 1"],
    [{ alarms: '{"apiErrors":"1"}' }, 'alarms.apiErrors is "1": it must be a whole number from 1'],
    [{ alarms: '{"toString":1}' }, `alarms.toString is no alarm: there are ${alarmNames()}`],
  ] as [Record<string, string>, string][]) {
    it(Object.entries(settings).join(" and "), async () => {
      expect((await refusalOf(withSettings(settings))).message).to.equal(refusal(`push-to-live:${problem}`));
    });
  }

  it("encrypted subscribers, which the message does not repeat", async () => {
    const { message } = await refusalOf(withSettings({}, { alertSubscribers: '["a-secret"]' }));
    expect(message).to.not.contain("a-secret");
    expect(message).to.contain('alertSubscribers is "***"');
  });
});

function alarmNames(): string {
  return "apiErrors, apiClientErrors, functionErrors, functionThrottles, functionDuration, failedBuilds";
}
