/** Who lies along the works of a project, read when it is asked for: the parcels beside them, and who was spoken to. */

import { make } from "../map/dom.js";
import * as server from "../map/server.js";

const WIDTHS = [20, 50, 100, 200, 500]; // metres from the works
const MOST = 200; // rows that are drawn

/**
 * Offer the list.
 * @param {string} id of the project @param {any} page
 */
export function alongWorks(id, page) {
  const [words, fmt] = [page.words(), page.fmt()];
  const body = make("div", { "aria-live": "polite" });
  const width = /** @type {HTMLSelectElement} */ (make("select", { name: "within", onchange: () => load() }, ...WIDTHS.map((m) => make("option", { value: m, selected: m === 50 }, `${m} m`))));
  let turn = 0;

  function row(/** @type {any} */ r) {
    const name = make("button", { type: "button", class: "link", onclick: () => page.reveal(r.layer, r.id) }, r.id);
    const day = (/** @type {string | null} */ on) => make("td", { class: "day" }, on ? fmt.day(on) : "–");
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, page.columns()[r.layer].title), make("td", {}, r.name || words.not_recorded), make("td", { class: "number" }, fmt.upto(r.distance_m, 1)),
      day(r.contacted_on), make("td", {}, r.need || "–"), day(r.settled_on));
  }

  async function load() {
    const mine = ++turn;
    body.replaceChildren(words.loading);
    try {
      const found = await server.ask(`projects/${encodeURIComponent(id)}/stakeholders?within=${width.value}`);
      if (mine !== turn) return;
      const head = [words.number, words.layer, words.name, words.metres_away, words.spoken_to, words.asks_for, words.settled];
      body.replaceChildren(
        make("p", {}, `${words.parcels_along}: ${fmt.number(found.parcels, 0)} · ${words.spoken_to}: ${fmt.number(found.parcels_contacted, 0)} · ${words.stakeholders_along}: ${fmt.number(found.stakeholders, 0)} · ${words.spoken_to}: ${fmt.number(found.stakeholders_contacted, 0)}`),
        found.unsurveyed_m2 > 0 ? make("p", { class: "unsure" }, `${words.unsurveyed_along}: ${fmt.area(found.unsurveyed_m2)}`) : "", found.absent.length ? make("p", { class: "refusal" }, `${words.absent_roads}: ${found.absent.join(", ")}`) : "",
        make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": words.along_works }, make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...found.rows.slice(0, MOST).map(row)))),
        found.rows.length > MOST ? make("small", {}, `${fmt.number(MOST, 0)} / ${fmt.number(found.rows.length, 0)}`) : "");
    } catch (failure) {
      if (mine === turn) body.replaceChildren(make("p", { class: "refusal", role: "alert" }, failure instanceof server.Refusal ? failure.say(page.language()) : words.failed));
    }
  }

  return make("details", { class: "along", ontoggle: (/** @type {any} */ event) => event.target.open && !turn && load() }, make("summary", {}, words.along_works), make("p", {}, make("label", {}, `${words.within} `, width)), body);
}
