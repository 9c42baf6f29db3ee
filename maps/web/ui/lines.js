/** Infrastructure: what is planned and when, which plots wait for it, and what slips when it comes on another day. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";

const LAYERS = ["roads", "utilities"];
const COMING = "status IN ('planned','under_construction')";
const MORE = 200; // lines, or plots that slip, that are drawn at a time

/**
 * Keep the lines of a kind, a status and a year; what is "" is any, and a line without a day is of the year "-".
 * @param {any[]} lines @param {{kind: string, status: string, year: string}} wanted
 */
export const chosen = (lines, wanted) =>
  lines.filter((line) => (!wanted.kind || line.kind === wanted.kind) && (!wanted.status || line.status === wanted.status) && (!wanted.year || (line.in_service_from ?? "-").slice(0, 4) === wanted.year));

/**
 * Wire the view up.
 * @param {any} page
 */
export function linesView(page) {
  /** @type {any[]} */ let lines = [];
  /** @type {any} */ let networks = null;
  const wanted = { kind: "", status: "", year: "" };
  let drawn = MORE;
  const button = (text, go) => make("button", { type: "button", class: "link", onclick: go }, text);

  async function load() {
    byId("lines-answer").replaceChildren(page.words().loading);
    try {
      const [report, ...found] = await Promise.all([server.ask("networks"), ...LAYERS.map((layer) => server.every(layer, { filter: COMING }))]);
      networks = report;
      lines = found.flatMap((features, n) => features.map((f) => ({ layer: LAYERS[n], id: f.id, kind: LAYERS[n] === "roads" ? "road" : f.properties.kind, ...f.properties })));
      lines.sort((a, b) => String(a.in_service_from ?? "9").localeCompare(String(b.in_service_from ?? "9")));
      show();
    } catch (failure) {
      byId("lines-answer").replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
    }
  }

  /** Name the plots that a line serves, those first that wait for it. */
  async function waiting(line, into) {
    const [words, fmt] = [page.words(), page.fmt()];
    const filter = `${line.kind}_line='${line.id.replaceAll("'", "''")}' AND ready_state IN ('dated','undated')`;
    try {
      const found = await server.every("findings", { properties: "area,ready_state,ready_from,deciding", filter });
      const [its, all] = [found.filter((f) => f.properties.deciding === line.kind), found];
      const area = (some) => fmt.upto(some.reduce((sum, f) => sum + f.properties.area, 0) / 10_000, 2, "ha");
      into.replaceChildren(make("p", {}, `${words.waits_for_it} ${its.length} (${area(its)}) · ${words.served_by_it} ${all.length} (${area(all)}) `, all.length ? button(words.on_map, () => page.outline(all.map((f) => f.id))) : null));
    } catch (failure) {
      into.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
    }
  }

  /** Ask what would change if a line came on another day. */
  async function slip(line, day, into) {
    const [words, fmt] = [page.words(), page.fmt()];
    into.replaceChildren(words.loading);
    try {
      const found = await server.send("whatif", { layer: line.layer, id: line.id, day });
      const said = (state, since) => `${page.states().get(state) || state}${since ? ` ${fmt.day(since)}` : ""}`;
      const row = (p) => make("tr", {}, make("th", { scope: "row" }, button(p.id, () => page.show(p.id))), make("td", {}, said(p.ready_state, p.ready_from)), make("td", {}, "→"), make("td", {}, said(p.new_ready_state, p.new_ready_from)));
      const ha = found.plots.reduce((sum, p) => sum + p.area_m2, 0) / 10_000;
      page.outline(found.plots.map((p) => p.id));
      into.replaceChildren(make("p", { class: "slips" }, `${words.slips}: ${found.plots.length} ${words.plots} · ${fmt.upto(ha, 2, "ha")} (${words.looked_at} ${found.concerned})`), make("table", {}, ...found.plots.slice(0, MORE).map(row)), found.plots.length > MORE ? make("small", {}, `${fmt.number(MORE, 0)} / ${fmt.number(found.plots.length, 0)}`) : "");
    } catch (failure) {
      into.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
    }
  }

  const statusOf = (line) => page.columns()[line.layer].fields.find((f) => f.name === "status").codes.find((c) => c[0] === line.status)?.[1] || line.status;

  function item(line) {
    const [words, fmt] = [page.words(), page.fmt()];
    const [into, more] = [make("div", { "aria-live": "polite" }), make("div", {})];
    const day = /** @type {HTMLInputElement} */ (make("input", { type: "date", value: line.in_service_from || "", "aria-label": words.other_day }));
    return make("details", { class: "planned", ontoggle: (event) => event.target.open && !more.childElementCount && waiting(line, more) },
      make("summary", {}, `${fmt.day(line.in_service_from)} · ${words[line.kind] || line.kind} · ${line.name || line.id} (${statusOf(line)})`),
      make("p", {}, button(`${line.id}: ${words.on_map}`, () => page.reveal(line.layer, line.id))), more,
      make("p", {}, make("label", {}, `${words.other_day} `, day), " ", make("button", { type: "button", onclick: () => day.value && slip(line, day.value, into) }, words.what_slips)), into);
  }

  function show() {
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const head = make("tr", {}, ...[words.service, words.lines, words.in_service_km, words.connected].map((text) => make("th", { scope: "col" }, text)));
    const row = (n) => make("tr", {}, make("th", { scope: "row" }, n.title[tongue]), make("td", { class: "number" }, n.lines), make("td", { class: "number" }, fmt.upto(n.in_service_m / 1000, 2)), make("td", { class: "number" }, n.connected === null ? words.unknown : fmt.percent(n.connected)));
    const listed = chosen(lines, wanted);
    const count = listed.length === lines.length ? fmt.number(lines.length, 0) : `${fmt.number(listed.length, 0)} / ${fmt.number(lines.length, 0)}`;
    const more = () => ((drawn += MORE), show());
    byId("lines-answer").replaceChildren(make("table", {}, head, ...networks.networks.map(row)), make("h3", {}, `${words.coming} (${count})`),
      make("p", { class: "fields" }, choice("kind", words.service, (line) => words[line.kind] || line.kind), choice("status", words.status, statusOf), choice("year", words.year, (line) => (line.in_service_from || words.unknown).slice(0, 4))),
      ...listed.slice(0, drawn).map(item), listed.length > drawn ? make("button", { type: "button", onclick: more }, `${words.show_more} (${fmt.number(listed.length - drawn, 0)})`) : "");
  }

  /** Offer what the lines have in a column, each with its name; "" is all. */
  function choice(column, title, named) {
    const value = (line) => (column === "year" ? (line.in_service_from ?? "-").slice(0, 4) : line[column]);
    const names = new Map(lines.map((line) => /** @type {[string, string]} */ ([value(line), named(line)])).sort(([a], [b]) => String(a).localeCompare(String(b))));
    const chose = (event) => ((wanted[column] = event.target.value), (drawn = MORE), show(), /** @type {any} */ (byId("lines-answer").querySelector(`[name=${column}]`)).focus());
    return make("label", {}, `${title} `, make("select", { name: column, onchange: chose }, make("option", { value: "" }, page.words().any), ...[...names].map(([it, name]) => make("option", { value: it, selected: it === wanted[column] }, name))));
  }

  return { open: load, close: () => page.outline([]), paint: () => networks && show() };
}
