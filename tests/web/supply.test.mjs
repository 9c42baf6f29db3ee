/** The drawing of the supply by quarter. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { timed } from "../../maps/web/ui/supply.js";

test("quarters in which nothing becomes serviced are drawn, empty", () => {
  const rows = [{ state: "ready", begins: null, ha: 1, plots: 1 }, { state: "dated", begins: "2026-10-01", period: "2026Q4", ha: 2, plots: 1 }, { state: "dated", begins: "2027-07-01", period: "2027Q3", ha: 3, plots: 2 }, { state: "never", begins: null, ha: 4, plots: 1 }];
  assert.deepEqual(timed(rows).map((row) => [row.period, row.ha]), [[undefined, 1], ["2026Q4", 2], ["2027Q1", 0], ["2027Q2", 0], ["2027Q3", 3], [undefined, 4]]);
  const far = [{ ...rows[1] }, { ...rows[2], begins: "2090-01-01" }];
  assert.equal(timed(far).length, 42, "a far day does not make the drawing endless");
});
