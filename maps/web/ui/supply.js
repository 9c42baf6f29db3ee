/** The dashboard: serviced land by quarter, use and size; every figure leads to its plots, and the table can be saved. */

import { byId, make, save, svg } from "../map/dom.js";

const STATES = { ready: "#0072B2", dated: "#56B4E9", undated: "#E69F00", never: "#D55E00", unknown: "#BBBBBB", blocked: "#882255" };

/**
 * Wire the view up.
 * @param {{words: () => Record<string, string>, language: () => "en" | "zh", supply: () => any, load: () => Promise<void>}} page
 */
export function supplyView(page) {
  const figure = (value, digits = 1) => page.fmt().upto(value, digits);
  const named = (row) => (row.state === "dated" ? row.period : page.words()[`supply_${row.state}`]);

  /** Draw the rows of all plots as bars, each with its figure beside it. */
  function chart(rows) {
    const most = Math.max(...rows.map((row) => row.ha), 1e-9);
    const bars = rows.map((row, n) => {
      const [y, width] = [n * 24, Math.max(1, (row.ha / most) * 190)];
      return svg("g", {}, svg("text", { x: 0, y: y + 15 }, named(row)), svg("rect", { x: 120, y: y + 3, width, height: 16, fill: STATES[row.state], stroke: "#222" }),
        svg("text", { x: 126 + width, y: y + 15 }, `${figure(row.ha)} ha`));
    });
    return svg("svg", { viewBox: `0 0 400 ${rows.length * 24}`, role: "img", "aria-label": page.words().supply_chart, class: "chart" }, ...bars);
  }

  function table(group) {
    const words = page.words();
    const head = make("tr", {}, ...[words.state, words.plots, "ha", words.mu, words.cumulative].map((text) => make("th", { scope: "col" }, text)));
    const body = group.rows.map((row) => make("tr", {}, make("th", { scope: "row" }, named(row)), ...[row.plots, row.ha, row.mu, row.cumulative_ha].map((n) => make("td", { class: "number" }, n === null ? "" : figure(n)))));
    const total = make("tr", {}, make("th", { scope: "row" }, words.total), ...[group.plots, group.ha, group.mu].map((n) => make("td", { class: "number" }, figure(n))), make("td"));
    return make("details", { open: group.split === "all" }, make("summary", {}, `${group.title[page.language()]} · ${figure(group.ha)} ha`), make("table", {}, head, ...body, total));
  }

  function csv() {
    const lines = [["split", "group", "state", "period", "plots", "ha", "mu"].join()];
    for (const group of page.supply().groups) for (const row of group.rows) lines.push([group.split, group.group, row.state, row.period ?? "", row.plots, row.ha, row.mu].join());
    save("supply.csv", `\ufeff${lines.join("\r\n")}\r\n`, "text/csv");
  }

  function show() {
    const [words, supply] = [page.words(), page.supply()];
    if (!supply) return byId("supply-answer").replaceChildren(words.supply_stale);
    const all = supply.groups.find((group) => group.split === "all");
    byId("supply-answer").replaceChildren(
      make("p", {}, `${figure(all.ha)} ha · ${figure(all.mu)} ${words.mu} · ${figure(all.plots, 0)} ${words.plots}`),
      chart(all.rows), make("button", { type: "button", onclick: csv }, words.save_csv), ...supply.groups.map(table));
  }
  return { open: async () => (await page.load(), show()), paint: show };
}
