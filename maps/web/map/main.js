/** The page: its state stands in the address, its words and styles come from the server. */

import { Map as MapView, NavigationControl, ScaleControl } from "maplibre-gl";
import { cardOf } from "./card.js";
import { byId } from "./dom.js";
import { legendOf, sourcesOf } from "./legend.js";
import { addPattern } from "./patterns.js";
import * as server from "./server.js";

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

/** Put the state into the address, so that a link shows what its sender saw. */
function remember() {
  const kept = Object.entries({ lang: state.language, on: state.day, plot: state.plot }).filter(([, value]) => value);
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

/** Say everything in the state's language. */
async function speak() {
  const tongue = state.language;
  const answers = await Promise.all([server.words(tongue), server.style(tongue), server.legend(tongue)]);
  if (tongue !== state.language) return;
  [words, style, legend] = answers;
  document.documentElement.lang = tongue === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  byId("title").textContent = `${words.title} · ${about.title}`;
  document.title = byId("title").textContent;
  byId("banner").hidden = !about.generated;
  byId("legend").replaceChildren(...legendOf(style, legend, state.shown, turn, words));
  byId("sources").replaceChildren(...sourcesOf(about, tongue, words));
  if (map) map.setStyle(adapted(style));
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
    const states = new Map(legend.filter((entry) => entry.layer === "readiness").map((entry) => [entry.value, entry.label]));
    card.replaceChildren(...cardOf(sheet, state.language, words, states, close));
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
    state.day = event.target.value;
    remember();
    map.setGlobalStateProperty("day", dayNumber());
    if (state.plot) show(state.plot, false);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && state.plot && close());
  map.on("zoomend", () => note(""));
  map.on("error", (event) => (console.error(event.error), note(words.failed)));
  const plotsAt = (point) => map.queryRenderedFeatures(point).filter((f) => PLOT_LAYERS.includes(f.source) && f.properties.id);
  map.on("click", (event) => {
    const [plot] = plotsAt(event.point);
    if (plot) show(String(plot.properties.id));
  });
  map.on("mousemove", (event) => (map.getCanvas().style.cursor = plotsAt(event.point).length ? "pointer" : ""));
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
  listen();
  map.once("idle", () => (document.body.dataset.drawn = "yes"));
  note("");
  if (state.plot) show(state.plot, false);
}

start().catch((failure) => {
  console.error(failure);
  note(words.failed || "The server did not answer. 服务器无响应。");
});
