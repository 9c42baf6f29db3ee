/** The outline of the feature that is edited: drawn, changed corner by corner, typed, and what it would break told as one draws. */

import { uri, turned } from "../map/plane.js";
import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { boundsOf } from "./outlines.js";
import { sketch } from "./sketch.js";

const PAUSE = 300; // ms after a stroke until it is asked what that would break
const KINDS = { polygon: "polygon", line: "line", any: "any" };

/** @typedef {{layer: string, id: string, shape: "polygon" | "line" | "any" | "none" | "raster"}} Of the feature, and what its layer holds */

/**
 * Wire the fields up.
 * @param {any} page
 * @param {() => Of} of the feature that is edited
 * @param {{changed: () => void, cut: (line: import("./shape.js").Point[]) => void}} use cut: a line across it was drawn
 */
export function corners(page, of, use) {
  /** @type {string} the key of what was said last */ let word = "";
  /** @type {any[]} */ let faults = [];
  let sound = false; // it was asked, and nothing is broken
  /** @type {any} why it could not be told */ let trouble = null;
  let marked = false; // faults are marked on the map
  /** @type {any} */ let timer = 0;
  let turn = 0;
  const brush = sketch(page, {
    told: (key) => ((word = key), paint()), done: use.cut, painted: paint, but: of,
    changed: () => (use.changed(), soon()), length: () => (brush.mode() === "draw" ? Number(byId("corner-length").value) : 0),
  });

  /** Ask what the outline would break, once the hand rests. */
  function soon() {
    clearTimeout(timer);
    turn++;
    [faults, sound, trouble] = [[], false, null];
    if (of().shape === "polygon") timer = setTimeout(ask, PAUSE);
    tell();
  }

  async function ask() {
    const [mine, geometry] = [turn, brush.altered() && brush.geometry()];
    if (!geometry) return tell();
    const body = { type: "Feature", ...(of().id ? { id: of().id } : {}), properties: {}, geometry: turned(geometry, page.about()) };
    try {
      const answer = await (await server.change("POST", `collections/${of().layer}/faults`, body, { "Content-Crs": `<${uri(page.about().crs)}>` })).json();
      if (mine === turn) [faults, sound] = [answer.features, !answer.features.length];
    } catch (failure) {
      if (mine === turn) trouble = failure;
    }
    if (mine === turn) tell();
  }

  /** Tell what is broken, each with its place, and mark it on the map. */
  function tell() {
    if (faults.length || marked) page.mark(faults.map((fault) => fault.geometry), "block", false);
    marked = faults.length > 0;
    const words = page.words();
    const refusal = (text) => make("p", { class: "refusal" }, text);
    byId("sketch-faults").replaceChildren(...(faults.length ? [refusal(words.faults_ahead), faultList(page, faults)] : trouble ? [refusal(trouble instanceof server.Refusal ? trouble.say(page.language()) : words.failed)] : sound ? [make("p", {}, words[of().layer === "parcels" ? "mosaic_whole" : "outline_whole"])] : []));
  }

  function paint() {
    const { shape } = of();
    const [words, mode, { which, many, steps }] = [page.words(), brush.mode(), brush.standing()];
    byId("sketch").hidden = shape === "none";
    byId("sketch-change").hidden = !many;
    byId("sketch-change").setAttribute("aria-pressed", String(mode === "change"));
    byId("sketch-part").hidden = !many;
    byId("sketch-hole").hidden = !many || brush.kind() !== "polygon";
    byId("sketch-undo").hidden = !steps;
    byId("sketch-end").hidden = !mode;
    byId("corner-form").hidden = !mode;
    byId("corner-which").textContent = mode === "change" ? words.corner_of.replace("{which}", which ? String(which) : "–").replace("{many}", String(many)) : `${words.next_corner} ${brush.count() + 1}`;
    for (const id of ["corner-before", "corner-after", "corner-add", "corner-remove"]) byId(id).hidden = mode !== "change";
    for (const id of ["corner-add", "corner-remove", "corner-set"]) byId(id).disabled = mode === "change" && !which;
    if (mode === "change") fill(document.activeElement);
    byId("sketch-note").textContent = words[word] ?? "";
  }

  /** Say in the fields where the chosen corner is, but not in one that somebody types in. @param {Element | null} typing */
  function fill(typing) {
    const { at, length } = brush.standing();
    const values = { "corner-at": written(at), "corner-length": length === null ? "" : length.toFixed(3) };
    for (const [id, value] of Object.entries(values)) if (typing !== byId(id)) byId(id).value = value;
  }

  /** Take what was typed: a length of the side before the chosen corner that is another, else a place. @param {Event} event */
  async function typed(event) {
    event.preventDefault();
    const [text, metres, { length }] = [byId("corner-at").value, byId("corner-length").value, brush.standing()];
    if (brush.mode() === "draw") byId("corner-at").value = "";
    if (length !== null && metres && Number(metres).toFixed(3) !== length.toFixed(3)) brush.lengthen(Number(metres));
    else if (text && text === written(brush.standing().at)) return; // a corner that nobody moved keeps its digits
    else if (!(await brush.type(text))) return (word = "coordinates_bad"), (byId("corner-at").value = text), paint();
    if (brush.mode() === "change") fill(null);
  }

  const kind = () => (brush.geometry() && of().shape === "any" ? brush.kind() : KINDS[/** @type {"any"} */ (of().shape)]);
  const draws = (/** @type {import("./sketch.js").As} */ as, /** @type {any} */ what, hint = "draw_hint") => {
    word = hint;
    brush.draw(as, what);
    fill(null);
  };
  byId("edit-draw").addEventListener("click", () => draws("outline", KINDS[/** @type {"any"} */ (of().shape)]));
  byId("sketch-change").addEventListener("click", () => (brush.mode() === "change" ? brush.stop() : ((word = "change_hint"), brush.change())));
  byId("sketch-part").addEventListener("click", () => draws("part", kind()));
  byId("sketch-hole").addEventListener("click", () => draws("hole", "polygon"));
  byId("sketch-undo").addEventListener("click", brush.undo);
  byId("sketch-end").addEventListener("click", () => (brush.mode() === "draw" ? brush.end() : brush.stop()));
  byId("corner-before").addEventListener("click", () => brush.choose(-1));
  byId("corner-after").addEventListener("click", () => brush.choose(1));
  byId("corner-add").addEventListener("click", brush.add);
  byId("corner-remove").addEventListener("click", brush.remove);
  byId("corner-form").addEventListener("submit", typed);

  return {
    ...brush,
    /** Begin with a stored feature, or with none. @param {any} exact its geometry in the base's CRS @param {any} geometry in longitude and latitude */
    take(exact, geometry) {
      word = "";
      brush.take(exact, geometry ? boundsOf(geometry).flat() : []);
      soon();
    },
    paint: () => (brush.paint(), paint(), tell()),
    cut: () => draws("path", "line", "split_hint"),
    /** The outline as it is sent, in the order of its CRS's authority; null where it is as it was. */
    sent: () => (brush.altered() && brush.geometry() ? turned(brush.geometry(), page.about()) : null),
  };
}

/** Write a point to the millimetre. @param {number[] | null} at */
const written = (at) => (at ? at.map((n) => n.toFixed(3)).join(", ") : "");

/** List faults of the mosaic, each leading to its place. @param {any} page @param {any[]} faults */
export function faultList(page, faults) {
  const words = page.words();
  const say = ({ properties: { kind, parcels, area_m2 } }) => (kind === "invalid" ? words.fault_invalid : `${words[`fault_${kind}`]} ${parcels.map((/** @type {string} */ id) => id || words.this_outline).join(" + ")} ${page.fmt().m2(area_m2)}`);
  return make("ul", { class: "faults" }, ...faults.map((fault) => make("li", {}, make("button", { type: "button", class: "link", onclick: () => page.mark([fault.geometry], "block") }, say(fault)))));
}
