/** Numbers, areas and days as the reader writes them; what is not known is a dash, never a zero. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formats, today } from "../../maps/web/map/format.js";
import { hectares, quarters } from "../../maps/web/ui/time.js";

const [en, zh] = [formats("en", "mu", { mu: "mu" }), formats("zh", "ha", { mu: "亩" })];

test("what is not known is a dash and zero is zero", () => {
  for (const say of [en.m2, en.area, (v) => en.number(v, 1), (v) => en.upto(v)]) assert.equal(say(null), "—");
  for (const say of [en.day, en.moment, en.percent]) assert.equal(say(null), "—");
  assert.equal(en.m2(0), "0.00 m²");
  assert.equal(zh.upto(0, 1, "ha"), "0 ha");
});

test("areas are in the unit of the reader's choice", () => {
  assert.equal(en.area(2000 / 3), "1.000 mu");
  assert.equal(zh.area(12_345.678), "1.2346 ha");
  assert.equal(zh.mu(2000), "3.000 亩");
});

test("days do not move with the machine's time zone", () => {
  assert.equal(en.day("2026-11-22"), "22 Nov 2026");
  assert.equal(zh.day("2026-01-01T00:00:00"), "2026年1月1日");
});

test("the slider steps at the quarters, past the last day of the table", () => {
  const steps = quarters("2026-11-22", ["2034-07-01"]);
  assert.deepEqual([steps[0], steps[1], steps.at(-1)], ["2025-01-01", "2025-04-01", "2035-10-01"]);
  assert.ok(steps.every((day, n) => !n || day > steps[n - 1]));
});

test("land counts as serviced from its day on, unknown never", () => {
  const rows = [{ state: "ready", begins: null, ha: 1 }, { state: "ready", begins: "2026-03-01", ha: 16 }, { state: "dated", begins: "2027-02-15", ha: 2 }, { state: "unknown", begins: null, ha: 4 }, { state: "undated", begins: null, ha: 8 }];
  assert.equal(hectares(rows, "2026-02-28"), 1);
  assert.equal(hectares(rows, "2026-03-01"), 17);
  assert.equal(hectares(rows, "2027-02-14"), 17);
  assert.equal(hectares(rows, "2027-02-15"), 19);
});

test("today is the day of the reader's calendar", () => {
  const early = new Date("2026-11-22T23:30:00Z");
  early.getTimezoneOffset = () => -480;
  assert.equal(today(early), "2026-11-23");
  early.getTimezoneOffset = () => 60;
  assert.equal(today(early), "2026-11-22");
});
