/** Drawing on the map: corners snap to the exact corners of plots, a length may be typed, each corner can be taken back. */

import * as server from "../map/server.js";
import { draw, feature } from "./outlines.js";

const SNAP = 12; // pixels
const AGAIN = 3; // pixels: a click on the last corner ends
const NEAR = 15; // zoom from which corners are loaded
const DEGREE = 111_320; // metres of latitude

/** @typedef {[number, number]} Point */

/**
 * Make a pen.
 * @param {{map: () => any}} page
 * @param {{least: number, done: (points: Point[]) => void, few: () => void, length?: () => number}} use
 *   least: corners of the smallest figure; length: metres of the next side, 0 where the click tells
 */
export function pen(page, use) {
  /** @type {Point[]} */ let points = [];
  /** @type {Point[]} */ let corners = [];
  let drawing = false;

  function paint() {
    const line = points.length > 1 ? [feature({ type: "LineString", coordinates: points })] : [];
    draw(page.map(), drawing ? [...line, ...points.map((p) => feature({ type: "Point", coordinates: p }))] : [], "sketch");
  }

  /** Load the exact corners of the plots in view: tiles round theirs to decimetres. */
  async function load() {
    const map = page.map();
    if (map.getZoom() < NEAR) return;
    const b = map.getBounds();
    const answer = await server.ask(`collections/parcels/items?bbox=${[b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]}&limit=500`).catch(() => null);
    const rings = (/** @type {any} */ g) => (g.type === "Polygon" ? g.coordinates : g.coordinates.flat());
    corners = answer ? answer.features.flatMap((/** @type {any} */ f) => rings(f.geometry).flat()) : [];
  }

  /** @param {any} event @returns {Point} */
  function snapped(event) {
    const map = page.map();
    const near = corners.map((c) => ({ c, d: distance(map.project(c), event.point) })).filter((one) => one.d <= SNAP);
    near.sort((a, b) => a.d - b.d);
    return near.length ? near[0].c : [event.lngLat.lng, event.lngLat.lat];
  }

  function begin() {
    [points, drawing] = [[], true];
    page.map().getCanvas().style.cursor = "crosshair";
    page.map().doubleClickZoom.disable();
    load();
    paint();
  }

  function stop() {
    drawing = false;
    page.map().doubleClickZoom.enable();
    paint();
  }

  function end() {
    stop();
    const kept = points.filter((p, k, all) => !k || p.join() !== all[k - 1].join());
    kept.length < use.least ? use.few() : use.done(kept);
  }

  function undo() {
    points.pop();
    paint();
  }

  document.addEventListener("keydown", (event) => {
    if (!drawing || (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(event.target.tagName))) return;
    const act = { Enter: end, Backspace: undo, Escape: stop }[event.key] || (event.key === "z" && (event.ctrlKey || event.metaKey) ? undo : null);
    if (!act) return;
    event.stopPropagation();
    event.preventDefault();
    act();
  }, true);

  return {
    begin, end, stop, undo, paint, drawing: () => drawing, count: () => points.length, moved: () => drawing && load(),
    /** @param {any} event */
    click: (event) => {
      const last = points[points.length - 1];
      if (last && distance(page.map().project(last), event.point) < AGAIN) return end();
      const metres = use.length?.() || 0;
      points.push(last && metres > 0 ? along(last, [event.lngLat.lng, event.lngLat.lat], metres) : snapped(event));
      paint();
    },
  };
}

/**
 * Go a length from one point towards another; a side of a site is short, so the ground is taken as flat.
 * @param {Point} from @param {Point} to @param {number} metres
 * @returns {Point}
 */
export function along(from, to, metres) {
  const shrink = Math.cos((from[1] * Math.PI) / 180);
  const [dx, dy] = [(to[0] - from[0]) * DEGREE * shrink, (to[1] - from[1]) * DEGREE];
  const share = metres / (Math.hypot(dx, dy) || 1);
  return [from[0] + (dx * share) / (DEGREE * shrink), from[1] + (dy * share) / DEGREE];
}

/** @param {{x: number, y: number}} a @param {{x: number, y: number}} b */
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
