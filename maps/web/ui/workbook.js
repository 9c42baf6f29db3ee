/** The ledger as a workbook: fetched, edited elsewhere, brought back; what it changes is shown cell by cell and stored when it is confirmed. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";

const BINARY = { "Content-Type": "application/octet-stream" };
const SHOWN = 200; // cells that are listed at once

/**
 * Wire the form up.
 * @param {any} page
 */
export function workbookForm(page) {
  let turn = 0;
  /** @param {...any} parts */
  const told = (...parts) => byId("workbook-answer").replaceChildren(...parts);
  /** @param {unknown} failure */
  const failed = (failure) => told(make("p", { role: "alert", class: "refusal" }, failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed)));
  /** @param {string} method @param {File} file @param {Record<string, string>} more */
  const send = async (method, file, more) => (await server.change(method, `ledger/workbook?${new URLSearchParams({ name: file.name, ...more })}`, file, BINARY)).json();

  /** Show what the chosen workbook would change: nothing is stored yet. @param {Event} event */
  async function compare(event) {
    event.preventDefault();
    const [file, mine] = [/** @type {File | undefined} */ (byId("workbook-file").files[0]), ++turn];
    if (!file) return;
    told(make("p", {}, page.words().workbook_reading));
    try {
      const found = await send("POST", file, {});
      if (mine === turn) show(file, found);
    } catch (failure) {
      if (mine === turn) failed(failure);
    }
  }

  /** @param {File} file @param {{token: string, cells: any[], changed: any[]}} found */
  function show(file, found) {
    const [words, tongue] = [page.words(), page.language()];
    if (!found.changed.length) return told(make("p", {}, words.workbook_same));
    /** @param {string | null} value */
    const value = (value) => make("td", {}, value === null ? make("em", {}, words.nothing) : value);
    /** @param {any} c */
    const row = (c) => make("tr", {}, make("td", {}, page.columns()[c.layer]?.title ?? c.layer), make("th", { scope: "row" }, c.id), make("td", {}, c.title[tongue]), value(c.before), value(c.after));
    const body = make("tbody", {}, ...found.cells.slice(0, SHOWN).map(row));
    const left = found.cells.slice(SHOWN);
    const rest = left.length ? make("button", { type: "button", class: "more", onclick: () => (body.append(...left.map(row)), rest?.remove()) }, `${words.show_more} (${page.fmt().number(left.length, 0)})`) : null;
    const head = make("tr", {}, ...[words.layer, words.number, words.workbook_column, words.workbook_before, words.workbook_after].map((text) => make("th", { scope: "col" }, text)));
    const reason = /** @type {HTMLInputElement} */ (make("input", { id: "workbook-reason", maxlength: 500, value: file.name }));
    const store = /** @type {HTMLButtonElement} */ (make("button", { type: "button", class: "primary", onclick: () => confirm(file, found.token, reason.value, store) }, words.workbook_store));
    told(
      make("p", {}, `${words.workbook_changes}: ${page.fmt().number(found.cells.length, 0)} · ${words.workbook_records}: ${page.fmt().number(found.changed.length, 0)}. ${words.workbook_unstored}`),
      make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": words.workbook_changes }, make("table", { class: "projects" }, make("thead", {}, head), body), rest),
      make("p", {}, make("label", {}, `${words.reason_document} `, reason)),
      make("p", { class: "actions" }, store, " ", make("button", { type: "button", onclick: () => told() }, words.cancel)));
  }

  /** Store exactly what was shown. @param {File} file @param {string} token @param {string} reason @param {HTMLButtonElement} store */
  async function confirm(file, token, reason, store) {
    store.disabled = true;
    const mine = ++turn;
    try {
      const done = await send("PUT", file, { token, reason });
      if (mine === turn) told(make("p", {}, `${page.words().stored}: ${page.fmt().number(done.changed.length, 0)} ${page.words().workbook_records}`));
    } catch (failure) {
      if (mine === turn) failed(failure);
    }
  }

  byId("workbook-form").addEventListener("submit", compare);
  byId("workbook-import").addEventListener("click", () => page.bring("projects"));
  byId("workbook-file").addEventListener("change", () => (++turn, told()));
  return { speak: () => byId("workbook-fetch").setAttribute("href", `ledger/workbook${page.day() ? `?on=${page.day()}` : ""}`) };
}
