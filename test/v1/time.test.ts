import fc from "fast-check";
import { expect, test } from "vitest";
import { createTimeFormatter } from "../../src/rest/v1/kit/time.ts";

const formatTime = createTimeFormatter();

test.each([
  ["2026-03-29T00:59:59.999Z", "Europe/Amsterdam", "2026-03-29T01:59:59+01:00"],
  ["2026-03-29T01:00:00.000Z", "Europe/Amsterdam", "2026-03-29T03:00:00+02:00"],
  ["2026-10-25T00:59:59.000Z", "Europe/Amsterdam", "2026-10-25T02:59:59+02:00"],
  ["2026-10-25T01:00:00.000Z", "Europe/Amsterdam", "2026-10-25T02:00:00+01:00"],
  ["2026-07-01T23:30:00.000Z", "Europe/Amsterdam", "2026-07-02T01:30:00+02:00"],
  ["2016-03-12T17:33:00.000Z", "America/Chicago", "2016-03-12T11:33:00-06:00"],
  ["2026-01-01T02:00:00.000Z", "America/St_Johns", "2025-12-31T22:30:00-03:30"],
  ["2011-12-30T09:59:59.000Z", "Pacific/Apia", "2011-12-29T23:59:59-10:00"],
  ["2011-12-30T10:00:00.000Z", "Pacific/Apia", "2011-12-31T00:00:00+14:00"],
  ["2026-01-01T00:00:00.000Z", "Nowhere/At_All", "2026-01-01T00:00:00+00:00"],
  ["0044-03-15T12:00:00.000Z", "UTC", "0044-03-15T12:00:00+00:00"],
  ["9999-12-31T23:59:59.000Z", "UTC", "9999-12-31T23:59:59+00:00"],
])("%s in %s is %s", (instant, timeZone, shown) => {
  expect(formatTime(new Date(instant), timeZone)).toBe(shown);
});

test("Every time is shown with the clock and the offset of its zone", () => {
  const zones = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
  const instants = fc.date({ min: new Date("1973-01-01"), max: new Date("2100-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(instants, zones, (instant, timeZone) => {
      const shown = formatTime(instant, timeZone);
      const clock = instant.toLocaleString("sv-SE", { timeZone }).replace(" ", "T");
      expect(shown.slice(0, 19)).toBe(clock);
      // What is shown leads back to what it was, to the second.
      expect(new Date(shown).getTime()).toBe(Math.floor(instant.getTime() / 1000) * 1000);
    }),
    { numRuns: 500 },
  );
});
