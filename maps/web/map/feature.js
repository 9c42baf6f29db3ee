/** Cards of stored features of any layer: attributes in words, and what happened to them. */

import { facts } from "./card.js";
import { make } from "./dom.js";
import * as server from "./server.js";
import { warned } from "./signs.js";

let unfolded = ""; // the feature whose history is read: its card is made anew by every change, also by an undo in it

/**
 * Say a stored value as its column means it: codes by their names, days and numbers as the reader writes them.
 * @param {any} column @param {any} value @param {Record<string, string>} words @param {import("./format.js").Formats} fmt
 */
export function said(column, value, words, fmt) {
  if (value === null || value === undefined || value === "") return words.not_recorded;
  if (typeof value === "boolean") return value ? words.yes : words.no;
  const code = column.codes.find((row) => row[0] === value);
  if (code) return code[1] === value ? value : `${code[1]}${/^\d/.test(value) ? ` (${value})` : ""}`;
  if (column.type === "date") return fmt.day(value);
  if (column.type === "real" || column.type === "integer") return fmt.upto(value, 3, { m2: "m²", m3: "m³", 1: "" }[column.unit] ?? column.unit);
  return String(value);
}

/**
 * List the attributes of a feature, those that are recorded first.
 * @param {any} layer a layer of columns.json @param {Record<string, any>} properties @param {any} page
 */
export function attributes(layer, properties, page) {
  const [words, fmt] = [page.words(), page.fmt()];
  const columns = layer.fields.filter((f) => f.name !== "id" && f.name in properties);
  const [known, not] = [columns.filter((f) => properties[f.name] !== null), columns.filter((f) => properties[f.name] === null)];
  return [facts(known.map((f) => [f.title, said(f, properties[f.name], words, fmt)])),
    ...(not.length ? [make("small", {}, `${words.not_recorded}: ${not.map((f) => f.title).join(", ")}`)] : [])];
}

/**
 * Offer the history of a feature, loaded when it is opened.
 * @param {string} layer @param {string} id @param {any} page
 */
export function past(layer, id, page) {
  const [words, fmt] = [page.words(), page.fmt()];
  const columns = new Map(page.columns()[layer].fields.map((f) => [f.name, f]));
  const body = make("div", {}, words.loading);
  const value = (name, state) => (columns.has(name) ? said(columns.get(name), state?.[name], words, fmt) : words.outline);
  const entry = (record) => {
    const names = Object.keys({ ...record.before, ...record.after }).filter((name) => record.before?.[name] !== record.after?.[name]);
    const changed = record.before && record.after ? names.map((name) => make("li", {}, `${columns.get(name)?.title || words.outline}: ${name === "geometry" ? words.changed : `${value(name, record.before)} → ${value(name, record.after)}`}`)) : [];
    return make("li", {}, make("strong", {}, fmt.moment(record.at)), ` ${record.actor} · ${record.before ? (record.after ? words.changed : words.deleted) : words.created}${record.reason ? ` · ${record.reason}` : ""} `,
      page.may("planner") ? make("button", { type: "button", class: "link", onclick: () => undo(record) }, words.undo) : null, changed.length ? make("ul", {}, ...changed) : null);
  };
  const undo = async (record) => {
    if (!confirm(`${words.undo_write} ${fmt.moment(record.at)} · ${record.actor}`)) return;
    try {
      await server.change("POST", `history/${record.seq}/undo`);
      await load();
    } catch (failure) {
      body.prepend(make("p", { class: "refusal", role: "alert" }, failure instanceof server.Refusal ? failure.say(page.language()) : words.failed));
    }
  };
  const load = async () => {
    try {
      const records = await server.past(layer, id);
      body.replaceChildren(make("ol", { class: "past", reversed: true }, ...records.reverse().map(entry)));
    } catch (failure) {
      body.replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
    }
  };
  const own = `${layer}/${id}`;
  const toggled = (event) => ((unfolded = event.target.open ? own : unfolded === own ? "" : unfolded), event.target.open && load());
  return make("details", { class: "history", open: unfolded === own, ontoggle: toggled }, make("summary", {}, words.history), body);
}

/**
 * Tell what is stored of a plot, which is known before anything is found out about it.
 * @param {any} plot its feature @param {any} page
 */
export const stored = (plot, page) => make("section", {}, make("h3", {}, page.words().recorded), ...attributes(page.columns().parcels, plot.properties, page));

/**
 * Tell what is recorded of a plot beside its sheet: attributes, the plan's indices, the projects on it, the past.
 * @param {any} sheet @param {any} plot its feature @param {any} page
 */
export async function recorded(sheet, plot, page) {
  const [words, fmt] = [page.words(), page.fmt()];
  const planned = sheet.checks.filter((line) => line.layer === "zoning").flatMap((line) => line.objects);
  const [zones, sites, projects] = await Promise.all([Promise.all([...new Set(planned)].map((id) => server.feature("zoning", id))), server.meeting("sites", plot.geometry), server.projectsOf(sheet.id, page.day())]);
  const columns = page.columns();
  const link = (layer, id, text) => make("button", { type: "button", class: "link", onclick: () => page.reveal(layer, id) }, text);
  const site = (id) => ((found) => (found ? [" · ", link("sites", id, found.properties.name || id), ` · ${said(columns.sites.fields.find((f) => f.name === "status"), found.properties.status, words, fmt)}`] : []))(sites.find((s) => s.id === id));
  const project = ({ id, sites: its, project: row }) => make("li", {}, row ? make("button", { type: "button", class: "link", onclick: () => page.project(id) }, row.name || id) : id,
    row ? ` · ${words[`stage_${row.stage}`]} · ${words.permits} ${row.done}/${row.steps} ` : "", row ? warned(row.warning, words, row.warnings) : null, ...its.flatMap(site));
  const named = new Set(projects.flatMap((p) => p.sites));
  const others = sites.filter((s) => !named.has(s.id)).map((s) => make("li", {}, ...site(s.id).slice(1)));
  return [
    stored(plot, page),
    make("section", {}, make("h3", {}, words.indices), ...(zones.length ? zones.flatMap((zone) => [make("p", {}, link("zoning", zone.id, zone.id)), ...attributes(columns.zoning, zone.properties, page)]) : [make("p", {}, words.no_plan)])),
    make("section", {}, make("h3", {}, words.projects), projects.length || others.length ? make("ul", { class: "of-plot" }, ...projects.map(project), ...others) : make("p", {}, words.none)),
    past("parcels", sheet.id, page),
  ];
}
