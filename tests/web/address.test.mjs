/** The state of the page stands in its address: a link restores it, and Back undoes the steps that it should. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { read, tongue, write } from "../../maps/web/map/address.js";

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

test("the language is that of the address, else the first of the reader's that is here, else Chinese", () => {
  const asks = (search, ...languages) => {
    globalThis.location.search = search;
    Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
    return tongue();
  };
  assert.deepEqual(
    [asks("?lang=zh", "en-GB"), asks("?lang=fr", "en-GB"), asks("", "de", "en-GB", "zh-CN"), asks("", "zh-TW", "en"), asks("", "de"), asks("")],
    ["zh", "en", "en", "zh", "zh", "zh"],
  );
});
