/** What is recorded of a feature is said in the reader's words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { said } from "../../maps/web/map/feature.js";

const WORDS = { yes: "是", no: "否", not_recorded: "未记录" };
const flag = { name: "continued", type: "flag", codes: [], unit: null };

test("a flag is said in words, and what nobody recorded is no flag", () => {
  assert.deepEqual([true, false, null].map((value) => said(flag, value, WORDS, null)), ["是", "否", "未记录"]);
});

test("a number is said with its unit, and what is only counted has none", () => {
  const fmt = { upto: (value, digits, mark) => `${value}${mark ? ` ${mark}` : ""}` };
  const number = (unit) => said({ name: "n", type: "integer", codes: [], unit }, 220, WORDS, fmt);
  assert.deepEqual(["1", "m2", "m3", "m", ""].map(number), ["220", "220 m²", "220 m³", "220 m", "220"]);
});
