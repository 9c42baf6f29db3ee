/** Tables that the reader keeps: what a spreadsheet makes of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../maps/web/map/dom.js";

test("no text of a table is taken for a formula, and numbers stay numbers", () => {
  const rows = [["name", "cut"], ["=HYPERLINK(\"http://x\")", -1.5], ["+86 531", null], ["-5", 0], ["@home", undefined], ["a,b\"c", 7]];
  assert.equal(csv(rows), "\ufeffname,cut\r\n\"'=HYPERLINK(\"\"http://x\"\")\",-1.5\r\n'+86 531,\r\n'-5,0\r\n'@home,\r\n\"a,b\"\"c\",7\r\n");
});
