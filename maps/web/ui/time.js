/** The date slider: the map of any quarter without a request, the hectares that are serviced by then, and play. */

import { byId, make } from "../map/dom.js";
import { today } from "../map/format.js";

const STEP = 900; // ms
/** @type {any} */ let timer = null;

/**
 * List the first days of quarters from one year before `from` to the last day of the table, at least five years on.
 * @param {string} from @param {string[]} days
 */
export function quarters(from, days) {
  const first = Number(from.slice(0, 4)) - 1;
  const last = Math.max(first + 6, ...days.map((day) => Number(day.slice(0, 4)) + 1));
  const made = [];
  for (let year = first; year <= last; year++) for (const month of ["01", "04", "07", "10"]) made.push(`${year}-${month}-01`);
  return made;
}

/**
 * Sum the hectares that are serviced on a day, from the rows of the supply table by day for all plots; what is ready without a day is so since ever.
 * @param {any[]} rows @param {string} day
 */
export function hectares(rows, day) {
  return rows.filter((/** @type {any} */ row) => ["ready", "dated"].includes(row.state) && (row.begins ?? "") <= day).reduce((sum, row) => sum + row.ha, 0);
}

/**
 * Wire the slider up.
 * @param {any} page
 */
export function timeBar(page) {
  const range = byId("quarter");
  let steps = quarters(today(), []);

  function rows() {
    return page.serviced()?.groups?.find((/** @type {any} */ group) => group.split === "all")?.rows || [];
  }

  /** Say the day and what is serviced by it. */
  function tell() {
    const day = page.day() || today();
    const told = rows();
    const ha = told.length ? page.fmt().upto(hectares(told, day), 1, "ha") : page.serviced() === undefined ? page.words().loading : page.words().supply_stale;
    byId("serviced").textContent = `${page.words().serviced_by} ${page.fmt().day(day)}: ${ha}`;
    range.setAttribute("aria-valuetext", page.fmt().day(day));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    byId("play").setAttribute("aria-pressed", "false");
  }

  function step() {
    if (Number(range.value) >= steps.length - 1) return stop();
    range.value = String(Number(range.value) + 1);
    page.turn(steps[Number(range.value)]);
  }

  function refresh() {
    steps = quarters(today(), rows().map((/** @type {any} */ row) => row.begins).filter(Boolean));
    range.max = String(steps.length - 1);
    const day = page.day() || today();
    range.value = String(Math.max(0, steps.findLastIndex((one) => one <= day)));
    const list = byId("quarters");
    list.replaceChildren(...steps.map((_, n) => make("option", { value: n })));
    tell();
  }

  range.addEventListener("input", () => page.turn(steps[Number(range.value)]));
  byId("play").addEventListener("click", () => {
    if (timer) return stop();
    byId("play").setAttribute("aria-pressed", "true");
    timer = setInterval(step, STEP);
  });
  return { refresh, tell };
}
