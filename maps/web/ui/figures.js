/** The ledger's figures of a year: each with its formula, the year before, and the rows that it counts. */

import { read, write } from "../map/address.js";
import { byId, make, saveTable } from "../map/dom.js";
import * as server from "../map/server.js";

const LISTED = 200; // rows that are listed
const UNITS = { d: "unit_days", "10^4 CNY": "unit_wan", "10^4 CNY/mu": "unit_wan_mu", "1/mu": "unit_per_mu" };

/**
 * Wire the figures of the dashboard up.
 * @param {any} page
 */
export function ledgerFigures(page) {
  /** @type {any} */ let known = null;
  let turn = 0;
  const year = () => /** @type {HTMLInputElement} */ (byId("figures-year"));

  async function load() {
    const [mine, asked] = [++turn, new URLSearchParams({ ...(page.day() ? { on: page.day() } : {}), ...(year().value ? { year: year().value } : {}) })];
    if (!year().checkValidity()) return;
    try {
      const found = await server.ask(`report?${asked}`);
      if (mine !== turn) return;
      known = found;
      show();
    } catch (failure) {
      if (mine === turn) byId("figures-answer").replaceChildren(make("p", { role: "alert", class: "refusal" }, failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed)));
    }
  }

  /** Write a value of a figure: a share as percent, land as the reader chose. @param {{id: string, unit: string}} figure @param {number | null} value */
  function written({ id, unit }, value) {
    const fmt = page.fmt();
    if (unit === "m2/m2") return fmt.upto(value, 2);
    if (unit === "1") return fmt.percent(value);
    if (unit === "m2") return id === "new_floor_area" ? fmt.upto(value, 0, "m²") : fmt.area(value);
    return fmt.upto(value, 1, page.words()[UNITS[unit]] || unit);
  }

  /** Name a row of a table and lead to it. @param {string} row as table:number */
  function leads(row) {
    const [layer, id] = [row.slice(0, row.indexOf(":")), row.slice(row.indexOf(":") + 1)];
    if (layer === "projects") return make("button", { type: "button", class: "link", onclick: () => page.project(id) }, id);
    if (layer === "parcels") return make("button", { type: "button", class: "link", onclick: () => page.show(id) }, id);
    return make("a", { class: "link", href: `collections/${layer}/items/${encodeURIComponent(id)}?f=html`, target: "_blank" }, `${layer} ${id}`);
  }

  /** List rows. @param {string} title @param {string[]} rows */
  const listed = (title, rows) => [make("h4", {}, `${title}: ${page.fmt().upto(rows.length, 0)}`), make("ul", { class: "plots" }, ...rows.slice(0, LISTED).map((row) => make("li", {}, leads(row)))), rows.length > LISTED ? "…" : ""];

  function behind(figure) {
    const words = page.words();
    write({ figure: figure.id });
    byId("figures-rows").replaceChildren(...listed(figure.title[page.language()], figure.rows), ...(figure.of.length ? listed(words.figure_of, figure.of) : []), ...(figure.lacks.length ? listed(words.figure_lacks, figure.lacks) : []));
    byId("figures-rows").scrollIntoView({ block: "nearest" });
  }

  function csv() {
    const rows = known.figures.map((f) => [f.id, f.title[page.language()], f.value, f.unit, f.before, f.formula[page.language()], f.rows.join(" "), f.lacking, f.lacks.join(" ")]);
    saveTable("figures.csv", [["id", "figure", "value", "unit", "before", "formula", "rows", "not recorded", "lacks"], ...rows]);
  }

  function show() {
    if (!known) return;
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const value = (f) => (f.rows.length || f.of.length || f.lacks.length ? make("button", { type: "button", class: "link", onclick: () => behind(f) }, written(f, f.value)) : written(f, f.value));
    const growth = (f) => (f.growth === null ? "" : ` (${f.growth > 0 ? "+" : ""}${fmt.percent(f.growth)})`);
    const row = (f) => make("tr", {}, make("th", { scope: "row" }, f.title[tongue], make("small", {}, f.formula[tongue])), make("td", { class: "number" }, value(f), f.lacking ? make("small", {}, `${words.figure_lacks}: ${fmt.number(f.lacking, 0)}`) : null, f.before === null ? null : make("small", {}, `${words.figure_before} ${written(f, f.before)}${growth(f)}`)));
    const head = make("tr", {}, make("th", { scope: "col" }, `${fmt.day(known.since)} – ${fmt.day(known.until)}`), make("th", { scope: "col", class: "number" }, words.figure_value));
    byId("figures-answer").replaceChildren(
      make("p", { class: "actions" }, make("button", { type: "button", onclick: csv }, words.save_csv)),
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...known.figures.map(row))),
      make("div", { id: "figures-rows", "aria-live": "polite" }));
    const open = known.figures.find((f) => f.id === read("figure"));
    if (open) behind(open);
  }

  year().addEventListener("change", load);
  return { load, show };
}
