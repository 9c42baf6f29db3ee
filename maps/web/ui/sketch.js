/** Drawing on the map: corners are set, moved, added and taken away; they snap to what is stored, and each step can be taken back. */

import { covers } from "../map/plane.js";
import * as server from "../map/server.js";
import { point } from "./coordinates.js";
import { draw, feature } from "./outlines.js";
import * as shape from "./shape.js";
import * as snap from "./snap.js";

const SNAP = 12; // pixels
const AGAIN = 3; // pixels: a click on the last corner ends, and what moves less is held
const [GRIP, FINGER] = [9, 22]; // pixels from a corner within which it is held, by a mouse and by a finger
const NEAR = 15; // zoom from which it snaps
const MIDDLES = 400; // corners of an outline so long that the middles of its sides are not offered

/** @typedef {import("./shape.js").Point} Point */
/** What is drawn: the figure, a part or a hole of the one there is, or a path that `done` takes. @typedef {"outline" | "part" | "hole" | "path"} As */

/**
 * Make what draws.
 * @param {any} page
 * @param {object} use
 * @param {(word: string) => void} use.told says something by its key
 * @param {(path: Point[]) => void} [use.done] takes a path, in the base's CRS
 * @param {() => void} [use.changed] the figure is another
 * @param {() => void} [use.painted] where one stands in it is another
 * @param {() => number} [use.length] metres of the next side, 0 where the click tells
 * @param {() => {layer: string, id: string}} [use.but] the feature that is changed, to whose stored outline nothing snaps
 */
export function sketch(page, use) {
  /** @type {import("./shape.js").Kind} */ let kind = "polygon";
  /** @type {import("./shape.js").Parts} */ let parts = [];
  /** @type {import("./shape.js").Parts} */ let taken = parts; // as it was before any step
  /** @type {Point[]} */ let path = [];
  /** @type {"" | "draw" | "change"} */ let mode = "";
  /** @type {As} */ let as = "outline";
  /** @type {import("./shape.js").Kind | "any"} */ let wanted = "polygon"; // of the path; any: a point or a line
  /** @type {import("./shape.js").Place | null} */ let chosen = null;
  /** @type {any[]} the states before each step */ let past = [];
  /** @type {import("../map/plane.js").Plane | null} */ let plane = null;
  /** @type {Point[][]} */ let stored = [];
  /** @type {number[]} bounds of what is loaded to snap to */ let within = [];
  /** @type {number[]} bounds of all that was seen while one drew */ let spread = [];
  /** @type {(() => void)[]} what is done once that is loaded */ let waiting = [];
  /** @type {snap.Snapped | null} what the pointer would snap to */ let aim = null;
  /** @type {{before: any, moved: boolean, from: any} | null} the corner that is held */ let held = null;
  let loaded = false; // what lies in view, since one began
  let begun = 0; // steps before the path
  let far = false; // it was told that nothing snaps
  let turn = 0;

  const way = () => /** @type {import("../map/plane.js").Plane} */ (plane);
  const shown = (/** @type {Point} */ at) => way().from(at);
  const least = () => shape.LEAST[wanted === "any" ? "point" : wanted];
  const state = () => ({ kind, parts, path, chosen, mode, as, wanted });
  const painted = () => (paint(), use.painted?.());

  /** Do something once corners can be placed and snapped, at once where they can. @param {() => void} act */
  const soon = (act) => (loaded ? act() : void waiting.push(act));

  /** Take a step that can be taken back. @param {() => void} act */
  function step(act) {
    const before = state();
    act();
    past.push(before);
    if (before.parts !== parts) use.changed?.();
    painted();
  }

  function undo() {
    const last = past.pop();
    if (!last) return;
    const was = parts;
    ({ kind, parts, path, chosen, mode, as, wanted } = last);
    listen();
    if (was !== parts) use.changed?.();
    painted();
  }

  /** Load how the base's CRS lies around the view and the figure, and what is stored in view. */
  async function load() {
    const [map, mine] = [page.map(), ++turn];
    const [west, south, east, north] = map.getBounds().toArray().flat();
    const [wide, high] = [(east - west) / 4, (north - south) / 4];
    const view = [west - wide, south - high, east + wide, north + high];
    const [box, near] = [united(view, spread), map.getZoom() >= NEAR];
    if (!plane || !covers(plane.box, box)) {
      const made = await server.plane(united([view[0] - 4 * wide, view[1] - 4 * high, view[2] + 4 * wide, view[3] + 4 * high], spread));
      if (mine !== turn) return;
      [plane, spread] = [made, made.box];
    }
    const but = use.but?.() ?? { layer: "", id: "" };
    const found = near ? await snap.load(view, page.about(), [...new Set([...snap.LAYERS, ...(but.layer ? [but.layer] : [])])], but) : { drawn: [], whole: false };
    if (mine !== turn) return;
    [stored, within] = [found.drawn, near ? view : []];
    if (!found.whole || far) use.told(found.whole ? `${mode}_hint` : "snap_closer");
    far = !found.whole;
  }

  /** Load, and do what waits for it; a failure is told. */
  async function loading() {
    const mine = turn + 1;
    await load().catch((failure) => (console.error(failure), use.told("failed")));
    if (mine !== turn || !plane) return;
    loaded = true;
    for (const act of waiting.splice(0)) act();
    painted();
  }

  /** Where a corner would be set: on what is stored, or, with Alt, where one points. @param {any} event @returns {snap.Snapped} */
  function aimed(event) {
    const map = page.map();
    const at = way().to([event.lngLat.lng, event.lngLat.lat]);
    const beside = map.unproject([event.point.x + SNAP, event.point.y]);
    const [x, y] = way().to([beside.lng, beside.lat]);
    const own = mode === "draw" ? [...snap.paths(shape.geometryOf("line", [[path]])), ...parts.flatMap((rings) => rings.map((ring) => (kind === "polygon" ? [...ring, ring[0]] : ring)))] : [];
    return event.originalEvent?.altKey ? { at, on: null } : (snap.nearest(at, [...stored, ...own], Math.hypot(x - at[0], y - at[1])) ?? { at, on: null });
  }

  /** Bound two boxes on the globe; an empty one is none. @param {number[]} a @param {number[]} b */
  const united = (a, b) => [-180, -89, 180, 89].map((edge, k) => (k < 2 ? Math.max(edge, Math.min(a[k], b[k] ?? a[k])) : Math.min(edge, Math.max(a[k], b[k] ?? a[k]))));
  const apart = (/** @type {any} */ a, /** @type {any} */ b) => Math.hypot(a.x - b.x, a.y - b.y);
  const pixels = (/** @type {Point} */ at) => page.map().project(shown(at));

  /** Set a corner, or end on the last or the first one. @param {any} event */
  function click(event) {
    if (mode !== "draw") return;
    const last = path[path.length - 1];
    if (last && apart(pixels(last), event.point) < AGAIN) return end();
    if (wanted === "polygon" && path.length >= least() && apart(pixels(path[0]), event.point) < GRIP) return end();
    const metres = use.length?.() || 0;
    const { at } = aimed(event);
    step(() => (path = [...path, last && metres > 0 ? shape.along(last, at, metres) : at]));
  }

  /** End the path, and make of it what it was drawn as. */
  function end() {
    const kept = path.filter((at, k, all) => !k || at.join() !== all[k - 1].join());
    if (kept.length < least()) return stop(), use.told(least() > 1 && wanted !== "polygon" ? "draw_more" : "draw_few");
    if (as === "path") return stop(), use.done?.(kept);
    const inside = as === "hole" ? shape.around(parts, kept[0]) : 0;
    if (inside < 0) return stop(), use.told("hole_inside");
    step(() => {
      const fresh = as === "outline" || !parts.length;
      if (fresh) kind = wanted === "any" ? (kept.length > 1 ? "line" : "point") : wanted;
      if (as === "hole" && !fresh) parts = parts.map((rings, p) => (p === inside ? [...rings, kept] : rings));
      else parts = [...(fresh ? [] : parts), ...shape.made(kind, kept)];
      [path, chosen, mode, aim] = [[], null, "change", null];
    });
    use.told("outline_drawn");
  }

  /** Take hold of the corner that one points at, or of a new one in the middle of a side. @param {any} event */
  function grab(event) {
    if (mode !== "change" || !plane || event.points?.length > 1) return;
    const reach = event.type === "touchstart" ? FINGER : GRIP;
    const near = (/** @type {Point} */ at) => apart(pixels(at), event.point);
    const best = (/** @type {any[]} */ all) => all.map((one) => ({ ...one, far: near(one.at) })).filter((one) => one.far <= reach).sort((a, b) => a.far - b.far)[0];
    const there = shape.places(parts).map((place) => ({ place, at: shape.corner(parts, place) }));
    const grip = best(there) ?? (there.length < MIDDLES && best(shape.sides(kind, parts).map(({ place, from, to }) => ({ place, at: middle(from, to), added: true }))));
    if (!grip) return;
    event.preventDefault();
    held = { before: state(), moved: Boolean(grip.added), from: event.point };
    if (grip.added) parts = shape.add(parts, grip.place, grip.at);
    chosen = grip.place;
    for (const what of ["mouseup", "touchend"]) addEventListener(what, drop, { once: true });
    painted();
  }

  /** @param {any} event */
  function moved(event) {
    if (mode === "draw" && plane) {
      aim = aimed(event);
      return paint();
    }
    if (!held || !chosen || (!held.moved && apart(held.from, event.point) < AGAIN)) return;
    held.moved = true;
    parts = shape.move(parts, chosen, (aim = aimed(event)).at);
    paint();
  }

  function drop() {
    for (const what of ["mouseup", "touchend"]) removeEventListener(what, drop);
    const before = held?.moved ? held.before : null;
    [held, aim] = [null, null];
    if (before) past.push(before), use.changed?.();
    painted();
  }

  const middle = (/** @type {Point} */ a, /** @type {Point} */ b) => /** @type {Point} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);

  /** Add a corner in the middle of the side behind the chosen one; of a line's last corner before it. */
  function add() {
    if (!chosen) return;
    const [part, ring, k] = chosen;
    const side = [k + 1, k].map((n) => shape.sides(kind, parts).find(({ place }) => place.join() === [part, ring, n].join())).find(Boolean);
    if (side) step(() => ([parts, chosen] = [shape.add(parts, side.place, middle(side.from, side.to)), side.place]));
  }

  function remove() {
    const place = chosen;
    if (!place) return;
    step(() => {
      parts = shape.remove(kind, parts, place);
      const [part, ring, k] = place;
      chosen = parts[part]?.[ring] ? [part, ring, Math.min(k, parts[part][ring].length - 1)] : (shape.places(parts)[0] ?? null);
    });
  }

  /** Choose the corner before or after the chosen one. @param {number} by */
  function choose(by) {
    const all = shape.places(parts);
    const at = all.findIndex((place) => place.join() === chosen?.join());
    chosen = all.length ? all[at < 0 ? 0 : (at + by + all.length) % all.length] : null;
    if (chosen && !page.map().getBounds().contains(shown(shape.corner(parts, chosen)))) page.map().panTo(shown(shape.corner(parts, chosen)));
    painted();
  }

  /** Set the next corner, or move the chosen one, to a typed point; false where that is none. @param {string} text */
  function type(text) {
    const at = plane && point(text, plane);
    if (!at) return false;
    const place = chosen;
    if (mode === "draw") step(() => (path = [...path, at]));
    else if (place) step(() => (parts = shape.move(parts, place, at)));
    if (!page.map().getBounds().contains(shown(at))) page.map().panTo(shown(at));
    return true;
  }

  /** Give the side before the chosen corner a length [m], in its direction. @param {number} metres */
  function lengthen(metres) {
    const place = chosen;
    const from = place && shape.before(kind, parts, place);
    if (place && from && metres > 0) step(() => (parts = shape.move(parts, place, shape.along(from, shape.corner(parts, place), metres))));
  }

  function paint() {
    const map = page.map();
    if (!mode || !plane) return draw(map, [], "sketch");
    const line = (/** @type {Point[]} */ at) => feature({ type: "LineString", coordinates: at.map(shown) });
    const dot = (/** @type {Point} */ at, role = "corner") => feature({ type: "Point", coordinates: shown(at) }, { role });
    const rings = parts.flatMap((part) => part.map((ring) => (kind === "polygon" ? [...ring, ring[0]] : ring))).filter((ring) => ring.length > 1);
    const target = aim?.on ? [dot(aim.at, aim.on)] : [];
    if (mode === "draw") {
      const way_ = aim && path.length ? [...path, aim.at] : path;
      return draw(map, [...(as === "outline" ? [] : rings.map(line)), ...(way_.length > 1 ? [line(way_)] : []), ...path.map((at) => dot(at)), ...target], "sketch");
    }
    const all = shape.places(parts);
    const middles = all.length < MIDDLES ? shape.sides(kind, parts).map(({ from, to }) => dot(middle(from, to), "middle")) : [];
    draw(map, [...rings.map(line), ...middles, ...all.map((place) => dot(shape.corner(parts, place), place.join() === chosen?.join() ? "chosen" : "corner")), ...target], "sketch");
  }

  /** Listen to the map's pointer while one draws or changes. */
  function listen() {
    const [map, on] = [page.map(), mode !== ""];
    for (const [what, act] of /** @type {[string, any][]} */ ([["mousedown", grab], ["touchstart", grab], ["mousemove", moved], ["touchmove", moved]])) {
      map.off(what, act);
      if (on) map.on(what, act);
    }
    map.getCanvas().style.cursor = mode === "draw" ? "crosshair" : "";
    map.doubleClickZoom[on ? "disable" : "enable"]();
  }

  /** Begin to draw, or to change what is drawn. @param {"draw" | "change"} how */
  function begin(how) {
    [mode, path, aim, chosen, loaded, waiting] = [how, [], null, null, false, []];
    listen();
    loading();
    painted();
  }

  function stop() {
    if (!page.map()) return;
    if (mode === "draw") past.length = begun;
    [mode, path, aim, chosen, held, waiting] = ["", [], null, null, null, []];
    listen();
    painted();
  }

  document.addEventListener("keydown", (event) => {
    if (!mode || (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT|BUTTON|SUMMARY|A)$/.test(event.target.tagName))) return;
    const map = page.map();
    const centre = () => click({ lngLat: map.getCenter(), point: map.project(map.getCenter()) });
    const back = event.key === "z" && (event.ctrlKey || event.metaKey);
    const act = back ? undo : mode === "draw" ? { Enter: end, Backspace: undo, Escape: stop, " ": centre }[event.key] : { Enter: stop, Escape: stop, Delete: remove, Backspace: remove }[event.key];
    if (!act) return;
    event.stopPropagation();
    event.preventDefault();
    act === stop ? stop() : soon(act); // who gives up waits for nothing
  }, true);

  return {
    stop, undo: () => soon(undo), paint, add, remove, lengthen,
    choose: (/** @type {number} */ by) => soon(() => choose(by)),
    type: (/** @type {string} */ text) => new Promise((told) => soon(() => told(type(text)))),
    end: () => soon(end),
    /** Draw something new. @param {As} how @param {import("./shape.js").Kind | "any"} of */
    draw(how, of) {
      [as, wanted, begun] = [how, of, past.length];
      begin("draw");
    },
    change: () => begin("change"),
    /** Take a stored figure, or none, to be changed. @param {any} geometry in the base's CRS, east first @param {number[]} bounds in degrees, empty for none */
    take(geometry, bounds = []) {
      stop();
      [past, plane, spread, loaded] = [[], null, bounds, false];
      ({ kind, parts } = geometry ? shape.partsOf(geometry) : { kind, parts: [] });
      taken = parts;
    },
    mode: () => mode,
    kind: () => kind,
    drawing: () => mode !== "",
    altered: () => parts !== taken,
    count: () => path.length,
    /** The figure in the base's CRS, east first; null where there is none. */
    geometry: () => (parts.length ? shape.geometryOf(kind, parts) : null),
    /** The figure in longitude and latitude, once it can be reckoned. */
    placed: () => (parts.length && plane ? shape.geometryOf(kind, parts.map((rings) => rings.map((ring) => ring.map(shown)))) : null),
    /** Write corners in longitude and latitude. @param {Point[]} corners */
    shown: (corners) => corners.map(shown),
    /** Where one stands: which corner of how many, its place, the length of the side before it, the steps that can be taken back. */
    standing: () => {
      const from = chosen && shape.before(kind, parts, chosen);
      const at = chosen && shape.corner(parts, chosen);
      const all = shape.places(parts);
      return { at, which: all.findIndex((place) => place.join() === chosen?.join()) + 1, many: all.length, length: from && at ? Math.hypot(at[0] - from[0], at[1] - from[1]) : null, steps: past.length };
    },
    /** @param {any} event */
    click: (event) => soon(() => click(event)),
    /** The map was moved. */
    moved: () => void (mode && !(within.length && covers(within, page.map().getBounds().toArray().flat())) && loading()),
    /** What is stored was changed. */
    changed: () => void (mode && loading()),
  };
}
