/** Outlines corner by corner, what corners snap to, and the base's coordinates as the page reckons them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, planeOf, turned, uri } from "../../maps/web/map/plane.js";
import * as shape from "../../maps/web/ui/shape.js";
import { nearest, paths } from "../../maps/web/ui/snap.js";

const SHELL = [[0, 0], [10, 0], [10, 10], [0, 10]];
const HOLE = [[2, 2], [2, 4], [4, 4]];
const closed = (ring) => [...ring, ring[0]];
const POLYGON = { type: "Polygon", coordinates: [closed(SHELL), closed(HOLE)] };
const MANY = { type: "MultiPolygon", coordinates: [POLYGON.coordinates, [closed([[20, 0], [30, 0], [30, 5]])]] };

test("a figure is taken apart and put together without a change, holes and parts too", () => {
  const figures = [POLYGON, MANY, { type: "LineString", coordinates: [[0, 0], [1, 1]] }, { type: "MultiLineString", coordinates: [[[0, 0], [1, 1]], [[2, 2], [3, 3]]] }, { type: "Point", coordinates: [1, 2] }, { type: "MultiPoint", coordinates: [[1, 2], [3, 4]] }];
  for (const figure of figures) {
    const { kind, parts } = shape.partsOf(figure);
    assert.deepEqual(shape.geometryOf(kind, parts), figure);
  }
});

test("a drawn path is one part, drawn points are one each", () => {
  assert.deepEqual(shape.made("line", [[0, 0], [1, 1]]), [[[[0, 0], [1, 1]]]]);
  assert.deepEqual(shape.geometryOf("point", shape.made("point", [[0, 0], [1, 1]])), { type: "MultiPoint", coordinates: [[0, 0], [1, 1]] });
});

test("a corner is moved, added and taken away; the others stay, and the figure before is untouched", () => {
  const { kind, parts } = shape.partsOf(MANY);
  const kept = structuredClone(parts);
  assert.deepEqual(shape.move(parts, [0, 1, 1], [3, 5])[0][1], [[2, 2], [3, 5], [4, 4]]);
  assert.deepEqual(shape.add(parts, [1, 0, 3], [25, 2])[1][0], [[20, 0], [30, 0], [30, 5], [25, 2]]);
  assert.deepEqual(shape.remove(kind, parts, [0, 0, 0])[0][0], SHELL.slice(1));
  assert.deepEqual(parts, kept);
});

test("a hole or a part of too few corners goes, and of the last nothing is left", () => {
  const { kind, parts } = shape.partsOf(MANY);
  assert.deepEqual(shape.geometryOf(kind, shape.remove(kind, parts, [0, 1, 0])).coordinates[0], [closed(SHELL)]);
  assert.deepEqual(shape.geometryOf(kind, shape.remove(kind, parts, [1, 0, 2])), POLYGON);
  assert.deepEqual(shape.remove("line", [[[[0, 0], [1, 1]]]], [0, 0, 1]), []);
});

test("a ring has a side behind its last corner, a line has none", () => {
  assert.equal(shape.sides("polygon", [[SHELL]]).length, 4);
  assert.deepEqual(shape.sides("line", [[SHELL]]).at(-1).place, [0, 0, 3]);
  assert.deepEqual(shape.before("polygon", [[SHELL]], [0, 0, 0]), [0, 10]);
  assert.equal(shape.before("line", [[SHELL]], [0, 0, 0]), null);
});

test("a typed side has its length, and a hole finds its part", () => {
  assert.deepEqual(shape.along([1, 1], [4, 5], 10), [7, 9]);
  const { parts } = shape.partsOf(MANY);
  assert.deepEqual([[5, 5], [29, 1], [15, 5]].map((at) => shape.around(parts, at)), [0, 1, -1]);
});

test("a corner snaps to the nearest corner, which goes before any edge, to the last digit", () => {
  const odd = [500100.12345678912, 4077100.98765432101];
  const drawn = [[[500000, 4077000], odd], closed(SHELL)];
  assert.deepEqual(nearest([500100.5, 4077101], drawn, 2), { at: odd, on: "corner" });
  assert.deepEqual(nearest([9, 0.1], drawn, 2), { at: [10, 0], on: "corner" }, "though the edge is nearer");
  assert.deepEqual(nearest([5, 1], drawn, 2), { at: [5, 0], on: "edge" });
  assert.deepEqual(nearest([-1, 5], drawn, 2), { at: [0, 5], on: "edge" }, "the side that closes a ring too");
  assert.equal(nearest([5, 5], drawn, 2), null);
  assert.equal(nearest([12, 12.1], [[[10, 0], [10, 10]]], 2), null, "beyond an edge's end is not on it");
});

test("every path of every geometry is there to snap to", () => {
  assert.equal(paths(MANY).length, 3);
  assert.deepEqual(paths({ type: "Point", coordinates: [1, 2] }), [[[1, 2]]]);
  assert.deepEqual(paths({ type: "MultiPoint", coordinates: [[1, 2], [3, 4]] }), [[[1, 2]], [[3, 4]]]);
  assert.deepEqual(paths({ type: "LineString", coordinates: SHELL }), [SHELL]);
});

test("the plane is the smooth map whose nodes were told, between and on them", () => {
  const many = 12;
  const knots = Array.from({ length: many }, (_, k) => Math.cos(((2 * k + 1) * Math.PI) / (2 * many)));
  const chart = (box, to) => {
    const at = (low, high) => knots.map((knot) => (low + high) / 2 + ((high - low) / 2) * knot);
    const grid = at(box[0], box[2]).map((x) => at(box[1], box[3]).map((y) => to([x, y])));
    return { box, x: grid.map((row) => row.map((p) => p[0])), y: grid.map((row) => row.map((p) => p[1])) };
  };
  const forth = ([x, y]) => [1e5 * Math.sin(x), 1e5 * Math.exp(y / 2) + x * y];
  const plane = planeOf({ crs: "EPSG:4548", forth: chart([0, 0, 1, 1], forth), back: chart([0, 0, 1, 1], ([x, y]) => [y, x]) });
  for (const at of [[0.3, 0.7], [0, 1], [0.5 + 0.5 * knots[3], 0.2]])
    plane.to(at).forEach((v, k) => assert.ok(Math.abs(v - forth(at)[k]) < 1e-6, `${at}`));
  assert.ok(Math.abs(plane.from([0.25, 0.75])[0] - 0.75) < 1e-12);
});

test("a geometry has the order of its CRS's authority, or east first", () => {
  assert.deepEqual(turned({ type: "Point", coordinates: [1, 2, 3] }, { north_first: true }).coordinates, [2, 1]);
  assert.deepEqual(turned(POLYGON, { north_first: false }), POLYGON);
  assert.equal(uri("EPSG:4548"), "http://www.opengis.net/def/crs/EPSG/0/4548");
  assert.ok(covers([0, 0, 4, 4], [1, 1, 4, 4]) && !covers([0, 0, 4, 4], [1, 1, 4, 5]));
});
