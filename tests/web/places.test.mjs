/** Coordinates as people type them, and which tiles a change touches. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { touched } from "../../maps/web/map/live.js";
import { ordered, parse, point } from "../../maps/web/ui/coordinates.js";
import { boundsOf } from "../../maps/web/ui/outlines.js";

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

test("degrees, minutes and seconds are read in all their signs, either order", () => {
  const there = [[117 + 1 / 60, 36 + 49 / 60 + 50 / 3600], [117 + 2 / 60, 36 + 49 / 60 + 50 / 3600], [117 + 2 / 60, 36.85], [117 + 1 / 60, 36 + 49 / 60 + 50 / 3600]];
  const near = (/** @type {any} */ text) => ring(text).flat().forEach((/** @type {number} */ v, /** @type {number} */ n) => assert.ok(Math.abs(v - there.flat()[n]) < 1e-9, text));
  near(`117°01'00", 36°49'50"\n117°02'00", 36°49'50"\n117°02'00", 36°51'00"`);
  near("117°01′00″E 36°49′50″N\n117°02′E 36°49′50″N\n117°02′E 36°51′N");
  near("北纬36度49分50秒,东经117度1分\n36度49分50秒 117度2分\n36度51分 117度2分");
  assert.deepEqual(ring("10°W 20°S\n11°W 20°S\n11°W 21°S")[0], [-10, -20]);
});

test("an outline to be stored has the order of its CRS's authority", () => {
  const geometry = { type: "Polygon", coordinates: [[[1, 2], [3, 4], [5, 6], [1, 2]]] };
  const swapped = { type: "Polygon", coordinates: [[[2, 1], [4, 3], [6, 5], [2, 1]]] };
  const about = { crs: "EPSG:27700", north_first: false };
  assert.deepEqual(ordered({ geometry, crs: "EPSG:4326" }, about), { geometry, crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84" });
  assert.deepEqual(ordered({ geometry, crs: "EPSG:4527" }, about), { geometry: swapped, crs: "http://www.opengis.net/def/crs/EPSG/0/4527" });
  assert.deepEqual(ordered({ geometry, crs: "EPSG:27700" }, about)?.geometry, geometry);
  assert.deepEqual(ordered({ geometry, crs: "EPSG:2193" }, { crs: "EPSG:2193", north_first: true })?.geometry, swapped);
  assert.equal(ordered({ geometry, crs: "EPSG:2154" }, about), null);
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

test("one typed point is in the base's CRS, out of its metres, its zone's or degrees", () => {
  const plane = { crs: BASE, to: ([x, y]) => [x + 1, y + 1] };
  for (const text of ["500100.1234, 4077100.5", "4077100.5 500100.1234", "39500100.1234,4077100.5"]) point(text, plane).forEach((v, k) => assert.ok(Math.abs(v - [500100.1234, 4077100.5][k]) < 1e-6, text));
  assert.deepEqual(point("36.5, 117.25", plane), [118.25, 37.5]);
  for (const text of ["", "4077100", "38500100,4077100", "north"]) assert.equal(point(text, plane), null, text);
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
