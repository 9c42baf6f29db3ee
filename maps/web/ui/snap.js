/** What a corner that is drawn snaps to: the exact corners of what is stored, else its edges. Tiles round theirs to decimetres. */

import { turned, uri } from "../map/plane.js";
import * as server from "../map/server.js";

/** @typedef {[number, number]} Point */
/** @typedef {{at: Point, on: "corner" | "edge" | null}} Snapped */

export const LAYERS = ["parcels", "zoning", "roads", "utilities"];
const MOST = 900; // features of a layer, fewer than the audit log takes for an export

/** The paths of a GeoJSON geometry; a ring ends where it begins. @param {any} geometry @returns {Point[][]} */
export function paths({ type, coordinates }) {
  if (type === "Point") return [[coordinates]];
  if (type === "LineString") return [coordinates];
  if (type === "MultiPoint") return coordinates.map((/** @type {Point} */ at) => [at]);
  return type === "MultiPolygon" ? coordinates.flat() : coordinates;
}

/**
 * Find what lies nearest within reach: a corner before any edge, for what shares corners has no slivers between.
 * @param {Point} at @param {Point[][]} drawn paths @param {number} reach
 * @returns {Snapped | null}
 */
export function nearest([x, y], drawn, reach) {
  /** @type {Snapped | null} */ let corner = null;
  /** @type {Snapped | null} */ let edge = null;
  let [near, beside] = [reach, reach];
  for (const path of drawn)
    for (let k = 0; k < path.length; k++) {
      const [a, b] = path[k];
      const far = Math.hypot(a - x, b - y);
      if (far <= near) [near, corner] = [far, { at: [a, b], on: "corner" }];
      if (!k || corner) continue;
      const [c, d] = path[k - 1];
      const [wide, high] = [a - c, b - d];
      const share = ((x - c) * wide + (y - d) * high) / (wide * wide + high * high || 1);
      if (share <= 0 || share >= 1) continue;
      /** @type {Point} */ const foot = [c + share * wide, d + share * high];
      const off = Math.hypot(foot[0] - x, foot[1] - y);
      if (off <= beside) [beside, edge] = [off, { at: foot, on: "edge" }];
    }
  return corner ?? edge;
}

/**
 * Load what is stored within bounds, in the base's CRS and to its last digit.
 * @param {number[]} bounds west, south, east, north in degrees @param {any} about the base @param {string[]} layers @param {{layer: string, id: string}} but the feature that is changed
 * @returns {Promise<{drawn: Point[][], whole: boolean}>} whole: nothing was left out, as more lies there than is read at once
 */
export async function load(bounds, about, layers, but) {
  const one = async (/** @type {string} */ layer) => {
    const answer = await server.ask(`collections/${layer}/items?bbox=${bounds}&limit=${MOST}&crs=${encodeURIComponent(uri(about.crs))}`);
    const other = answer.features.filter((/** @type {any} */ f) => f.geometry && !(layer === but.layer && f.id === but.id));
    return { drawn: other.flatMap((/** @type {any} */ f) => paths(turned(f.geometry, about))), whole: !answer.links.some((/** @type {any} */ link) => link.rel === "next") };
  };
  const all = await Promise.all(layers.map(one));
  return { drawn: all.flatMap((layer) => layer.drawn), whole: all.every((layer) => layer.whole) };
}
