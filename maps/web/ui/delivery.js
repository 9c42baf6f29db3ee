/** A delivery step by step: a file is looked at, its columns are chosen, what it brings is drawn beside what is rejected, and it is stored. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { field, OWN } from "./fields.js";
import { boundsOf, draw, feature } from "./outlines.js";

const POLL = 700; // ms
const GOING = ["accepted", "running"];
const SHOWN = 50; // rejects that are listed
const FIXED = "\u0000"; // the choice of a value in the place of a column

/**
 * Wire the form up.
 * @param {any} page
 */
export function deliveryForm(page) {
  /** @type {{id: string, layer: string, file: File | null, result: any, features: any[], accepted: any[]}} */
  const now = { id: "", layer: "", file: null, result: null, features: [], accepted: [] };
  /** @type {Map<string, {column: string, value: string}>} what was chosen for a field */ const chosen = new Map();
  /** @type {() => any[]} what was said last, in the reader's language */ let said = () => [];
  /** @type {AbortController | null} of a file that is being sent */ let sending = null;
  let turn = 0;
  let [reason, accept] = ["", ""];
  const told = (/** @type {() => any[]} */ saying) => ((said = saying), byId("import-answer").replaceChildren(...said()));
  const button = (text, go, kind = "") => make("button", { type: "button", onclick: go, class: kind || null }, text);
  const alert = (/** @type {() => string} */ text) => told(() => [make("p", { role: "alert", class: "refusal" }, text())]);
  const say = (text) => text?.[page.language()] ?? "";
  const failed = (failure) => alert(() => (failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed));

  /** Wait until a step is over, telling how far it is; null where another was begun meanwhile. @param {string} path @param {() => void} stop */
  async function until(path, stop, mine = turn) {
    const bar = /** @type {HTMLProgressElement} */ (make("progress", { max: 100, value: 0, "aria-label": page.words().loading }));
    told(() => [bar, button(page.words().cancel, stop)]);
    for (;;) {
      const step = await server.ask(path);
      if (mine !== turn) return null;
      if (!GOING.includes(step.state)) return step;
      bar.value = step.progress;
      await new Promise((go) => setTimeout(go, POLL));
    }
  }

  /** End what is being looked at, and forget it. */
  async function cancel() {
    const { id } = now;
    turn++;
    sending?.abort();
    forget();
    told(() => [page.words().cancelled]);
    if (id) await server.change("DELETE", `imports/${id}`).catch(() => null);
  }

  function forget() {
    Object.assign(now, { id: "", result: null, features: [], accepted: [] });
    paint();
  }

  /** How the file is to be read: what the form says and what was chosen for each field. */
  function query() {
    const form = new FormData(byId("import-form"));
    const asked = new URLSearchParams({ layer: now.layer, name: now.file?.name ?? "" });
    for (const [name, { column, value }] of chosen) asked.append("map", column === FIXED ? `${name}:=${value}` : `${name}=${column}`);
    for (const name of ["crs", "source", "date", "coverage"]) if (form.get(name)) asked.set(name, String(form.get(name)));
    for (const kind of String(form.get("kinds")).split(/[\s,,]+/)) if (kind) asked.append("kinds", kind);
    if (form.has("repair")) asked.set("repair", "true");
    return asked;
  }

  /** Send the file and show what it would bring: nothing is stored yet. */
  async function look() {
    const [mine, before] = [++turn, now.id];
    sending?.abort();
    sending = new AbortController();
    forget();
    told(() => [page.words().sending, " ", button(page.words().cancel, cancel)]);
    if (before) server.change("DELETE", `imports/${before}`).catch(() => null);
    try {
      const headers = { Accept: "application/json", "Content-Type": "application/octet-stream" };
      const answer = await fetch(`imports?${query()}`, { method: "POST", headers, body: now.file, signal: sending.signal });
      const sent = await answer.json().catch(() => null);
      if (mine !== turn) return void (sent?.id && server.change("DELETE", `imports/${sent.id}`).catch(() => null));
      if (!answer.ok) throw new server.Refusal(answer.status, sent);
      now.id = sent.id;
      const step = await until(`imports/${now.id}`, cancel);
      if (step) step.state === "successful" ? await preview(step.result) : over(step);
    } catch (failure) {
      if (mine === turn) failed(failure);
    }
  }

  /** Draw what is accepted and what is rejected, and offer to map otherwise or to store. @param {any} result */
  async function preview(result) {
    const mine = turn;
    const none = { features: [] };
    const [rejects, accepted] = await Promise.all([
      result.rejected ? server.ask(`imports/${now.id}/rejects?crs=EPSG:4326`).catch(() => none) : none, result.shown ? server.ask(`imports/${now.id}/accepted`).catch(() => none) : none]);
    if (mine !== turn) return;
    Object.assign(now, { result, features: rejects.features, accepted: accepted.features });
    paint();
    const placed = [...now.accepted, ...now.features].filter((f) => f.geometry).map((f) => f.geometry.coordinates);
    if (placed.length) page.fit(boundsOf({ coordinates: placed }));
    told(offer);
  }

  function offer() {
    const [words, { result }] = [page.words(), now];
    const held = make("input", { id: "import-reason", maxlength: 500, value: reason, onchange: (event) => (reason = event.target.value) });
    const stand = make("input", { id: "import-accept", maxlength: 500, value: accept, onchange: (event) => (accept = event.target.value) });
    const place = (f) => (f.geometry ? [" ", button(words.on_map, () => page.mark([f.geometry], "block"), "link")] : []);
    const why = (f) => make("li", {}, [f.properties.id || `#${f.properties.number}`, f.properties[page.language()], f.properties.detail].filter(Boolean).join(" · "), ...place(f));
    const drawn = result.shown < result.accepted ? ` (${words.drawn_first} ${result.shown})` : "";
    return [
      make("p", { class: "accepted" }, `${words.accepted}: ${result.accepted} · ${words.rejected}: ${result.rejected}`, make("small", {}, ` ${words.drawn_both}${drawn}`)),
      make("details", { open: true, id: "import-mapping" }, make("summary", {}, words.mapping), mapping(), make("p", { class: "actions" }, button(words.look_again, look))),
      ...result.notes.map((note) => make("p", { class: "note" }, say(note))),
      now.features.length ? make("ul", { class: "rejects" }, ...now.features.slice(0, SHOWN).map(why)) : "",
      make("p", { class: "fields" }, make("label", {}, make("span", {}, words.reason_document), held), now.layer === "parcels" ? make("label", {}, make("span", {}, words.accept_reason), stand) : null),
      make("p", { class: "actions" }, button(words.store_all, () => bring(false)), result.rejected ? button(words.store_rest, () => bring(true)) : null, button(words.cancel, cancel)),
    ];
  }

  /** The fields of the layer, each with the columns that the file offers, or a value for all. */
  function mapping() {
    const words = page.words();
    const columns = page.columns()[now.layer].fields.filter((c) => c.name === "id" || !OWN.includes(c.name));
    const row = (column) => {
      const used = now.result.mapping.find((line) => line.field === column.name);
      const at = chosen.get(column.name) ?? { column: used.source.startsWith("= ") ? FIXED : used.source, value: used.source.replace(/^= /, "") };
      const fixed = /** @type {HTMLInputElement} */ (field(column, at.value, words).querySelector("input, select"));
      fixed.setAttribute("aria-label", `${column.title}: ${words.fixed_value}`);
      fixed.hidden = at.column !== FIXED;
      const take = () => ((fixed.hidden = select.value !== FIXED), chosen.set(column.name, { column: select.value, value: fixed.value }));
      const option = (value, text) => make("option", { value, selected: value === at.column }, text);
      const select = /** @type {HTMLSelectElement} */ (make("select", { name: `map-${column.name}`, "aria-label": column.title, onchange: take }, option("", "—"), ...now.result.columns.map((name) => option(name, name)), option(FIXED, words.fixed_value)));
      fixed.addEventListener("change", take);
      return make("tr", {}, make("th", { scope: "row" }, `${column.title}${column.required ? " *" : ""}`), make("td", {}, select, fixed), make("td", {}, make("small", {}, used.examples)));
    };
    return make("table", { class: "mapping" }, make("tr", {}, ...[words.field, words.column, words.examples].map((text) => make("th", { scope: "col" }, text))), ...columns.map(row));
  }

  /** Say how a step ended that did not succeed. */
  const over = (/** @type {any} */ step) => (step.state === "dismissed" ? told(() => [page.words().cancelled]) : alert(() => say(step.detail) || step.state));

  /** Store what was looked at; to end that stores nothing, and is said when it has stopped. @param {boolean} skip */
  async function bring(skip) {
    const { id } = now;
    const stop = () => server.change("DELETE", `imports/${id}/delivery`).catch(() => null);
    try {
      await server.change("POST", `imports/${id}/delivery`, { reason, accept, skip_rejects: skip });
      const step = await until(`imports/${id}/delivery`, stop);
      if (!step) return;
      if (step.state !== "successful") return over(step);
      forget();
      chosen.clear();
      told(() => [page.words().stored]);
    } catch (failure) {
      failed(failure);
    }
  }

  function paint() {
    draw(page.map(), [...now.accepted.filter((f) => f.geometry).map((f) => feature(f.geometry, { severity: "pass" })), ...now.features.filter((f) => f.geometry).map((f) => feature(f.geometry, { severity: "block", chosen: true }))]);
  }

  byId("import-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData(byId("import-form"));
    const [layer, file] = [String(form.get("layer")), /** @type {File} */ (form.get("file"))];
    if (layer !== now.layer || file.name !== now.file?.name) chosen.clear();
    Object.assign(now, { layer, file });
    look();
  });
  return { paint: () => (paint(), told(said)) };
}
