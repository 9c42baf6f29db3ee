/** What to do where somebody else was faster: what was read, what is stored now and what was written, column by column. */

import { make } from "../map/dom.js";
import { said } from "../map/feature.js";

/**
 * Show a conflict and let the reader decide.
 * @param {any[]} columns of the layer @param {{was: any, stored: any, mine: any}} versions
 * @param {() => void} take what is stored @param {(() => void) | null} keep what was written, where that can be done again @param {any} page
 */
export function conflict(columns, { was, stored, mine }, take, keep, page) {
  const words = page.words();
  const differing = columns.filter((c) => String(was[c.name] ?? "") !== String(stored[c.name] ?? "") || c.name in mine);
  const cell = (c, v) => make("td", {}, said(c, v, words, page.fmt()));
  const rows = differing.map((c) => make("tr", {}, make("th", { scope: "row" }, c.title), cell(c, was[c.name]), cell(c, stored[c.name]), cell(c, c.name in mine ? mine[c.name] : was[c.name])));
  const head = make("tr", {}, ...["", words.you_read, words.stored_now, words.you_write].map((text) => (text ? make("th", { scope: "col" }, text) : make("td", {}))));
  const button = (text, go) => make("button", { type: "button", onclick: go }, text);
  return [make("p", { role: "alert", class: "refusal" }, words.conflict), make("table", { class: "conflict" }, head, ...rows), make("p", { class: "actions" }, button(words.take_theirs, take), keep && button(words.keep_mine, keep))];
}
