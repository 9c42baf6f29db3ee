/** The panel: layers to switch, what their colours and patterns mean, where the data comes from. */

import { make } from "./dom.js";
import { swatch } from "./patterns.js";

const PLAIN = "#999999"; // beneath a pattern that stands on several colours: dark marks and white ones are seen on it

/**
 * List the layers with a box each and their legend.
 * @param {any} style the style, with its metadata
 * @param {{layer: string, value: string, label: string, colour: string, pattern: string, pending: string}[]} entries
 * @param {Record<string, boolean>} shown what the reader switched, by layer
 * @param {string} pending what pending plots take their colour from
 * @param {(layer: string, on: boolean) => void} turn @param {(pending: string) => void} tell
 * @param {Record<string, string>} words
 * @returns {HTMLElement[]}
 */
export function legendOf(style, entries, shown, pending, turn, tell, words) {
  const patterns = style.metadata["shudi:patterns"];
  const filled = new Set(style.layers.filter((/** @type {any} */ l) => ["fill", "raster"].includes(l.type)).map((/** @type {any} */ l) => l.metadata?.["shudi:layer"]));
  return Object.entries(style.metadata["shudi:layers"]).map(([name, layer]) => {
    const on = shown[name] ?? layer.visible;
    const box = make("input", { type: "checkbox", name, checked: on, onchange: (/** @type {any} */ event) => turn(name, event.target.checked) });
    const its = entries.filter((entry) => entry.layer === name);
    const coloured = (/** @type {any} */ entry) => !entry.pending || entry.pending === pending;
    const rows = its.filter((entry) => coloured(entry) || entry.pattern).map((entry) =>
      make("li", {}, swatch(coloured(entry) ? entry : { ...entry, colour: PLAIN }, filled.has(name) ? "area" : "line", patterns[`shudi-${entry.pattern}`]?.colour || "#222222"), entry.label));
    const list = make("ul", {}, ...rows);
    const offered = its.some((entry) => entry.pending);
    const folded = rows.length > 8 && !offered ? make("details", {}, make("summary", {}, `${words.legend} (${rows.length})`), list) : list;
    return make("fieldset", {}, make("label", {}, box, layer.title), offered ? choice(pending, tell, words) : null, folded);
  });
}

/**
 * Offer what pending plots are coloured by; their patterns tell their state either way.
 * @param {string} pending @param {(pending: string) => void} tell @param {Record<string, string>} words
 */
function choice(pending, tell, words) {
  const option = (/** @type {string} */ value) => make("option", { value, selected: value === pending }, words[`pending_${value}`]);
  const select = make("select", { id: "pending", onchange: (/** @type {any} */ event) => tell(event.target.value) }, option("state"), option("missing"));
  return make("p", {}, make("label", {}, `${words.pending_by} `, select), pending === "missing" ? make("small", {}, ` ${words.pending_from_near}`) : null);
}

/**
 * List the deliveries of each layer; a layer without one is unknown, and is said to be.
 * @param {any} about @param {"en" | "zh"} language @param {Record<string, string>} words
 * @returns {HTMLElement[]}
 */
export function sourcesOf(about, language, words) {
  return about.layers.map((/** @type {any} */ layer) => {
    const title = typeof layer.title === "string" ? layer.title : layer.title[language];
    const kinds = (/** @type {any} */ edition) => (edition.kinds?.length ? ` (${edition.kinds.join(", ")})` : "");
    const told = layer.editions.map((/** @type {any} */ edition) => make("li", {}, `${edition.date} ${edition.source}${kinds(edition)}`));
    return make("div", {}, make("strong", {}, title), told.length ? make("ul", {}, ...told) : `: ${words.no_source}`);
  });
}
