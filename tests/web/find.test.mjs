/** The brief of the form. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { areaOf } from "../../maps/web/ui/find.js";

test("areas are typed in mu, square metres or hectares, and what is left open is any", () => {
  assert.deepEqual(areaOf(3, 6, "mu"), [2000, 4000]);
  assert.deepEqual(areaOf(5400, 40000, "m2"), [5400, 40000]);
  assert.deepEqual(areaOf(0.5, 2, "ha"), [5000, 20000]);
  assert.deepEqual(areaOf(undefined, 6, "mu"), [1, 4000]);
  const [from, to] = areaOf(77, undefined, "mu");
  assert.ok(Math.abs(from - 77 * 2000 / 3) < 1e-6 && to >= 1e9);
});
