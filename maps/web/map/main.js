/** The page: its state stands in the address, its words and styles come from the server. */

import { AttributionControl, Map as MapView, NavigationControl, ScaleControl, prewarm } from "maplibre-gl";
import * as address from "./address.js";
import * as begin from "./begin.js";
import { days } from "./day.js";
import { byId, make } from "./dom.js";
import { cards } from "./cards.js";
import { formats, today } from "./format.js";
import { legendOf, sourcesOf } from "./legend.js";
import { live } from "./live.js";
import { addPattern } from "./patterns.js";
import * as server from "./server.js";
import * as taste from "./taste.js";
import { adminView } from "../ui/admin.js";
import { checkView } from "../ui/check.js";
import { editView } from "../ui/edit.js";
import { boxes, findView } from "../ui/find.js";
import { linesView } from "../ui/lines.js";
import { listingsView } from "../ui/listings.js";
import { boundsOf, collection, mark, prepare } from "../ui/outlines.js";
import { projectsView } from "../ui/projects.js";
import { searchBox } from "../ui/search.js";
import { suitabilityView } from "../ui/suitability.js";
import { supplyView } from "../ui/supply.js";
import { timeBar } from "../ui/time.js";
import * as views from "../ui/views.js";

const PLOT_LAYERS = ["readiness", "parcels"];
const PLACED = location.hash.includes("map="); // the link says where the map is
const FIRST = [...PLOT_LAYERS, "basemap"]; // the other layers are drawn after them: each kind of drawing begun keeps the browser, and each tile the server
const NARROW = 640; // pixels; as in style.css
const state = {
  language: address.tongue(),
  day: address.read("on"),
  /** @type {Record<string, boolean>} */ shown: shownIn(address.read("layers")),
  pending: address.read("pending") || "state",
};
/** @type {any} */ let map = null;
/** @type {any} */ let about = null;
/** @type {any} */ let me = null;
/** @type {any} */ let style = null;
/** @type {any} */ let legend = [];
/** @type {any} */ let columns = {};
/** @type {Record<string, string>} */ let words = {};
/** @type {any} */ let supply = undefined; // not asked for yet
/** @type {any} */ let serviced = undefined;
let early = true; // the first map is not drawn yet
/** @type {any} */ let bar = null;
/** @type {any} */ let drawDay = null; // draws the plots as of the day
/** @type {any} */ let card = null;
/** @type {any} */ let highlighted = null; // outline of the plot whose card is open
/** @type {string[]} */ let outlined = []; // plots that a view points at

/** What the views see of the page. */
const page = {
  map: () => map, about: () => about, me: () => me, words: () => words, columns: () => columns, language: () => state.language, day: () => state.day, supply: () => supply, serviced: () => serviced, patterns: () => style.metadata["shudi:patterns"],
  fmt: () => formats(state.language, taste.unit(), words), states: () => readyStates("label"), colours: () => readyStates("colour"), outline, turn: turnTo, load: loadSupply, note, go, fit,
  show: (/** @type {string} */ id) => card.plot(id), reveal: (/** @type {string} */ layer, /** @type {string} */ id) => card.object(layer, id), forget: () => card.close(), highlight,
  project: (/** @type {string} */ id) => (address.write({ project: id, view: "projects" }, true), restored()), edit: (/** @type {string} */ layer, /** @type {string} */ id) => (card.object(layer, id), views.open("edit", true)),
  bring: (/** @type {string} */ layer) => (byId("import-layer").replaceChildren(new Option(layer)), views.open("admin", true)),
  may: (/** @type {string} */ role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role),
  mark: (/** @type {any[]} */ shapes, severity = "", move = true) => (mark(map, shapes, severity), move && shapes.length && fit(boundsOf({ coordinates: shapes.map((shape) => shape.coordinates) }))),
};

const ROLES = ["public", "viewer", "planner", "approver", "admin"];

/** Read which layers a link switches: "zoning,-parcels". @param {string} text */
function shownIn(text) {
  return Object.fromEntries(text.split(",").filter(Boolean).map((name) => [name.replace(/^-/, ""), !name.startsWith("-")]));
}

/** Days since 1970-01-01, as the tiles count. */
const dayNumber = () => Date.parse(state.day || today()) / 86_400_000;

/** Say in the date's field which day the map shows: today where the address names none. */
const tellDay = () => void (byId("day").value = state.day || today());

/** Fit the server's style to the reader: light or dark, layers switched, day, the chosen plot outlined. */
function adapted(served) {
  const named = (layer) => layer.metadata?.["shudi:layer"];
  const seen = (layer) => (early && named(layer) && !FIRST.includes(named(layer)) ? false : state.shown[named(layer)]);
  const layers = taste.dressed(served).layers.map((layer) =>
    seen(layer) === undefined ? layer : { ...layer, layout: { ...layer.layout, visibility: seen(layer) ? "visible" : "none" } });
  const source = PLOT_LAYERS.find((name) => served.sources[name]);
  const ink = { "line-color": taste.isDark() ? "#FFFFFF" : "#000000", "line-width": 5 };
  const many = { id: "outlined", type: "line", source, "source-layer": source, filter: among(outlined), paint: ink };
  return {
    ...served, state: { ...served.state, day: { default: dayNumber() }, lines: { default: dayNumber() }, pending: { default: state.pending } }, sources: { ...served.sources, chosen: { type: "geojson", data: collection(highlighted) } },
    layers: [...layers, ...(source ? [many] : []), { id: "chosen", type: "line", source: "chosen", paint: ink }],
  };
}

/** Choose plots of a tile. @param {string[]} ids */
const among = (ids) => ["in", ["get", "id"], ["literal", ids]];

/** Outline the plot whose card is open, or none; a source of its own, as a filter has all tiles of the plots made anew. @param {any} geometry */
function highlight(geometry) {
  if (geometry === highlighted) return;
  highlighted = geometry;
  map.getSource("chosen")?.setData(collection(geometry));
}

/** Outline many plots, beside the one whose card is open. @param {string[]} ids */
function outline(ids) {
  if (!ids.length && !outlined.length) return;
  outlined = ids;
  if (map.getLayer("outlined")) map.setFilter("outlined", among(ids));
}

/** Go to bounds, beside what lies over the map. @param {any} bounds */
function fit(bounds, maxZoom = 17, animate = true) {
  const [wide, sides] = [window.innerWidth > NARROW, { top: 60, bottom: 60, left: 60, right: 60 }];
  if (wide && views.opened()) sides.left = byId("work").offsetWidth + 40;
  if (wide) sides.right = (card?.isOpen() ? byId("card") : byId("panel")).offsetWidth + 40;
  if (!wide && (views.opened() || card?.isOpen())) sides.bottom = byId("map").offsetHeight * 0.6;
  const roomy = sides.left + sides.right < byId("map").offsetWidth - 100 && sides.top + sides.bottom < byId("map").offsetHeight - 60;
  map.fitBounds(bounds, { padding: roomy ? sides : 0, maxZoom, animate });
}

/** Go to what was searched for. @param {any} place */
function go(place) {
  if (place.layer === "projects") return page.project(place.id);
  const [west, south, east, north] = place.bounds;
  if (!place.layer) {
    map.flyTo({ center: [west, south], zoom: 17 });
    return mark(map, [{ type: "Point", coordinates: [west, south] }]);
  }
  fit([[west, south], [east, north]]);
  place.layer === "parcels" ? page.show(place.id) : page.reveal(place.layer, place.id);
}

function note(text) {
  const empty = about?.plots === 0;
  const zoomedOut = !empty && map && style && map.getZoom() < (style.metadata["shudi:plot_zoom"] ?? 0);
  const said = text || (empty ? words.empty_base : zoomedOut ? words.zoom_in : "");
  byId("notice").textContent = said;
  byId("notice").hidden = !said;
}

/** What the legend says of the states of readiness: their words, or their colours. @param {"label" | "colour"} what */
function readyStates(what) {
  return new Map(legend.filter((/** @type {any} */ entry) => entry.layer === "readiness").map((/** @type {any} */ entry) => [entry.value, entry[what]]));
}

/** Turn the map to a day; no request is made for it. */
function turnTo(/** @type {string} */ day) {
  state.day = day;
  tellDay();
  address.write({ on: day });
  drawDay();
  bar.tell();
}

/** Load the supply of serviced land by quarter; null where the findings are stale or there are none. */
async function loadSupply() {
  supply = await server.supply().catch(() => null);
}

/** Load what is serviced from which day. */
async function loadServiced() {
  serviced = await server.serviced().catch(() => null);
  bar.refresh();
}

/** Say everything in the state's language. @param {Promise<any[]>} asked what that takes, where it is asked for already */
async function speak(asked = begin.spoken(state.language)) {
  const tongue = state.language;
  const answers = await asked;
  if (tongue !== state.language) return;
  [words, style, legend, columns] = answers;
  document.documentElement.lang = tongue === "zh" ? "zh-CN" : "en";
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-text]"))) element.textContent = words[element.dataset.text ?? ""];
  for (const element of document.querySelectorAll("[data-hint]")) /** @type {any} */ (element).placeholder = words[/** @type {any} */ (element).dataset.hint];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[/** @type {any} */ (element).dataset.label]);
  boxes(page);
  byId("title").textContent = `${words.title} · ${about.title}`;
  document.title = byId("title").textContent;
  byId("banner").hidden = !about.generated;
  tellLegend();
  byId("sources").replaceChildren(...sourcesOf(about, tongue, words));
  if (map) redraw();
}

/** Draw the map's style and the open view anew. */
function redraw() {
  name();
  map.setStyle(adapted(style));
  map.once("styledata", () => (prepare(map, style.metadata["shudi:patterns"]), views.repaint()));
  bar.tell();
}

/** Name the map's own buttons in the reader's language. */
function name() {
  const titles = { ".maplibregl-ctrl-zoom-in": words.zoom_closer, ".maplibregl-ctrl-zoom-out": words.zoom_out, canvas: words.map_keys };
  for (const [which, title] of Object.entries(titles)) {
    const element = byId("map").querySelector(which);
    element.setAttribute("aria-label", title);
    if (which !== "canvas") element.title = title;
  }
}

function turn(layer, on) {
  state.shown[layer] = on;
  address.write({ layers: Object.entries(state.shown).map(([name, seen]) => (seen ? name : `-${name}`)).join(",") });
  for (const drawn of style.layers)
    if (drawn.metadata?.["shudi:layer"] === layer) map.setLayoutProperty(drawn.id, "visibility", on ? "visible" : "none");
}

/** Colour pending plots by their state, or by what they lack. @param {string} pending */
function colour(pending) {
  state.pending = pending;
  address.write({ pending: pending === "state" ? "" : pending });
  map.setGlobalStateProperty("pending", pending);
  tellLegend();
  byId("pending").focus();
}

/** Say what is drawn, and how. */
const tellLegend = () => byId("legend").replaceChildren(...legendOf(style, legend, state.shown, state.pending, turn, colour, words));

/** Draw the layers that are switched on, and no others. */
function see() {
  for (const drawn of adapted(style).layers) if (drawn.layout && drawn.layout.visibility !== map.getLayoutProperty(drawn.id, "visibility")) map.setLayoutProperty(drawn.id, "visibility", drawn.layout.visibility);
}

/** Turn the page to what its address says. */
async function restore() {
  const language = address.tongue();
  if (language !== state.language) {
    state.language = language;
    await speak();
  }
  state.shown = shownIn(address.read("layers"));
  state.pending = address.read("pending") || "state";
  map.setGlobalStateProperty("pending", state.pending);
  see();
  tellLegend();
  if (address.read("on") !== state.day) turnTo(address.read("on")), bar.refresh();
  restored();
  card.restore();
}

/** Turn to the view that the address names, and the view to what it says. */
function restored() {
  if (views.opened() === address.read("view")) return views.restored();
  views.open(address.read("view"));
}

/** Show what the reader clicked: a line of a network, a plot, or whatever else is drawn there. */
function clicked(point) {
  const near = [[point.x - 3, point.y - 3], [point.x + 3, point.y + 3]];
  const of = (features, names) => features.find((f) => names.includes(f.source) && f.properties.id && !f.sourceLayer.endsWith("_label"));
  const line = of(map.queryRenderedFeatures(near, { layers: style.layers.filter((drawn) => drawn.source === "utilities").map((drawn) => drawn.id) }), ["utilities"]);
  const here = map.queryRenderedFeatures(point);
  const plot = of(here, PLOT_LAYERS);
  const other = of(here, Object.keys(style.sources));
  if (line) return page.reveal("utilities", String(line.properties.id));
  if (plot) return page.show(String(plot.properties.id));
  if (other) page.reveal(other.source, String(other.properties.id));
}

/** Tell anew what changed: the open card, and the supply where plots were assessed again. */
function changed(/** @type {string[]} */ layers) {
  if (card.isOpen()) card.restore(true);
  views.changed(layers);
  if (layers.includes("readiness")) loadServiced();
}

function listen() {
  byId("language").addEventListener("click", async () => {
    state.language = state.language === "zh" ? "en" : "zh";
    address.write({ lang: state.language });
    await speak();
    note("");
    card.restore(true);
  });
  byId("day").addEventListener("change", (event) => {
    turnTo(event.target.value);
    bar.refresh();
    card.restore(true);
    views.restored();
  });
  byId("quarter").addEventListener("change", views.restored);
  for (const what of ["unit", "theme"]) {
    byId(what).value = taste[what]();
    byId(what).addEventListener("change", (event) => {
      taste.keep(what, event.target.value);
      taste.dress();
      redraw();
      card.restore(true);
    });
  }
  taste.onTurn(() => (taste.dress(), redraw()));
  document.addEventListener("keydown", (event) => {
    const field = event.target instanceof HTMLElement && event.target.matches("input:not([type=checkbox], [type=range], [type=date]), textarea") ? event.target : null;
    if (event.key === "Escape" && field) field.blur(); // what one types is left first, then the view
    else if (event.key === "Escape") card.isOpen() ? card.close() : views.open("", true);
    if (event.key === "Enter" && event.target === map.getCanvas() && !views.drawing()) clicked(map.project(map.getCenter()));
  });
  address.onReturn(restore);
  map.on("zoomend", () => note(""));
  map.on("zoom", drawDay);
  // what was still asked for when somebody signed out is refused, which is no failure
  map.on("error", (event) => document.body.dataset.leaving || (console.error(event.error), note(words.failed)));
  map.on("click", (event) => views.drawing() ? views.drawing()?.click?.(event) : clicked(event.point));
  map.on("moveend", () => views.drawing()?.moved?.());
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-view-of]")))
    button.addEventListener("click", () => views.open(views.opened() === button.dataset.viewOf ? "" : button.dataset.viewOf ?? "", true));
  byId("work-close").addEventListener("click", () => views.open("", true));
  map.on("mousemove", (event) => views.drawing() || (map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point).some((f) => f.properties.id) ? "pointer" : ""));
}

/** Make the map, without a style: nothing is drawn. The failure where the browser cannot draw. @returns {[any, unknown]} */
function canvas() {
  try {
    return [new MapView({ container: "map", hash: "map", attributionControl: false, maxZoom: 22, fadeDuration: 0, dragRotate: false, pitchWithRotate: false }), null];
  } catch (failure) {
    return [null, failure];
  }
}

async function start() {
  prewarm();
  taste.dress();
  byId("layers").open = window.innerWidth > 900;
  tellDay();
  const [drawn, failed] = canvas(); // made ready while what it draws is on its way
  [about, me] = await begin.base;
  await speak(begin.first);
  for (const button of document.querySelectorAll("[data-role=planner]")) /** @type {any} */ (button).hidden = !page.may("planner");
  byId("person").hidden = me.via !== "session";
  byId("who").textContent = me.name ?? "";
  byId("leave").addEventListener("click", () => ((document.body.dataset.leaving = "1"), server.leave()));
  if (failed) return note(words.no_webgl);
  map = drawn;
  const [west, south, east, north] = about.bounds;
  if (!PLACED) fit([[west, south], [east, north]], 22, false);
  map.setStyle(adapted(style));
  map.setMissingStyleImageResolver((name) => addPattern(map, name, style.metadata["shudi:patterns"]));
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-left");
  map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
  if (style.metadata["shudi:layers"].basemap) map.addControl(new AttributionControl({ compact: false }), "bottom-right");
  name();
  card = cards(page);
  drawDay = days(map, dayNumber, () => style.metadata);
  bar = timeBar(page);
  for (const [name, view] of Object.entries({ check: checkView, find: findView, suitability: suitabilityView, lines: linesView, projects: projectsView, supply: supplyView, listings: listingsView, edit: editView, admin: adminView })) views.register(name, view(page));
  searchBox(page);
  listen();
  map.once("load", () => (prepare(map, style.metadata["shudi:patterns"]), views.open(address.read("view")), card.restore(false, !PLACED)));
  bar.refresh();
  map.on("render", plotted);
  map.once("idle", rest);
  note("");
}

/** Tell whoever measures when the first picture of the plots is drawn. */
function plotted() {
  if (!PLOT_LAYERS.every((name) => !style.sources[name] || (map.getSource(name) && map.isSourceLoaded(name)))) return;
  map.off("render", plotted);
  document.body.dataset.plotted = String(Math.round(performance.now()));
}

/** Ask for what the first map does without: networks, lines and shading, the sums beside the slider, what others change. */
function rest() {
  early = false;
  see();
  map.once("idle", () => (document.body.dataset.drawn = "yes"));
  map.triggerRepaint();
  if (serviced === undefined) loadServiced();
  live(map, about.moment, changed);
}

start().catch((failure) => {
  console.error(failure);
  note(words.failed || "The server did not answer. 服务器无响应。");
});
