/** The dashboard: serviced land by quarter, state, use and size, and the figures of the ledger; every figure leads to its plots; drawings and tables can be saved. */

import { read, write } from "../map/address.js";
import { byId, make, save, saveTable, svg } from "../map/dom.js";
import * as server from "../map/server.js";
import { ledgerFigures } from "./figures.js";

const STATES = ["ready", "dated", "undated", "never", "unknown", "blocked"];
const MOST = 10_000; // plots that are outlined
const LISTED = 200; // plots that are listed
const LONGEST = 40; // quarters in a row in which nothing becomes serviced that are drawn
const ROW = 24; // units of a bar's height

/**
 * Fill in the quarters between dated rows in which nothing becomes serviced, so that time is drawn as it passes.
 * @param {any[]} rows
 */
export function timed(rows) {
  return rows.flatMap((row, n) => {
    const next = rows[n + 1];
    if (!row.begins || !next?.begins || row.state !== next.state) return [row];
    const made = [row];
    for (let at = new Date(`${row.begins}T00:00:00Z`); ; ) {
      at.setUTCMonth(at.getUTCMonth() + 3);
      const begins = at.toISOString().slice(0, 10);
      if (begins >= next.begins || made.length > LONGEST) return made;
      made.push({ ...row, begins, period: `${begins.slice(0, 4)}Q${at.getUTCMonth() / 3 + 1}`, plots: 0, area_m2: 0, ha: 0, mu: 0 });
    }
  });
}

/**
 * Wire the view up.
 * @param {any} page
 */
export function supplyView(page) {
  const ledger = ledgerFigures(page);
  const named = (row) => (row.state === "dated" ? row.period : page.words()[`supply_${row.state}`]);

  /** Name a row in the address. */
  const key = (group, row) => [group.split, group.group, row.state, row.begins ?? ""].join("|");
  let turn = 0;

  /** Show the plots behind a row: on the map and in a list. */
  async function behind(group, row) {
    const mine = ++turn;
    write({ figure: key(group, row) });
    const [words, fmt, into] = [page.words(), page.fmt(), byId("supply-plots")];
    into.replaceChildren(words.loading);
    try {
      const found = await server.ask(`supply/plots?${new URLSearchParams({ split: group.split, group: group.group, state: row.state, ...(row.begins ? { begins: row.begins } : {}) })}`);
      if (mine !== turn) return;
      page.outline(found.id.slice(0, MOST));
      const list = found.id.slice(0, LISTED).map((id, n) => make("li", {}, make("button", { type: "button", class: "link", onclick: () => page.show(id) }, id), ` ${fmt.area(found.area_m2[n])}`));
      const csv = () => saveTable("plots.csv", [["id", "area_m2", "ready_from"], ...found.id.map((id, n) => [id, found.area_m2[n], found.ready_from[n]])]);
      into.replaceChildren(make("h3", {}, `${group.title[page.language()]} · ${named(row)}: ${fmt.number(found.id.length, 0)} ${words.plots}`), make("button", { type: "button", onclick: csv }, words.save_csv),
        make("ul", { class: "plots" }, ...list), found.id.length > LISTED ? `… ${fmt.number(found.id.length - LISTED, 0)}` : "", found.id.length > MOST ? make("p", {}, `${words.outlined_first} ${fmt.number(MOST, 0)}`) : "");
      into.scrollIntoView({ block: "nearest" });
    } catch (failure) {
      if (mine === turn) into.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
    }
  }

  /** Let a part of a drawing open its plots, by the pointer and by keys; it says its figure. */
  function opening(group, row, attributes = {}) {
    const pressed = (/** @type {any} */ event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), behind(group, row));
    return { ...attributes, class: "opens", tabindex: 0, role: "button", "aria-label": `${group.title[page.language()]} · ${named(row)}: ${land(row)}`, onclick: () => behind(group, row), onkeydown: pressed };
  }

  const land = (/** @type {any} */ of) => page.fmt().land(of);

  /** Draw rows as bars, each with its figure beside it; a bar opens its plots. */
  function chart(group) {
    const words = page.words();
    const rows = timed(group.rows);
    const most = Math.max(...rows.map((row) => row.ha), 1e-9);
    const bars = rows.map((row, n) => {
      const [y, width] = [n * ROW, row.plots ? Math.max(1, (row.ha / most) * 190) : 0];
      return svg("g", row.plots ? opening(group, row) : {}, svg("text", { x: 0, y: y + 15, fill: "currentColor" }, named(row)), svg("rect", { x: 120, y: y + 3, width, height: 16, fill: page.colours().get(row.state), stroke: "#888" }),
        svg("text", { x: 126 + width, y: y + 15, fill: "currentColor" }, land(row)));
    });
    return svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 400 ${rows.length * ROW}`, role: "group", "aria-label": words.supply_chart, class: "chart", "font-size": 12, "font-family": "sans-serif", color: "#222" }, ...bars);
  }

  /** Draw each group of a split as one bar of its states. */
  function stacked(groups) {
    const [words, tongue] = [page.words(), page.language()];
    const most = Math.max(...groups.map((g) => g.ha), 1e-9);
    const bars = groups.map((group, n) => {
      let x = 0;
      const parts = group.rows.map((row) => {
        const width = (row.ha / most) * 300;
        const part = svg("rect", opening(group, row, { x, y: n * 40 + 18, width, height: 16, fill: page.colours().get(row.state), stroke: "#888", "stroke-width": 0.5 }), svg("title", {}, `${named(row)} ${land(row)}`));
        x += width;
        return part;
      });
      return svg("g", {}, svg("text", { x: 0, y: n * 40 + 13, fill: "currentColor" }, `${group.title[tongue]} · ${land(group)}`), ...parts);
    });
    return svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 400 ${groups.length * 40}`, role: "group", "aria-label": words.by_use, class: "chart", "font-size": 12, "font-family": "sans-serif", color: "#222" }, ...bars);
  }

  const colours = () => make("p", { class: "key" }, ...STATES.map((state) => make("span", {}, svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, svg("rect", { width: 12, height: 12, fill: page.colours().get(state) })), ` ${page.words()[`supply_${state}`] || page.words().supply_dated} `)));
  const keep = (drawing, name) => make("button", { type: "button", onclick: () => save(`${name}.svg`, new XMLSerializer().serializeToString(drawing), "image/svg+xml") }, page.words().save_svg);

  function table(group) {
    const [words, fmt] = [page.words(), page.fmt()];
    const head = make("tr", {}, ...[words.state, words.plots, "ha", words.mu, words.cumulative, `${words.contested} [ha]`].map((text, n) => make("th", { scope: "col", class: n ? "number" : null }, text)));
    const opens = (row) => make("button", { type: "button", class: "link", onclick: () => behind(group, row) }, fmt.upto(row.plots, 0));
    const cells = (row) => [row.ha, row.mu, row.cumulative_ha, row.contested_ha].map((n) => make("td", { class: "number" }, n === null ? "" : fmt.upto(n, 1)));
    const body = group.rows.map((row) => make("tr", {}, make("th", { scope: "row" }, named(row)), make("td", { class: "number" }, opens(row)), ...cells(row)));
    const total = make("tr", { class: "sum" }, make("th", { scope: "row" }, words.total), ...[group.plots, group.ha, group.mu].map((n) => make("td", { class: "number" }, fmt.upto(n, 1))), make("td"), make("td", { class: "number" }, fmt.upto(group.rows.reduce((all, row) => all + row.contested_ha, 0), 1)));
    return make("details", { open: group.split === "all" }, make("summary", {}, `${group.title[page.language()]} · ${land(group)}`), make("table", {}, head, ...body, total));
  }

  function csv() {
    const rows = page.supply().groups.flatMap((group) => group.rows.map((row) => [group.split, group.group, row.state, row.period, row.plots, row.ha, row.mu, row.contested_ha]));
    saveTable("supply.csv", [["split", "group", "state", "period", "plots", "ha", "mu", "contested_ha"], ...rows]);
  }

  function show() {
    const [words, fmt, supply] = [page.words(), page.fmt(), page.supply()];
    if (!supply) return byId("supply-answer").replaceChildren(supply === undefined ? words.loading : words.supply_stale);
    const all = supply.groups.find((group) => group.split === "all");
    const [bars, uses] = [chart(all), stacked(supply.groups.filter((group) => group.split === "use"))];
    byId("supply-answer").replaceChildren(
      make("p", { class: "figures" }, make("strong", {}, fmt.upto(all.ha, 1, "ha")), make("strong", {}, fmt.upto(all.mu, 1, words.mu)), make("strong", {}, `${fmt.upto(all.plots, 0)} ${words.plots}`)),
      make("h3", {}, words.supply_chart), bars, make("p", { class: "actions" }, keep(bars, "supply"), make("button", { type: "button", onclick: csv }, words.save_csv)),
      make("h3", {}, words.by_use), colours(), uses, make("p", { class: "actions" }, keep(uses, "uses")),
      make("div", { id: "supply-plots", "aria-live": "polite" }), ...supply.groups.map(table));
    for (const group of supply.groups) for (const row of group.rows) if (key(group, row) === read("figure")) behind(group, row);
  }
  return { open: async () => (ledger.load(), await page.load(), show()), close: () => (page.outline([]), write({ figure: "" })), paint: () => (show(), ledger.show()), restore: ledger.load };
}
