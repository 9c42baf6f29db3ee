/** The page: its state stands in the address, its words and styles come from the server. */

import { Map as MapView, NavigationControl, ScaleControl } from "maplibre-gl";
import { cardOf } from "./card.js";
import { byId, make } from "./dom.js";
import { legendOf, sourcesOf } from "./legend.js";
import { addPattern } from "./patterns.js";
import * as server from "./server.js";
import { checkView } from "../ui/check.js";
import { findView } from "../ui/find.js";
import { prepare } from "../ui/outlines.js";
import { supplyView } from "../ui/supply.js";
import { timeBar } from "../ui/time.js";
import * as views from "../ui/views.js";

const PLOT_LAYERS = ["readiness", "parcels"];
const query = new URLSearchParams(location.search);
const state = {
  /** @type {"en" | "zh"} */ language: query.get("lang") === "en" ? "en" : "zh",
  day: query.get("on") || "",
  plot: query.get("plot") || "",
  /** @type {Record<string, boolean>} */ shown: {},
};
/** @type {any} */ let map = null;
/** @type {any} */ let about = null;
/** @type {any} */ let style = null;
/** @type {any} */ let legend = [];
/** @type {Record<string, string>} */ let words = {};
/** @type {any} */ let supply = null;

/** What the views see of the page. */
const page = {
  map: () => map, about: () => about, words: () => words, language: () => state.language, day: () => state.day, supply: () => supply,
  states: readyStates, show: (/** @type {string} */ id) => show(id), turn: turnTo, load: loadSupply,
};
const SERVICES = ["road", "power", "water", "sewage", "storm", "telecom", "gas", "heat"];
const WISHES = [...SERVICES, "area", "frontage", "slope", "width", "road_class"];
/** @type {any} */ let check = null;
/** @type {any} */ let find = null;
/** @type {any} */ let dashboard = null;
/** @type {any} */ let bar = null;

/** Put the state into the address, so that a link shows what its sender saw. */
function remember() {
  const kept = Object.entries({ lang: state.language, on: state.day, plot: state.plot, view: views.opened() }).filter(([, value]) => value);
  history.replaceState(null, "", `?${new URLSearchParams(kept)}${location.hash}`);
}

/** Days since 1970-01-01, as the tiles count. */
const dayNumber = () => Math.floor((state.day ? Date.parse(state.day) : Date.now()) / 86_400_000);

/** Fit the server's style to the reader: layers switched, day, the chosen plot outlined. */
function adapted(served) {
  const seen = (layer) => state.shown[layer.metadata?.["shudi:layer"]];
  const layers = served.layers.map((layer) =>
    seen(layer) === undefined ? layer : { ...layer, layout: { ...layer.layout, visibility: seen(layer) ? "visible" : "none" } });
  const source = PLOT_LAYERS.find((name) => served.sources[name]);
  const chosen = {
    id: "chosen", type: "line", source, "source-layer": source, filter: ["==", ["get", "id"], state.plot],
    paint: { "line-color": "#000000", "line-width": 5 },
  };
  return { ...served, state: { ...served.state, day: { default: dayNumber() } }, layers: source ? [...layers, chosen] : layers };
}

function note(text) {
  const zoomedOut = map && style && map.getZoom() < (style.metadata["shudi:plot_zoom"] ?? 0);
  const said = text || (zoomedOut ? words.zoom_in : "");
  byId("notice").textContent = said;
  byId("notice").hidden = !said;
}

/** The legend's words for the states of readiness. */
function readyStates() {
  return new Map(legend.filter((/** @type {any} */ entry) => entry.layer === "readiness").map((/** @type {any} */ entry) => [entry.value, entry.label]));
}

/** Turn the map to a day; no request is made for it. */
function turnTo(/** @type {string} */ day) {
  state.day = day;
  byId("day").value = day;
  remember();
  map.setGlobalStateProperty("day", dayNumber());
  bar.tell();
}

/** Load the supply of serviced land; null where the findings are stale or there are none. */
async function loadSupply() {
  supply = await server.supply().catch(() => null);
  bar.refresh();
}

/** Offer a box for each service, and for each criterion that may be a wish. */
function boxes() {
  const box = (/** @type {string} */ name) => (/** @type {string} */ value) =>
    make("label", {}, make("input", { type: "checkbox", name, value, checked: name === "service" && SERVICES.indexOf(value) < 3 }), ` ${words[value]}`);
  byId("find-services").replaceChildren(make("legend", {}, words.services), ...SERVICES.map(box("service")));
  byId("find-wishes").replaceChildren(...WISHES.map(box("wish")));
}

/** Say everything in the state's language. */
async function speak() {
  const tongue = state.language;
  const answers = await Promise.all([server.words(tongue), server.style(tongue), server.legend(tongue)]);
  if (tongue !== state.language) return;
  [words, style, legend] = answers;
  document.documentElement.lang = tongue === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[/** @type {any} */ (element).dataset.label]);
  boxes();
  byId("title").textContent = `${words.title} · ${about.title}`;
  document.title = byId("title").textContent;
  byId("banner").hidden = !about.generated;
  byId("legend").replaceChildren(...legendOf(style, legend, state.shown, turn, words));
  byId("sources").replaceChildren(...sourcesOf(about, tongue, words));
  if (!map) return;
  map.setStyle(adapted(style));
  map.once("styledata", () => (prepare(map, style.metadata["shudi:patterns"]), check.paint(), find.paint()));
  dashboard.paint();
  bar.tell();
}

function turn(layer, on) {
  state.shown[layer] = on;
  for (const drawn of style.layers)
    if (drawn.metadata?.["shudi:layer"] === layer) map.setLayoutProperty(drawn.id, "visibility", on ? "visible" : "none");
}

/** Show the card of a plot; a failure is told as a failure, never as a fact about land. */
async function show(id, focus = true) {
  state.plot = id;
  remember();
  if (map.getLayer("chosen")) map.setFilter("chosen", ["==", ["get", "id"], id]);
  const card = byId("card");
  card.hidden = !id;
  if (!id) return;
  note("");
  card.replaceChildren(words.loading);
  try {
    const sheet = await server.plot(id, state.day);
    if (state.plot !== id) return;
    card.replaceChildren(...cardOf(sheet, state.language, words, readyStates(), close));
    if (focus) card.focus();
  } catch (failure) {
    if (state.plot !== id) return;
    card.hidden = true;
    note(failure instanceof server.Refusal && failure.status === 404 ? words.not_found : words.failed);
  }
}

function close() {
  show("");
  byId("map").querySelector("canvas").focus();
}

function listen() {
  byId("language").addEventListener("click", async () => {
    state.language = state.language === "zh" ? "en" : "zh";
    remember();
    await speak();
    note("");
    if (state.plot) show(state.plot, false);
  });
  byId("find").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("number").value.trim();
    if (id) show(id);
  });
  byId("day").addEventListener("change", (event) => {
    turnTo(event.target.value);
    bar.refresh();
    if (state.plot) show(state.plot, false);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && state.plot && close());
  map.on("zoomend", () => note(""));
  map.on("error", (event) => (console.error(event.error), note(words.failed)));
  const plotsAt = (point) => map.queryRenderedFeatures(point).filter((f) => PLOT_LAYERS.includes(f.source) && f.properties.id);
  map.on("click", (event) => {
    if (check.drawing()) return check.click(event);
    const [plot] = plotsAt(event.point);
    if (plot) show(String(plot.properties.id));
  });
  map.on("moveend", () => check.moved());
  for (const button of document.querySelectorAll("[data-view-of]"))
    button.addEventListener("click", () => views.open(views.opened() === button.dataset.viewOf ? "" : button.dataset.viewOf));
  map.on("mousemove", (event) => check.drawing() || (map.getCanvas().style.cursor = plotsAt(event.point).length ? "pointer" : ""));
}

async function start() {
  byId("layers").open = window.innerWidth > 640;
  byId("day").value = state.day;
  const [told, me] = await Promise.all([server.about(), server.me()]);
  about = told;
  await speak();
  byId("person").hidden = me.via !== "session";
  byId("who").textContent = me.name ?? "";
  byId("leave").addEventListener("click", server.leave);
  try {
    map = new MapView({
      container: "map", style: adapted(style), bounds: about.bounds, fitBoundsOptions: { padding: 30 },
      hash: "map", attributionControl: false, maxZoom: 22, dragRotate: false, pitchWithRotate: false,
    });
  } catch (failure) {
    note(words.no_webgl);
    return;
  }
  map.setMissingStyleImageResolver((name) => addPattern(map, name, style.metadata["shudi:patterns"]));
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-left");
  map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
  check = checkView(page);
  find = findView(page);
  dashboard = supplyView(page);
  bar = timeBar(page);
  for (const [name, view] of Object.entries({ check, find, supply: dashboard })) views.register(name, view);
  listen();
  map.once("load", () => (prepare(map, style.metadata["shudi:patterns"]), views.open(query.get("view") || "")));
  loadSupply();
  map.once("idle", () => (document.body.dataset.drawn = "yes"));
  note("");
  if (state.plot) show(state.plot, false);
}

start().catch((failure) => {
  console.error(failure);
  note(words.failed || "The server did not answer. 服务器无响应。");
});
