/** Coordinates as people type them: degrees or metres of a zone, either order, one point a line or a GeoJSON. */

import { swapped, uri } from "../map/plane.js";

/**
 * Read typed coordinates.
 * @param {string} text
 * @param {string} baseCrs the base's CRS, for eastings without a zone
 * @returns {{geometry: any, crs: string} | null} null where it is no polygon
 */
export function parse(text, baseCrs) {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return fromJson(trimmed);
  const points = trimmed.split(/[\n;;]+/).map(numbers).filter((pair) => pair.length >= 2).map((pair) => /** @type {[number, number]} */ (pair.slice(-2)));
  if (points.length && points[0].join() === points[points.length - 1].join()) points.pop();
  if (points.length < 3) return null;
  const { placed, crs } = inCrs(points, baseCrs);
  return { geometry: { type: "Polygon", coordinates: [[...placed, placed[0]]] }, crs };
}

/**
 * Put typed pairs east first, and tell the CRS that they are in.
 * @param {[number, number][]} points @param {string} baseCrs
 * @returns {{placed: [number, number][], crs: string}}
 */
function inCrs(points, baseCrs) {
  const degrees = points.every(([a, b]) => Math.abs(a) <= 180 && Math.abs(b) <= 180);
  const northFirst = (/** @type {[number, number]} */ [a, b]) => Math.abs(b) > 90 || (Math.abs(a) < 60 && Math.abs(b) > 60);
  const placed = degrees ? points.map((pair) => (northFirst(pair) ? swap(pair) : pair)) : points.map(eastFirst);
  const zone = Math.floor(placed[0][0] / 1e6);
  return { placed, crs: degrees ? "EPSG:4326" : zone >= 25 && zone <= 45 ? `EPSG:${4488 + zone}` : baseCrs };
}

/**
 * Read one typed point in the base's CRS: out of its metres, with the number of its zone or without, or out of degrees.
 * @param {string} text @param {import("../map/plane.js").Plane} plane
 * @returns {[number, number] | null} null where it is none of these
 */
export function point(text, plane) {
  const pair = numbers(text.trim()).slice(-2);
  if (pair.length < 2) return null;
  const { placed: [at], crs } = inCrs([/** @type {[number, number]} */ (pair)], plane.crs);
  if (crs === plane.crs) return at;
  if (crs === "EPSG:4326") return plane.to(at);
  const zone = Number(crs.replace("EPSG:", "")) - 4488;
  return plane.crs === `EPSG:${4509 + zone}` ? [at[0] - zone * 1e6, at[1]] : null; // the same zone, whose eastings the base writes without its number
}

/** Degrees, minutes and seconds, either half of which may be missing, and N, S, E or W: 117°01'30.5", 36°49′N. */
const SEXAGESIMAL = /(-?\d+(?:\.\d+)?)\s*[°º度]\s*(?:(\d+(?:\.\d+)?)\s*['′’分]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:["″”秒]|'')\s*)?([NSEW])?/gi;

/** @param {string} line */
function numbers(line) {
  const degrees = [...line.matchAll(SEXAGESIMAL)].map(([, whole, minutes, seconds, side]) => {
    const sign = whole.startsWith("-") || /[SW]/i.test(side ?? "") ? -1 : 1;
    return sign * (Math.abs(Number(whole)) + Number(minutes ?? 0) / 60 + Number(seconds ?? 0) / 3600);
  });
  return degrees.length ? degrees : (line.match(/-?\d+(?:\.\d+)?/g) || []).map(Number);
}

/**
 * Put the coordinates of an outline in the order of their CRS's authority, as what is stored must have them; null where nobody knows that order here.
 * @param {{geometry: any, crs: string}} site east before north @param {{crs: string, north_first: boolean}} about
 * @returns {{geometry: any, crs: string} | null} crs: its address
 */
export function ordered(site, about) {
  if (site.crs === "EPSG:4326") return { geometry: site.geometry, crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84" };
  const code = Number(site.crs.replace("EPSG:", ""));
  const zone = code >= 4491 && code <= 4554; // CGCS2000, of 6 and of 3 degrees
  if (!zone && site.crs !== about.crs) return null;
  return { geometry: zone || about.north_first ? swapped(site.geometry) : site.geometry, crs: uri(site.crs) };
}

/** @param {[number, number]} pair @returns {[number, number]} */
const swap = ([a, b]) => [b, a];

/**
 * Put the easting first: northings in China lie between 1,800 and 6,000 km.
 * @param {[number, number]} pair
 * @returns {[number, number]}
 */
const eastFirst = ([a, b]) => (a > 1.5e6 && a < 1e7 && !(b > 1.5e6 && b < 1e7) ? [b, a] : [a, b]);

/** @param {string} text */
function fromJson(text) {
  try {
    const read = JSON.parse(text);
    const geometry = read.type === "FeatureCollection" ? read.features?.[0]?.geometry : read.type === "Feature" ? read.geometry : read;
    const named = /EPSG:+(\d+)/.exec(read.crs?.properties?.name || "");
    return /Polygon$/.test(geometry?.type) ? { geometry, crs: named ? `EPSG:${named[1]}` : "EPSG:4326" } : null;
  } catch {
    return null;
  }
}
