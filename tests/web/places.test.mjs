/** Coordinates as people type them, sides of a typed length, and which tiles a change touches. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { touched } from "../../maps/web/map/live.js";
import { parse } from "../../maps/web/ui/coordinates.js";
import { boundsOf } from "../../maps/web/ui/outlines.js";
import { along } from "../../maps/web/ui/pen.js";

const BASE = "EPSG:4548";
const ring = (text) => parse(text, BASE)?.geometry.coordinates[0];

test("longitude and latitude are told apart in either order", () => {
  const there = [[117.01, 36.83], [117.02, 36.83], [117.02, 36.84], [117.01, 36.83]];
  assert.deepEqual(ring("117.01, 36.83\n117.02 36.83\n117.02;36.84".replace(";", " ")), there);
  assert.deepEqual(ring("36.83, 117.01\n36.83, 117.02\n36.84, 117.02"), there);
  assert.equal(parse("117.01 36.83;117.02 36.83;117.02 36.84", BASE)?.crs, "EPSG:4326");
});

test("metres are put east first; a zone in the easting names its CRS, without one the base's holds", () => {
  const plain = parse("4077100,500100\n4077100,500200\n4077200,500200", BASE);
  assert.deepEqual([plain?.crs, plain?.geometry.coordinates[0][0]], [BASE, [500100, 4077100]]);
  const zoned = parse("J1,1,4077100.000,39500100.000\nJ2,1,4077100,39500200\nJ3,1,4077200,39500200\nJ1,1,4077100.000,39500100.000", BASE);
  assert.deepEqual([zoned?.crs, zoned?.geometry.coordinates[0].length], ["EPSG:4527", 4]);
});

test("what is no polygon is none", () => {
  for (const text of ["", "117.01, 36.83", "117.01, 36.83\n117.02, 36.83", "{", "[]", '{"type": "Point", "coordinates": [1, 2]}', "north of the river"])
    assert.equal(parse(text, BASE), null, text);
});

test("GeoJSON brings its own CRS", () => {
  const geometry = { type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] };
  assert.deepEqual(parse(JSON.stringify(geometry), BASE), { geometry, crs: "EPSG:4326" });
  const named = { type: "FeatureCollection", crs: { properties: { name: "urn:ogc:def:crs:EPSG::4548" } }, features: [{ geometry }] };
  assert.equal(parse(JSON.stringify(named), BASE)?.crs, "EPSG:4548");
});

test("a typed side has its length", () => {
  const [west, north] = along([117, 36.8], [117.01, 36.8], 100);
  assert.ok(Math.abs((west - 117) * 111_320 * Math.cos((36.8 * Math.PI) / 180) - 100) < 1e-6);
  assert.equal(north, 36.8);
});

test("bounds hold all corners of all parts", () => {
  assert.deepEqual(boundsOf({ coordinates: [[[[3, 1], [5, 2]]], [[[-1, 7], [0, 0]]]] }), [[-1, 0], [5, 7]]);
});

test("a change touches the tiles that draw it, their neighbours' rim too, and no others", () => {
  const tiles = [{ z: 14, x: 13516, y: 6386 }, { z: 14, x: 13518, y: 6386 }, { z: 0, x: 0, y: 0 }];
  const box = [116.999, 36.83, 117.0, 36.831];
  const hit = touched(tiles, [box]);
  assert.ok(hit.includes(tiles[2]));
  assert.equal(hit.filter((tile) => tile.z === 14).length, 1);
  assert.deepEqual(touched(tiles, []), []);
});
