/** Which planned lines are listed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { every } from "../../maps/web/map/server.js";
import { chosen } from "../../maps/web/ui/lines.js";

const lines = [{ id: 1, kind: "water", status: "planned", in_service_from: "2027-04-01" }, { id: 2, kind: "road", status: "planned", in_service_from: null }, { id: 3, kind: "water", status: "under_construction", in_service_from: "2026-12-31" }];
const of = (wanted) => chosen(lines, { kind: "", status: "", year: "", ...wanted }).map((line) => line.id);

test("lines are chosen by kind, status and year, and those without a day are a year of their own", () => {
  assert.deepEqual(of({}), [1, 2, 3]);
  assert.deepEqual(of({ kind: "water" }), [1, 3]);
  assert.deepEqual(of({ kind: "water", status: "planned" }), [1]);
  assert.deepEqual([of({ year: "2026" }), of({ year: "-" })], [[3], [2]]);
});

test("a collection is read page by page to its end", async () => {
  const pages = { "?limit=10000&filter=kind%3D%27a%27": [[1, 2], "http://elsewhere/base/collections/roads/items?after=x"], "?after=x": [[3], null] };
  const real = globalThis.fetch;
  globalThis.fetch = async (path) => {
    const [features, next] = pages[String(path).replace("collections/roads/items", "")];
    return new Response(JSON.stringify({ features, links: next ? [{ rel: "self", href: "x" }, { rel: "next", href: next }] : [] }));
  };
  assert.deepEqual(await every("roads", { filter: "kind='a'" }), [1, 2, 3]);
  globalThis.fetch = real;
});
