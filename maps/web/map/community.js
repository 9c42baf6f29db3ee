/** What the cards of divisions and of places where people live tell beside their attributes: what lies in them, what is reached on foot. */

import { make } from "./dom.js";
import * as server from "./server.js";

const SEVERITY = { within: "pass", beyond: "block", unknown: "unknown" };

/**
 * Tell it where there is something to tell, read when the card is shown.
 * @param {string} layer @param {string} id @param {any} page
 * @returns {HTMLElement | null}
 */
export function community(layer, id, page) {
  const told = { divisions: division, resettlements: circle }[layer];
  if (!told) return null;
  const box = make("section", { class: "community", "aria-live": "polite" }, page.words().loading);
  told(id, page).then((parts) => box.replaceChildren(...parts), (failure) => box.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed));
  return box;
}

/** What lies in a division, in areas that add up. @param {string} id @param {any} page */
async function division(id, page) {
  const found = await server.ask(`divisions/${encodeURIComponent(id)}`);
  const [words, fmt, states] = [page.words(), page.fmt(), page.states()];
  const named = (one) => make("button", { type: "button", class: "link", onclick: () => page.reveal("divisions", one.id) }, one.name);
  const list = (title, ones) => (ones.length ? make("p", {}, `${title}: `, ...ones.flatMap((one, k) => [k ? ", " : "", one])) : "");
  const row = (share) => make("tr", {}, make("td", {}, make("span", { class: `severity ${share.verdict}` }, words[share.verdict])), make("td", {}, states.get(share.ready_state) || words.unknown), make("td", { class: "number" }, fmt.number(share.plots, 0)), make("td", { class: "number" }, fmt.area(share.area_m2)));
  const rest = make("tr", {}, make("td", { colspan: 3 }, words.in_no_plot), make("td", { class: "number" }, fmt.area(found.beside_m2)));
  const sum = make("tr", { class: "sum" }, make("td", { colspan: 3 }, words.sum), make("td", { class: "number" }, fmt.area(found.area_m2)));
  const head = [words.verdict, words.column_readiness, words.plots, words.area].map((text, n) => make("th", { scope: "col", class: n > 1 ? "number" : null }, text));
  const project = (name) => make("button", { type: "button", class: "link", onclick: () => page.project(name) }, name);
  const home = (name) => make("button", { type: "button", class: "link", onclick: () => page.reveal("resettlements", name) }, name);
  return [make("h3", {}, words.what_lies_in), list(words.belongs_to, found.chain.map(named)), list(words.its_parts, found.parts.map(named)), found.stale ? make("p", { class: "unsure" }, words.stale_land) : "",
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...found.land.map(row), rest, sum)),
    list(page.columns().resettlements.title, found.resettlements.map(home)), list(words.view_projects, found.projects.map(project))];
}

/** What is reached on foot from a resettlement site. @param {string} id @param {any} page */
async function circle(id, page) {
  const found = await server.ask(`living-circle/resettlements/${encodeURIComponent(id)}${page.day() ? `?on=${page.day()}` : ""}`);
  const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
  const row = (r) => make("tr", {}, make("th", { scope: "row" }, r.title[tongue]), make("td", {}, make("span", { class: `severity ${SEVERITY[r.state]}` }, words[`reach_${r.state}`])),
    make("td", {}, r.amenity ? make("button", { type: "button", class: "link", onclick: () => page.reveal("amenities", r.amenity) }, r.amenity) : "–"), make("td", { class: "number" }, r.walk_m === null ? "–" : fmt.upto(r.walk_m, 0, "m")));
  const head = [words.amenity, words.reached, words.nearest, words.on_foot].map((text, n) => make("th", { scope: "col", class: n > 2 ? "number" : null }, text));
  return [make("h3", {}, `${words.living_circle} (${fmt.upto(found.reach_m, 0, "m")}, ${words.as_on} ${fmt.day(found.on)})`), make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...found.kinds.map(row)))];
}
