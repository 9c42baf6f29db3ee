/** What is recorded beside a project: its land, the opinions on it, the works, points set out, stakeholders, inspections, documents. */

import { make } from "../map/dom.js";
import { said } from "../map/feature.js";

/** The columns of each table that are told, where something of them is recorded. @type {Record<string, string[]>} */
const TOLD = {
  land_cases: ["review_status", "opinion_no", "opinion_on", "valid_until", "total_area", "first_phase_area", "contract_no", "supplied_on", "supplied_area"],
  opinions: ["department", "opinion", "number", "given_on", "valid_until", "conditions"],
  buildings: ["name", "progress", "floor_area", "started_on", "completed_on", "accepted_on", "title_on"],
  connections: ["utility", "parcel", "operator", "ordered_on", "planned_on", "connected_on"],
  relocations: ["name", "corridor", "operator", "planned_on", "done_on"],
  stakeholders: ["name", "kind", "contact", "contacted_on", "need", "settled_on"],
  inspections: ["day", "kind", "result", "subject", "inspector"],
  landscaping: ["name", "kind", "volume", "area", "planned_on", "done_on"],
  set_outs: ["parcel", "building", "requested_on", "done_on", "surveyor", "number"],
  documents: ["title", "number", "day", "sha256"],
};
export const TABLES = Object.keys(TOLD);

/**
 * Table what is recorded; tables without any record are named in one line.
 * @param {any[][]} found the features of each of TABLES @param {any} page
 */
export function records(found, page) {
  const [words, fmt, columns] = [page.words(), page.fmt(), page.columns()];
  const place = (layer, f) => (f.geometry ? make("button", { type: "button", class: "link", onclick: () => page.reveal(layer, f.id) }, f.id) : f.id);
  const one = (layer, rows) => {
    const names = TOLD[layer].filter((name) => rows.some((f) => f.properties[name] !== null));
    const fields = names.map((name) => columns[layer].fields.find((f) => f.name === name));
    const cell = (column, value) => make("td", {}, value === null ? "–" : column.name === "sha256" ? make("code", { title: value }, `${value.slice(0, 12)}…`) : said(column, value, words, fmt));
    const head = make("tr", {}, make("th", { scope: "col" }, words.number), ...fields.map((f) => make("th", { scope: "col" }, f.title)));
    const body = rows.map((f) => make("tr", {}, make("th", { scope: "row" }, place(layer, f)), ...fields.map((column) => cell(column, f.properties[column.name]))));
    return make("details", { "data-table": layer, open: rows.length <= 4 }, make("summary", {}, `${columns[layer].title} (${rows.length})`), make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": columns[layer].title }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body))));
  };
  const none = TABLES.filter((_, k) => !found[k].length);
  return [...TABLES.flatMap((layer, k) => (found[k].length ? [one(layer, found[k])] : [])), none.length ? make("small", {}, `${words.not_recorded}: ${none.map((layer) => columns[layer].title).join(", ")}`) : null].filter(Boolean);
}
