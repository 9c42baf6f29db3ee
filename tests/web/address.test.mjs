/** The state of the page stands in its address: a link restores it, and Back undoes the steps that it should. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { read, write } from "../../maps/web/map/address.js";

let entries;
beforeEach(() => {
  entries = ["?lang=en#map=14/1/2"];
  const put = (next) => Object.assign(globalThis.location, { search: next.split("#")[0], hash: next.includes("#") ? `#${next.split("#")[1]}` : "" });
  globalThis.location = { search: "?lang=en", hash: "#map=14/1/2" };
  globalThis.history = {
    pushState: (_state, _title, next) => (entries.push(next), put(next)),
    replaceState: (_state, _title, next) => ((entries[entries.length - 1] = next), put(next)),
  };
});

test("what was written is read again, whatever it holds, and the map's place stays", () => {
  write({ plot: "地块 1&2#?", view: "check" });
  assert.deepEqual([read("plot"), read("view"), read("lang"), read("none")], ["地块 1&2#?", "check", "en", ""]);
  assert.equal(location.hash, "#map=14/1/2");
});

test("an empty value leaves the part out, and nothing new makes no entry", () => {
  write({ plot: "P" }, true);
  write({ plot: "P" }, true);
  assert.equal(entries.length, 2);
  write({ plot: "" }, true);
  assert.deepEqual([entries.length, location.search], [3, "?lang=en"]);
});
