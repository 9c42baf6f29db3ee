/** Inputs for the columns of a layer: code lists as choices, days as days; what is left empty is not recorded. */

import { make } from "../map/dom.js";

/** @type {Record<string, string>} */ const TYPES = { date: "date", real: "number", integer: "number" };

/**
 * Make the input of a column.
 * @param {any} column @param {any} value as stored @param {Record<string, string>} words
 */
export function field(column, value, words) {
  const choices = column.type === "flag" ? [["true", words.yes], ["false", words.no]] : column.codes;
  const stored = value === null || value === undefined ? "" : String(value);
  const title = `${column.title}${column.unit ? ` (${column.unit === "m2" ? "m²" : column.unit})` : ""}${column.required ? " *" : ""}`;
  const option = (/** @type {[string, string]} */ [code, name]) => make("option", { value: code, selected: code === stored }, code === name ? code : `${name} (${code})`);
  const input = choices.length
    ? make("select", { name: column.name }, make("option", { value: "" }, "—"), ...choices.map(option))
    : make("input", { name: column.name, value: stored, type: TYPES[column.type] || "text", step: column.type === "real" ? "any" : null });
  return make("label", {}, make("span", {}, title), input);
}

/**
 * Read the values of a form as the server takes them.
 * @param {any} layer a layer of columns.json @param {HTMLFormElement} form
 * @returns {Record<string, any>}
 */
export function values(layer, form) {
  const read = (/** @type {any} */ column, /** @type {string} */ text) => (text === "" ? null : column.type === "flag" ? text === "true" : column.type === "real" || column.type === "integer" ? Number(text) : text);
  const data = new FormData(form);
  return Object.fromEntries(layer.fields.filter((/** @type {any} */ c) => data.has(c.name)).map((/** @type {any} */ c) => [c.name, read(c, String(data.get(c.name)))]));
}

/** Columns that people do not write. */
export const OWN = ["id", "edition", "parents"];
