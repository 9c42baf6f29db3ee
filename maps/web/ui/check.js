/** Check a site: drawn with snapping, typed, pasted or dropped; the verdict and its parts on the map. */

import { cardOf } from "../map/card.js";
import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { parse } from "./coordinates.js";
import { boundsOf, draw, feature } from "./outlines.js";

const SNAP = 12; // pixels
const state = {
  /** @type {[number, number][]} */ points: [],
  drawing: false,
  /** @type {any} */ site: null,
  /** @type {any} */ verdict: null,
  /** @type {[number, number][]} */ corners: [],
};

/**
 * Wire the view up.
 * @param {{map: () => any, about: () => any, words: () => Record<string, string>, language: () => "en" | "zh", day: () => string, states: () => Map<string, string>}} page
 */
export function checkView(page) {
  const told = (text) => (byId("check-note").textContent = text);

  function paint() {
    const map = page.map();
    const line = state.points.length > 1 ? [feature({ type: "LineString", coordinates: state.points })] : [];
    const dots = state.drawing ? state.points.map((p) => feature({ type: "Point", coordinates: p })) : [];
    const parts = (state.verdict?.parts || []).map((part) => feature(part.geometry, { severity: part.severity }));
    const site = state.site && !parts.length ? [feature(state.site.geometry, { chosen: true, severity: "pass" })] : [];
    draw(map, [...parts, ...site, ...(state.drawing ? [...line, ...dots] : [])]);
  }

  /** Load the exact corners of the plots in view: tiles round theirs to decimetres. */
  async function corners() {
    const map = page.map();
    if (map.getZoom() < 15) return;
    const b = map.getBounds();
    const answer = await server.ask(`collections/parcels/items?bbox=${[b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]}&limit=500`).catch(() => null);
    const rings = (g) => (g.type === "Polygon" ? g.coordinates : g.coordinates.flat());
    state.corners = answer ? answer.features.flatMap((f) => rings(f.geometry).flat()) : [];
  }

  /** @param {any} event @returns {[number, number]} */
  function snapped(event) {
    const map = page.map();
    const near = state.corners.map((c) => ({ c, d: distance(map.project(c), event.point) })).filter((one) => one.d <= SNAP);
    near.sort((a, b) => a.d - b.d);
    return near.length ? near[0].c : [event.lngLat.lng, event.lngLat.lat];
  }

  function begin() {
    Object.assign(state, { points: [], drawing: true, site: null, verdict: null });
    page.map().getCanvas().style.cursor = "crosshair";
    page.map().doubleClickZoom.disable();
    corners();
    told(page.words().draw_hint);
    paint();
  }

  function end() {
    state.drawing = false;
    page.map().doubleClickZoom.enable();
    const points = state.points.filter((p, k, all) => !k || p.join() !== all[k - 1].join());
    if (points.length < 3) return told(page.words().draw_few);
    state.site = { geometry: { type: "Polygon", coordinates: [[...points, points[0]]] }, crs: "EPSG:4326" };
    byId("check-text").value = points.map((p) => p.map((n) => n.toFixed(8)).join(", ")).join("\n");
    ask();
  }

  function undo() {
    state.points.pop();
    paint();
  }

  async function ask() {
    const words = page.words();
    if (!state.site) return told(words.draw_few);
    told(words.loading);
    const form = new FormData(byId("check-form"));
    const body = {
      ...state.site, answer_crs: "EPSG:4326", ...(page.day() ? { on: page.day() } : {}), ...(form.get("use") ? { use: form.get("use") } : {}),
      ...(form.get("level") ? { level: Number(form.get("level")) } : {}), ...(form.get("mu") ? { required_mu: Number(form.get("mu")) } : {}),
    };
    try {
      state.verdict = await server.send("checks", body);
    } catch (failure) {
      state.verdict = null;
      paint();
      return told(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
    }
    told("");
    paint();
    show();
    if (state.verdict.parts.length) page.map().fitBounds(boundsOf({ coordinates: state.verdict.parts.map((p) => p.geometry.coordinates) }), { padding: 80, maxZoom: 17 });
  }

  function show() {
    if (!state.verdict) return;
    const clear = () => (Object.assign(state, { verdict: null, site: null, points: [] }), byId("check-answer").replaceChildren(), paint());
    const save = make("button", { type: "button", onclick: download }, page.words().download);
    byId("check-answer").replaceChildren(save, ...cardOf({ ...state.verdict, id: "" }, page.language(), { ...page.words(), plot: page.words().site }, page.states(), clear));
  }

  function download() {
    const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify(state.verdict, null, 2)], { type: "application/json" })), download: "verdict.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function typed(text) {
    const read = parse(text, page.about().crs);
    if (!read) return told(page.words().coordinates_bad);
    Object.assign(state, { site: read, points: [], drawing: false, verdict: null });
    ask();
  }

  byId("check-draw").addEventListener("click", begin);
  byId("check-undo").addEventListener("click", undo);
  byId("check-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("check-text").value;
    if (state.drawing && state.points.length > 2) end();
    else if (text.trim()) typed(text);
    else told(page.words().draw_few);
  });
  for (const kind of ["dragover", "drop"])
    byId("work").addEventListener(kind, async (event) => {
      event.preventDefault();
      const file = kind === "drop" && event.dataTransfer?.files?.[0];
      if (file) typed((byId("check-text").value = await file.text()));
    });
  document.addEventListener("keydown", (event) => {
    if (!state.drawing || event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
    if (event.key === "Enter") end();
    if (event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))) undo();
    if (event.key === "Escape") Object.assign(state, { drawing: false, points: [] }), paint();
  });
  return {
    open: () => paint(),
    close: () => (Object.assign(state, { drawing: false }), draw(page.map(), [])),
    paint: () => document.body.dataset.view === "check" && (paint(), show()),
    drawing: () => state.drawing,
    /** @param {any} event */
    click: (event) => {
      const point = snapped(event);
      const last = state.points[state.points.length - 1];
      if (last && distance(page.map().project(last), event.point) < 3) return end();
      state.points.push(point);
      paint();
    },
    moved: () => state.drawing && corners(),
  };
}

/** @param {{x: number, y: number}} a @param {{x: number, y: number}} b */
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
