/** Scores on the map: classes, places in a grid, and the text of a reclass. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { between, cellAt, classOf, colourOf, counted, readScores, within, writeScores } from "../../maps/web/ui/scores.js";

const corners = [[117.001, 36.901], [117.041, 36.9005], [117.0408, 36.88], [117.0009, 36.8806]]; // turned a little, as a grid in another CRS is
const cells = Array.from({ length: 7 }, (_, r) => Array.from({ length: 11 }, (_, c) => (r + c) % 5 ? (r + c) % 11 : null));
const drawn = { columns: [], plots: null, cells, corners, west: 0, north: 0 };

test("what is unknown is a class of its own and never the lowest", () => {
  assert.equal(classOf(null), -1);
  assert.deepEqual([0, 1.9, 2, 9.9, 10].map(classOf), [0, 0, 1, 4, 4]);
  assert.equal(new Set([-1, 0, 1, 2, 3, 4].map(colourOf)).size, 6);
});

test("each score is counted once", () => {
  const rows = counted(drawn);
  assert.equal(rows.reduce((all, row) => all + row.count, 0), 77);
  assert.equal(rows.at(-1).count, cells.flat().filter((score) => score === null).length);
  assert.deepEqual(counted({ ...drawn, plots: { a: 10, b: null, c: 0 } }).map((row) => row.count), [1, 0, 0, 0, 1, 1]);
});

test("a place in the grid is found again, and none beside it", () => {
  for (const [u, v] of [[0, 0], [0.3, 0.9], [1, 1], [0.5, 0.02]]) {
    const found = within(corners, ...between(corners, u, v));
    assert.ok(Math.abs(found[0] - u) < 1e-9 && Math.abs(found[1] - v) < 1e-9);
  }
  assert.deepEqual(cellAt(drawn, ...between(corners, 3.5 / 11, 6.5 / 7)), [6, 3]);
  assert.equal(cellAt(drawn, 117.05, 36.89), null);
});

test("a reclass is read as it is written, and nonsense is none", () => {
  for (const rows of [[[0, 10], [5.5, 8]], [[-3, 0]]]) assert.deepEqual(readScores(writeScores(rows)), rows);
  assert.deepEqual(readScores("0→10,5:8;7 = 0"), [[0, 10], [5, 8], [7, 0]]);
  for (const text of ["", "5", "a=1", "1=2=3", "1="]) assert.equal(readScores(text), null);
});
