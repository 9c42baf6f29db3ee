/** Projects are sorted and filtered as one reads them, and the days of a chart lie where they belong. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { measure } from "../../maps/web/ui/gantt.js";
import { holding, sorted } from "../../maps/web/ui/projects.js";

const rows = [{ id: "P-10", day: "2026-03-01" }, { id: "P-9", day: null }, { id: "P-2", day: "2025-12-31" }];

test("numbers in names are ordered as numbers, and what is not recorded comes last either way", () => {
  assert.deepEqual(sorted(rows, (r) => r.id, false, "en-GB").map((r) => r.id), ["P-2", "P-9", "P-10"]);
  for (const [down, order] of [[false, ["P-2", "P-10", "P-9"]], [true, ["P-10", "P-2", "P-9"]]])
    assert.deepEqual(sorted(rows, (r) => r.day, down, "zh-CN").map((r) => r.id), order);
});

test("a filter wants all its words, anywhere and in any case", () => {
  const words = (r) => [r.id, "储能 Batteries", r.day];
  assert.equal(holding(rows, " batt 储能 2026 ", words).length, 1);
  assert.equal(holding(rows, "", words).length, 3);
  assert.equal(holding(rows, "nobody", words).length, 0);
});

test("an axis runs from the month before to the month after, and days are spaced evenly", () => {
  const { x, width, starts } = measure(["2026-01-15", "2025-12-31", "2026-02-28"], 100);
  assert.deepEqual([starts[0].toISOString().slice(0, 10), starts.at(-1).toISOString().slice(0, 10)], ["2025-11-01", "2026-04-01"]);
  assert.equal(x("2025-11-01"), 0);
  assert.ok(Math.abs(x("2026-01-01") - (width * 61) / 151) < 1e-9);
  assert.equal(width, 100);
});
