/** Which plots are told that a day makes them ready. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { turned } from "../../maps/web/map/day.js";

const plots = new Map([["early", 10], ["soon", 20], ["late", 30]]);

test("only plots between the day that the style knows and the day that is shown are told", () => {
  assert.deepEqual(turned(plots, new Map(), 15, 15), []);
  assert.deepEqual(turned(plots, new Map(), 15, 20), [["soon", true]]);
  assert.deepEqual(turned(plots, new Map(), 15, 30), [["soon", true], ["late", true]]);
  assert.deepEqual(turned(plots, new Map(), 15, 9), [["early", false]]);
});

test("a plot that was told is told again when the day passes it, also back to what the style knows", () => {
  const told = new Map([["soon", true], ["late", true]]);
  assert.deepEqual(turned(plots, told, 15, 30), []);
  assert.deepEqual(turned(plots, told, 15, 25), [["late", false]]);
  assert.deepEqual(turned(plots, told, 15, 15), [["soon", false], ["late", false]]);
  assert.deepEqual(turned(plots, new Map([["soon", false]]), 25, 25), [["soon", true]], "the style was told another day since");
});

test("a plot whose day was moved is told what holds now", () => {
  assert.deepEqual(turned(new Map([["soon", 40]]), new Map([["soon", true]]), 15, 30), [["soon", false]]);
});
