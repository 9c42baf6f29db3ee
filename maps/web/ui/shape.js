/** Outlines by their corners: polygons with holes, of several parts, lines and points, told alike and changed corner by corner. */

/** @typedef {[number, number]} Point */
/** @typedef {"polygon" | "line" | "point"} Kind */
/** The parts of a figure, each of rings or paths; a ring does not repeat its first corner. @typedef {Point[][][]} Parts */
/** Part, ring and corner. @typedef {[number, number, number]} Place */

export const LEAST = { polygon: 3, line: 2, point: 1 };
const OPEN = { polygon: 1, line: 0, point: 0 }; // corners that GeoJSON repeats

/**
 * Take a GeoJSON geometry apart.
 * @param {any} geometry
 * @returns {{kind: Kind, parts: Parts}}
 */
export function partsOf(geometry) {
  const { type, coordinates } = geometry;
  const kind = /Polygon$/.test(type) ? "polygon" : /LineString$/.test(type) ? "line" : "point";
  const each = type.startsWith("Multi") ? coordinates : [coordinates];
  const flat = (/** @type {number[]} */ at) => /** @type {Point} */ (at.slice(0, 2));
  const parts = each.map((/** @type {any} */ part) => (kind === "polygon" ? part.map((/** @type {any} */ ring) => ring.slice(0, -1).map(flat)) : kind === "line" ? [part.map(flat)] : [[flat(part)]]));
  return { kind, parts };
}

/**
 * Put a figure together as GeoJSON.
 * @param {Kind} kind @param {Parts} parts
 */
export function geometryOf(kind, parts) {
  const each = parts.map((part) => (kind === "polygon" ? part.map((ring) => [...ring, ring[0]]) : kind === "line" ? part[0] : part[0][0]));
  const type = { polygon: "Polygon", line: "LineString", point: "Point" }[kind];
  return each.length === 1 ? { type, coordinates: each[0] } : { type: `Multi${type}`, coordinates: each };
}

/** Make parts of a drawn path; each corner of points is one of its own. @param {Kind} kind @param {Point[]} path @returns {Parts} */
export const made = (kind, path) => (kind === "point" ? path.map((at) => [[at]]) : [[path]]);

/** Rebuild a figure with another ring in a place. @param {Parts} parts @param {Place} place @param {(ring: Point[]) => Point[]} change @returns {Parts} */
const with_ = (parts, [part, ring], change) => parts.map((rings, p) => (p === part ? rings.map((corners, r) => (r === ring ? change(corners) : corners)) : rings));

/** Move a corner. @param {Parts} parts @param {Place} place @param {Point} to */
export const move = (parts, place, to) => with_(parts, place, (corners) => corners.with(place[2], to));

/** Add a corner before another, or behind the last. @param {Parts} parts @param {Place} place @param {Point} at */
export const add = (parts, place, at) => with_(parts, place, (corners) => corners.toSpliced(place[2], 0, at));

/**
 * Take a corner away; a hole or a part that has too few corners left goes with it.
 * @param {Kind} kind @param {Parts} parts @param {Place} place
 * @returns {Parts} without parts where nothing is left
 */
export function remove(kind, parts, place) {
  const [part, ring] = place;
  if (parts[part][ring].length > LEAST[kind]) return with_(parts, place, (corners) => corners.toSpliced(place[2], 1));
  return ring ? parts.map((rings, p) => (p === part ? rings.toSpliced(ring, 1) : rings)) : parts.toSpliced(part, 1);
}

/** List the places of all corners, in their order. @param {Parts} parts @returns {Place[]} */
export const places = (parts) => parts.flatMap((rings, p) => rings.flatMap((corners, r) => corners.map((_, k) => /** @type {Place} */ ([p, r, k]))));

/** The corner at a place. @param {Parts} parts @param {Place} place */
export const corner = (parts, [part, ring, k]) => parts[part][ring][k];

/** The corner before one: of a ring the last comes before the first; null where a line begins. @param {Kind} kind @param {Parts} parts @param {Place} place */
export function before(kind, parts, [part, ring, k]) {
  const corners = parts[part][ring];
  return k || (OPEN[kind] && corners.length > 1) ? corners[(k + corners.length - 1) % corners.length] : null;
}

/**
 * List the sides, each with the place before which a corner between would stand.
 * @param {Kind} kind @param {Parts} parts
 * @returns {{place: Place, from: Point, to: Point}[]}
 */
export const sides = (kind, parts) => parts.flatMap((rings, p) => rings.flatMap((corners, r) =>
  corners.flatMap((from, k) => (k + 1 < corners.length || OPEN[kind] ? [{ place: /** @type {Place} */ ([p, r, k + 1]), from, to: corners[(k + 1) % corners.length] }] : []))));

/** Go a length from a point towards another. @param {Point} from @param {Point} to @param {number} length @returns {Point} */
export function along(from, to, length) {
  const share = length / (Math.hypot(to[0] - from[0], to[1] - from[1]) || 1);
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
}

/**
 * Find the part of a polygon in which a point lies, by the even-odd rule; -1 where it is in none.
 * @param {Parts} parts @param {Point} at
 */
export const around = (parts, [x, y]) => parts.findIndex(([shell]) => {
  let within = false;
  for (let k = 0, j = shell.length - 1; k < shell.length; j = k++) {
    const [[x1, y1], [x2, y2]] = [shell[k], shell[j]];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) within = !within;
  }
  return within;
});
