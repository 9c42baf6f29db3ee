/** What is recorded of a feature is said in the reader's words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { said } from "../../maps/web/map/feature.js";

const WORDS = { yes: "是", no: "否", not_recorded: "未记录" };
const flag = { name: "continued", type: "flag", codes: [], unit: null };

test("a flag is said in words, and what nobody recorded is no flag", () => {
  assert.deepEqual([true, false, null].map((value) => said(flag, value, WORDS, null)), ["是", "否", "未记录"]);
});
