/** Numbers, areas and days as the reader writes them; what is not known is a dash, never a zero. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formats } from "../../maps/web/map/format.js";
import { hectares, quarters } from "../../maps/web/ui/time.js";
import { condition } from "../../maps/web/ui/supply.js";

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

test("land counts as serviced once its quarter has begun, unknown never", () => {
  const rows = [{ state: "ready", ha: 1 }, { state: "dated", begins: "2027-01-01", ha: 2 }, { state: "unknown", ha: 4 }, { state: "undated", ha: 8 }];
  assert.equal(hectares(rows, "2026-12-31"), 1);
  assert.equal(hectares(rows, "2027-01-02"), 3);
});

test("a row of the dashboard counts the findings of its state and quarter alone", () => {
  assert.equal(condition({ state: "unknown", begins: null }), "verdict='unknown'");
  assert.equal(condition({ state: "never", begins: null }), "verdict='free' AND ready_state='never'");
  assert.match(condition({ state: "dated", begins: "2026-10-01" }), /ready_from >= DATE\('2026-10-01'\) AND ready_from < DATE\('2027-01-01'\)$/);
});
