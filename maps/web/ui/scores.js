/** Scores from 0 to 10 on the map: plots or the cells of a grid in five classes, what is unknown hatched, the numbers written beside. */

const CLASSES = ["#440154", "#3B528B", "#21918C", "#5EC962", "#FDE725"]; // viridis: told apart by lightness alone
const UNKNOWN = "#DDDDDD";
const INK = "#222222";
const NUMBERS_ZOOM = 15;
const ROOM = 34; // pixels of a cell in which its number is written
const WRITTEN = 3000; // cells with numbers at most
const PIXELS = 4096; // of a side of the picture

/** @typedef {{columns: any[], plots: Record<string, number | null> | null, cells: (number | null)[][] | null, corners: [number, number][] | null, west: number, north: number}} Drawn */

/** The class of a score: 0 to 4, -1 where it is unknown. @param {number | null} score */
export const classOf = (score) => (score === null ? -1 : Math.min(CLASSES.length - 1, Math.floor(score / 2)));

/** @param {number} n a class */
export const colourOf = (n) => (n < 0 ? UNKNOWN : CLASSES[n]);

/**
 * Count scores by class, the best first and what is unknown last.
 * @param {Drawn} drawn
 * @returns {{of: number, least: number, most: number, count: number}[]}
 */
export function counted(drawn) {
  const counts = new Array(CLASSES.length + 1).fill(0);
  for (const score of drawn.plots ? Object.values(drawn.plots) : (drawn.cells ?? []).flat()) counts[classOf(score) + 1] += 1;
  return [4, 3, 2, 1, 0, -1].map((of) => ({ of, least: 2 * of, most: 2 * of + 2, count: counts[of + 1] }));
}

/**
 * Read "0=10, 5=8" as [[0, 10], [5, 8]]; null where it is none.
 * @param {string} text
 * @returns {[number, number][] | null}
 */
export function readScores(text) {
  const rows = text.split(/[,;,;\n]+/).map((part) => part.trim()).filter(Boolean).map((part) => part.split(/\s*[=:→]\s*/));
  if (!rows.length || rows.some((row) => row.length !== 2 || row.some((n) => n === "" || !Number.isFinite(Number(n))))) return null;
  return rows.map(([value, score]) => [Number(value), Number(score)]);
}

/** @param {[number, number][]} scores */
export const writeScores = (scores) => scores.map(([value, score]) => `${value}=${score}`).join(", ");

/**
 * Where a place lies between four corners, by column and row as shares of the grid; they are nearly a parallelogram, so a few steps do.
 * @param {[number, number][]} corners @param {number} x @param {number} y
 * @returns {[number, number]}
 */
export function within(corners, x, y) {
  let [u, v] = [0.5, 0.5];
  for (let step = 0; step < 8; step += 1) {
    const [px, py] = between(corners, u, v);
    const [ax, ay] = [between(corners, 1, v), between(corners, 0, v)].reduce((a, b) => [a[0] - b[0], a[1] - b[1]]);
    const [bx, by] = [between(corners, u, 1), between(corners, u, 0)].reduce((a, b) => [a[0] - b[0], a[1] - b[1]]);
    const whole = ax * by - ay * bx;
    u += ((x - px) * by - (y - py) * bx) / whole;
    v += (ax * (y - py) - ay * (x - px)) / whole;
  }
  return [u, v];
}

/**
 * The place at shares of the width and the height of four corners.
 * @param {[number, number][]} corners north-west, north-east, south-east, south-west
 * @param {number} u @param {number} v
 * @returns {[number, number]}
 */
export function between([a, b, c, d], u, v) {
  const mixed = (/** @type {0 | 1} */ k) => (1 - v) * ((1 - u) * a[k] + u * b[k]) + v * ((1 - u) * d[k] + u * c[k]);
  return [mixed(0), mixed(1)];
}

/**
 * The cell of a grid at a place, by row and column; null beside it.
 * @param {Drawn} drawn @param {number} x degrees @param {number} y degrees
 * @returns {[number, number] | null}
 */
export function cellAt(drawn, x, y) {
  const cells = drawn.cells ?? [];
  const [u, v] = within(drawn.corners ?? [], x, y);
  const [row, column] = [Math.floor(v * cells.length), Math.floor(u * (cells[0]?.length ?? 0))];
  return cells[row]?.[column] === undefined ? null : [row, column];
}

/**
 * The outline of a cell.
 * @param {Drawn} drawn @param {number} row @param {number} column
 */
export function outlineOf(drawn, row, column) {
  const [rows, columns] = [drawn.cells?.length ?? 1, drawn.cells?.[0].length ?? 1];
  const ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]].map(([dx, dy]) => between(drawn.corners ?? [], (column + dx) / columns, (row + dy) / rows));
  return { type: "Polygon", coordinates: [ring] };
}

/** Paint a grid: each cell its class, what is unknown hatched. @param {(number | null)[][]} cells @returns {HTMLCanvasElement} */
function picture(cells) {
  const [rows, columns] = [cells.length, cells[0].length];
  const side = Math.max(1, Math.min(8, Math.floor(PIXELS / Math.max(rows, columns))));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns * side, rows * side];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  cells.forEach((row, r) => row.forEach((score, c) => {
    pen.fillStyle = colourOf(classOf(score));
    pen.fillRect(c * side, r * side, side, side);
    if (score !== null) return;
    pen.fillStyle = "#777777";
    for (let k = 0; k < side; k += 1) if (side > 1 || (r + c) % 2) pen.fillRect(c * side + k, r * side + side - 1 - k, 1, 1);
  }));
  return canvas;
}

const NUMBER = {
  layout: { "text-font": ["sans-serif"], "text-size": 12, "text-allow-overlap": false },
  paint: { "text-color": "#111111", "text-halo-color": "#FFFFFF", "text-halo-width": 2 },
};

/** Take what was drawn off the map. @param {any} map */
export function clear(map) {
  for (const id of ["known", "unknown", "hatch", "edge", "grid", "number", "numbers"]) if (map.getLayer(`scores-${id}`)) map.removeLayer(`scores-${id}`);
  for (const id of ["scores-grid", "scores-numbers"]) if (map.getSource(id)) map.removeSource(id);
}

/**
 * Draw scores, below the names on the map.
 * @param {any} map @param {Drawn} drawn @param {Record<string, {pattern: string}>} patterns
 */
export function draw(map, drawn, patterns) {
  clear(map);
  const above = map.getStyle().layers.find((/** @type {any} */ layer) => layer.type === "symbol" || layer.id === "outlined" || layer.id === "chosen")?.id;
  const hatch = Object.keys(patterns).find((name) => patterns[name].pattern === "hatch");
  if (drawn.plots) return plots(map, drawn.plots, above, hatch);
  map.addSource("scores-grid", { type: "canvas", canvas: picture(drawn.cells ?? [[]]), coordinates: drawn.corners, animate: false });
  map.addLayer({ id: "scores-grid", type: "raster", source: "scores-grid", paint: { "raster-resampling": "nearest", "raster-opacity": 0.92, "raster-fade-duration": 0 } }, above);
  map.addSource("scores-numbers", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({ id: "scores-numbers", type: "symbol", source: "scores-numbers", layout: { ...NUMBER.layout, "text-field": ["get", "text"] }, paint: NUMBER.paint });
  write(map, drawn);
}

/**
 * Draw plots by their numbers in the tiles that the map has.
 * @param {any} map @param {Record<string, number | null>} scores @param {string | undefined} above @param {string | undefined} hatch
 */
function plots(map, scores, above, hatch) {
  const coded = Object.fromEntries(Object.entries(scores).map(([id, score]) => [id, score ?? -1]));
  const of = ["get", ["get", "id"], ["literal", coded]];
  const [told, unknown] = [["has", ["get", "id"], ["literal", coded]], ["==", of, -1]];
  const from = { source: "readiness", "source-layer": "readiness" };
  const known = ["all", told, [">=", ["coalesce", of, -1], 0]];
  const steps = CLASSES.slice(1).flatMap((colour, n) => [2 * (n + 1), colour]);
  map.addLayer({ id: "scores-known", type: "fill", ...from, filter: known, paint: { "fill-color": ["step", ["coalesce", of, 0], CLASSES[0], ...steps], "fill-opacity": 0.95 } }, above);
  map.addLayer({ id: "scores-unknown", type: "fill", ...from, filter: unknown, paint: { "fill-color": UNKNOWN, "fill-opacity": 0.9 } }, above);
  if (hatch) map.addLayer({ id: "scores-hatch", type: "fill", ...from, filter: unknown, paint: { "fill-pattern": hatch } }, above);
  map.addLayer({ id: "scores-edge", type: "line", ...from, filter: told, paint: { "line-color": INK, "line-width": 0.8 } }, above);
  map.addLayer({
    id: "scores-number", type: "symbol", source: "parcels", "source-layer": "parcels_label", filter: told, minzoom: NUMBERS_ZOOM,
    layout: { ...NUMBER.layout, "text-field": ["case", unknown, "?", ["number-format", ["coalesce", of, 0], { "min-fraction-digits": 1, "max-fraction-digits": 1 }]] }, paint: NUMBER.paint,
  });
}

/**
 * Write the numbers of the cells in view, where they are large enough to hold them.
 * @param {any} map @param {Drawn} drawn
 */
export function write(map, drawn) {
  const source = map.getSource("scores-numbers");
  if (!source || !drawn.cells || !drawn.corners) return;
  const [rows, columns, bounds] = [drawn.cells.length, drawn.cells[0].length, map.getBounds()];
  const [a, b] = [map.project(drawn.corners[0]), map.project(drawn.corners[1])];
  const ends = [bounds.getNorthWest(), bounds.getNorthEast(), bounds.getSouthEast(), bounds.getSouthWest()].map((p) => within(drawn.corners ?? [], p.lng, p.lat));
  const span = (/** @type {0 | 1} */ k, /** @type {number} */ n) => [Math.max(0, Math.floor(Math.min(...ends.map((e) => e[k])) * n)), Math.min(n, Math.ceil(Math.max(...ends.map((e) => e[k])) * n))];
  const [[left, right], [top, bottom]] = [span(0, columns), span(1, rows)];
  const features = [];
  if (Math.hypot(a.x - b.x, a.y - b.y) / columns >= ROOM && (right - left) * (bottom - top) <= WRITTEN)
    for (let row = top; row < bottom; row += 1)
      for (let column = left; column < right; column += 1) {
        const [score, at] = [drawn.cells[row][column], between(drawn.corners, (column + 0.5) / columns, (row + 0.5) / rows)];
        features.push({ type: "Feature", geometry: { type: "Point", coordinates: at }, properties: { text: score === null ? "?" : score.toFixed(1) } });
      }
  source.setData({ type: "FeatureCollection", features });
}
