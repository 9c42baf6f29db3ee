/** Infrastructure: what is planned and when, which plots wait for it, and what slips when it comes on another day. */

import { read, write } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import { today } from "../map/format.js";
import * as server from "../map/server.js";
import { questions } from "./job.js";

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
 * Keep the plots that are serviced, now or from a day that is known; the soonest first.
 * @param {any[]} plots @param {"" | "new_"} which as it is, or as it would be
 */
export const serviced = (plots, which) =>
  plots.filter((p) => ["ready", "dated"].includes(p[`${which}ready_state`])).sort((a, b) => String(a[`${which}ready_from`] ?? "").localeCompare(String(b[`${which}ready_from`] ?? "")));

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
      byId("lines-answer").querySelector("details[open]")?.scrollIntoView();
    } catch (failure) {
      byId("lines-answer").replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
    }
  }

  /** Ask what would change if a line came on another day, or on none that is known; `tell` says what it means. */
  async function ask(line, day, into, tell) {
    try {
      const found = await questions(page, (...parts) => into.replaceChildren(...parts))("whatif", { layer: line.layer, id: line.id, day });
      if (found) tell(found);
    } catch (failure) {
      into.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
    }
  }

  const said = (state, since) => `${page.states().get(state) || state}${since ? ` ${page.fmt().day(since)}` : ""}`;

  /** List plots, each of which leads to its place. */
  function table(plots, heads, cells) {
    const row = (p) => make("tr", {}, make("th", { scope: "row" }, button(p.id, () => page.reveal("parcels", p.id))), ...cells(p).map((text) => make("td", {}, text)));
    return [make("table", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))), ...plots.slice(0, MORE).map(row)), plots.length > MORE ? make("small", {}, `${page.fmt().number(MORE, 0)} / ${page.fmt().number(plots.length, 0)}`) : ""];
  }

  const sum = (plots) => page.fmt().area(plots.reduce((all, p) => all + p.area_m2, 0));

  /** Tell which plots a line makes serviced, and when: those that would wait without it; of a line whose day nobody knows those that it would, came it tomorrow. */
  function makes(line, into) {
    const [words, fmt, tomorrow] = [page.words(), page.fmt(), new Date(Date.parse(today()) + 86_400_000).toISOString().slice(0, 10)];
    const comes = (line.in_service_from ?? "") > today(); // a day that has passed was not kept
    return ask(line, comes ? null : tomorrow, into, (found) => {
      const [with_, without] = /** @type {["" | "new_", string]} */ (comes ? ["", "new_"] : ["new_", ""]);
      const plots = serviced(found.plots, with_);
      const cells = (p) => [fmt.area(p.area_m2), fmt.day(p[`${with_}ready_from`]), said(p[`${without}ready_state`], p[`${without}ready_from`])];
      const title = `${comes ? words.makes_serviced : `${words.would_make_serviced} ${fmt.day(tomorrow)}`}: ${plots.length} ${words.plots} · ${sum(plots)} `;
      into.replaceChildren(make("p", { class: "makes" }, title, plots.length ? button(words.on_map, () => page.outline(plots.map((p) => p.id))) : null), ...(plots.length ? table(plots, [words.plot, words.area, words.ready_from, words.without_it], cells) : []));
    });
  }

  /** Tell what slips when a line comes on another day. */
  const slip = (line, day, into) => ask(line, day, into, (found) => {
    const words = page.words();
    page.outline(found.plots.map((p) => p.id));
    into.replaceChildren(make("p", { class: "slips" }, `${words.slips}: ${found.plots.length} ${words.plots} · ${sum(found.plots)} (${words.looked_at} ${found.concerned})`), ...table(found.plots, [words.plot, words.as_it_is, "", words.then], (p) => [said(p.ready_state, p.ready_from), "→", said(p.new_ready_state, p.new_ready_from)]));
  });

  const statusOf = (line) => page.columns()[line.layer].fields.find((f) => f.name === "status").codes.find((c) => c[0] === line.status)?.[1] || line.status;

  function item(line) {
    const [words, fmt] = [page.words(), page.fmt()];
    const [into, more] = [make("div", { "aria-live": "polite" }), make("div", {})];
    const day = /** @type {HTMLInputElement} */ (make("input", { type: "date", value: line.in_service_from || "", "aria-label": words.other_day }));
    const moved = () => day.value && (write({ come: day.value }), slip(line, day.value, into));
    const toggled = (event) => {
      if (!event.target.open) return read("line") === line.id && write({ line: "", come: "" });
      if (read("line") !== line.id) write({ line: line.id, come: "" });
      if (!more.childElementCount) makes(line, more);
      if (read("come") && !into.childElementCount) (day.value = read("come")), moved();
    };
    return make("details", { class: "planned", "data-line": line.id, name: "planned", ontoggle: toggled, open: read("line") === line.id },
      make("summary", {}, `${fmt.day(line.in_service_from)} · ${words[line.kind] || line.kind} · ${line.name || line.id} (${statusOf(line)})`),
      make("p", {}, button(`${line.id}: ${words.on_map}`, () => page.reveal(line.layer, line.id))), more,
      make("p", {}, make("label", {}, `${words.other_day} `, day), " ", make("button", { type: "button", onclick: moved }, words.what_slips)), into);
  }

  function show() {
    drawn = Math.max(drawn, chosen(lines, wanted).findIndex((line) => line.id === read("line")) + 1);
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

  return { open: load, close: () => (page.outline([]), write({ line: "", come: "" })), paint: () => networks && show() };
}
