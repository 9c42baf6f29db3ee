/** The base's own coordinates, reckoned on this side: exact corners, typed metres and lengths need them at every stroke. */

/** @typedef {[number, number]} Point */
/** @typedef {{box: number[], x: number[][], y: number[][]}} Chart a box, west, south, east, north, and what its Chebyshev nodes become */
/** @typedef {{crs: string, forth: Chart, back: Chart}} Told what the server tells of a box */
/** @typedef {ReturnType<typeof planeOf>} Plane */

/**
 * Make the ways between longitude and latitude and the base's CRS, each the polynomial through what the server tells; east before north.
 * @param {Told} told
 */
export const planeOf = (told) => ({
  crs: told.crs, box: told.forth.box,
  /** From longitude and latitude to the base. */ to: between(told.forth),
  /** From the base to longitude and latitude. */ from: between(told.back),
});

/**
 * Interpolate by the barycentric formula (Berrut and Trefethen 2004, SIAM Review 46, eq. 4.2 and 5.3), one side after the other.
 * @param {Chart} chart
 * @returns {(at: Point) => Point}
 */
function between({ box: [west, south, east, north], x, y }) {
  const many = x.length;
  const angles = Array.from({ length: many }, (_, k) => ((2 * k + 1) * Math.PI) / (2 * many));
  const shares = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => {
    const at = (2 * value - low - high) / (high - low);
    const apart = angles.map((angle) => at - Math.cos(angle));
    const on = apart.indexOf(0);
    const weights = angles.map((angle, k) => (on >= 0 ? Number(k === on) : ((k % 2 ? -1 : 1) * Math.sin(angle)) / apart[k]));
    const sum = weights.reduce((all, one) => all + one, 0);
    return weights.map((one) => one / sum);
  };
  return ([a, b]) => {
    const [across, up] = [shares(a, west, east), shares(b, south, north)];
    const of = (/** @type {number[][]} */ values) => values.reduce((all, row, i) => all + across[i] * row.reduce((sum, value, j) => sum + up[j] * value, 0), 0);
    return [of(x), of(y)];
  };
}

/** Whether a box holds all of some bounds, each west, south, east, north. @param {number[]} box @param {number[]} bounds */
export const covers = (box, bounds) => box[0] <= bounds[0] && box[1] <= bounds[1] && box[2] >= bounds[2] && box[3] >= bounds[3];

/** Name a CRS as the server's collections do. @param {string} crs */
export const uri = (crs) => `http://www.opengis.net/def/crs/EPSG/0/${crs.replace("EPSG:", "")}`;

/** Put the other coordinate first, and leave heights out. @param {any} geometry */
export function swapped(geometry) {
  const swap = (/** @type {any} */ part) => (typeof part[0] === "number" ? [part[1], part[0]] : part.map(swap));
  return { ...geometry, coordinates: swap(geometry.coordinates) };
}

/** Put east first in a geometry of the base's CRS, or in the order of its authority again. @param {any} geometry @param {{north_first: boolean}} about */
export const turned = (geometry, about) => (about.north_first ? swapped(geometry) : geometry);
