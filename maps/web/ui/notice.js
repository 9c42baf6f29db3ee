/** One listing: the terms of its notice as a form, what the server says of them at their fields, the papers, the states. */

import { facts } from "../map/card.js";
import { byId, make } from "../map/dom.js";
import { past } from "../map/feature.js";
import * as server from "../map/server.js";
import { field } from "./fields.js";

const MONEY = "CNY";

/**
 * Make the view of a listing; `of` is what the list lends.
 * @param {any} page @param {any} of
 */
export function noticeView(page, of) {
  /** @type {{it: any, etag: string, typed: Record<string, string>, wrong: Record<string, any>, faulty: boolean, why: string}} */
  const now = { it: null, etag: "", typed: {}, wrong: {}, faulty: false, why: "" };
  const path = (more = "") => `${of.at(now.it.id)}${more}`;

  let turn = 0; // of the listings that are opened the last one counts

  /** Take a listing as the server tells it, with the mark of its version, unless another was opened meanwhile. @param {Response} answer @param {number} mine the turn in which it was asked for */
  async function take(answer, mine, typed = {}) {
    const it = await answer.json();
    if (mine === turn) Object.assign(now, { it, etag: answer.headers.get("ETag") ?? "", typed, wrong: {}, faulty: false });
  }

  const read = (id) => server.change("GET", `${of.at(id)}?f=json`);

  /** Write a term as one types it: sums by ten thousand where the reader counts so. @param {string} name */
  function stored(name) {
    const term = now.it.terms[name];
    if (!term) return "";
    if (term.unit === MONEY && page.language() === "zh" && term.value % 100 === 0) return `${term.value / 10_000}万元`;
    return term.typed === "True" ? "true" : term.typed === "False" ? "false" : term.typed;
  }

  /** Send a change; what is refused is told at its field, with everything that was typed still there. */
  async function send(method, where, body, done = "") {
    const mine = turn;
    of.told(page.words().loading);
    try {
      await take(await server.change(method, where, body, { "If-Match": now.etag, ...(body instanceof Blob ? { "Content-Type": "application/octet-stream" } : {}) }), mine);
      await of.changed();
      of.told(done);
    } catch (failure) {
      if (mine !== turn) return of.told(of.alert(of.why(failure)));
      const problem = failure instanceof server.Refusal ? failure.problem : null;
      if (problem?.status === 412) await take(await read(now.it.id), mine, now.typed); // somebody was faster: theirs is shown, what was typed stays to be saved again
      now.wrong = problem?.terms ?? {};
      now.faulty = problem?.title === "FaultyError";
      await of.changed().catch(() => null);
      of.told(of.alert(of.why(failure)));
      const first = document.querySelector("#notice-form [aria-invalid=true]");
      /** @type {any} */ (first)?.focus();
    }
  }

  function save(event) {
    event.preventDefault();
    const terms = Object.fromEntries(Object.entries(now.typed).filter(([name, text]) => text.trim() !== stored(name)).map(([name, text]) => [name, text.trim() || null]));
    if (!Object.keys(terms).length) return of.told(page.words().nothing_changed);
    send("PATCH", path(), { terms, reason: now.why }, page.words().saved.replace(/[::]$/, ""));
  }

  /** The input of a term, with what is wrong with it. */
  function input(name) {
    const [column, wrong] = [of.column(name), now.wrong[name]];
    const needed = of.form().needed.includes(name);
    const made = field({ ...column, required: needed, type: column.unit === MONEY ? "text" : column.type }, now.typed[name] ?? stored(name), page.words());
    const box = /** @type {HTMLInputElement} */ (made.querySelector("input, select"));
    box.addEventListener("input", () => (now.typed[name] = box.value));
    if (wrong) {
      box.setAttribute("aria-invalid", "true");
      box.setAttribute("aria-describedby", `wrong-${name}`);
      made.append(make("small", { class: "wrong", id: `wrong-${name}` }, `✗ ${of.say(wrong)}`));
    }
    return made;
  }

  function form() {
    const words = page.words();
    const section = (part, n) => make("details", { open: n < 2 || part.terms.some((name) => now.wrong[name]) }, make("summary", {}, of.say(part.title)), make("div", { class: "fields" }, ...part.terms.map(input)));
    const derived = make("small", {}, `${of.column("area").title}: ${of.say(now.it.terms.area?.said)} · * ${words.needed_for_review} · ${words.bounds_hint}`);
    return make("form", { id: "notice-form", onsubmit: save, novalidate: true }, derived, ...of.form().sections.map(section), make("button", { type: "submit", class: "primary" }, words.save));
  }

  /** The states that this reader may move it to; a publication against faults asks for its reason. */
  function moves() {
    const words = page.words();
    const go = (to, more = {}) => send("PUT", path("/state"), { state: to, reason: now.why, ...more });
    const buttons = now.it.moves.map((to) => of.button(words[`to_${to}`], () => (to === "withdrawn" || to === "sold" ? confirm(`${words[`to_${to}`]}: ${now.it.id}?`) && go(to) : go(to)), to === "published" || to === "reviewed" ? "primary" : ""));
    const reason = make("input", { id: "notice-reason", maxlength: 500, value: now.why, onchange: (event) => (now.why = event.target.value) });
    if (!buttons.length) return null;
    const override = /** @type {HTMLInputElement} */ (make("input", { id: "notice-override", maxlength: 2000, required: true }));
    const passed = now.faulty && make("form", { class: "override", onsubmit: (event) => (event.preventDefault(), go("published", { override: override.value.trim() })) },
      make("label", {}, make("span", {}, words.override_reason), override), make("button", { type: "submit" }, words.publish_anyway));
    return make("section", {}, make("p", { class: "fields" }, make("label", {}, make("span", {}, words.reason_document), reason)), make("p", { class: "actions moves" }, ...buttons), passed || null);
  }

  function scheme() {
    const words = page.words();
    const { it } = now;
    if (!it.alterable && !it.scheme.length) return null;
    const file = (f) => make("li", {}, make("a", { href: path(`/scheme/${encodeURIComponent(f.name)}`), download: f.name }, f.name), ` ${page.fmt().upto(f.size / 1000, 1, "kB")} `, make("small", {}, `SHA-256 ${f.sha256}`),
      it.alterable ? of.button(words.remove, () => send("DELETE", path(`/scheme/${encodeURIComponent(f.name)}`), null)) : null);
    const add = make("input", { type: "file", id: "notice-file", multiple: true, onchange: async (event) => {
      for (const one of [...event.target.files]) await send("PUT", path(`/scheme/${encodeURIComponent(one.name)}`), one);
    } });
    return make("section", {}, make("h3", {}, words.scheme), make("ul", { class: "scheme" }, ...it.scheme.map(file)), it.alterable ? make("label", {}, `${words.add_file} `, add) : null);
  }

  /** The papers as the public reads them, and the pack. */
  function papers() {
    const words = page.words();
    const tongue = `?lang=${page.language()}`;
    const link = (name, text) => make("a", { href: path(`/${name}${tongue}`), target: "_blank", rel: "noopener" }, text);
    const rows = (part) => [make("h4", {}, of.say(part.title)), make("table", { class: "notice-part" }, ...part.rows.map(([label, value]) => make("tr", {}, make("th", { scope: "row" }, of.say(label)), make("td", {}, of.say(value)))))];
    const picture = make("img", { class: "sheet", alt: `${words.parcel_map} ${now.it.plot}`, loading: "lazy", src: path(`/parcel_map.png${tongue}&v=${Date.now()}`) });
    const shown = (event) => event.target.open && event.target.lastChild.tagName !== "IMG" && event.target.append(picture);
    return make("section", {}, make("h3", {}, words.papers),
      make("p", { class: "actions" }, link("notice.pdf", `${words.notice_paper} PDF`), link("notice.docx", "DOCX"), link("parcel_map.pdf", `${words.parcel_map} PDF`),
        "level" in now.it.terms ? make("a", { href: path(`/pack.zip${tongue}`), download: `${now.it.id}.zip`, id: "notice-pack" }, words.download_pack) : null),
      make("details", { id: "notice-preview" }, make("summary", {}, words.notice_paper), ...now.it.notice.flatMap(rows)),
      make("details", { id: "sheet-preview", ontoggle: shown }, make("summary", {}, words.parcel_map)));
  }

  return {
    id: () => now.it?.id ?? "",
    plot: () => now.it?.plot ?? "",
    /** @param {string} id "" for none */
    async load(id) {
      const mine = ++turn;
      const answer = id ? await read(id) : null;
      if (mine !== turn) return;
      now.why = "";
      answer ? await take(answer, mine) : (now.it = null);
    },
    paint() {
      const [words, { it }] = [page.words(), now];
      const faults = it.faults.map((fault) => make("li", {}, of.say(fault)));
      return [
        of.button(`← ${words.all_listings}`, () => of.close(), "link"), make("h3", {}, it.id),
        facts(/** @type {[string, any][]} */ ([[words.plot, of.button(it.plot, () => page.show(it.plot), "link")], [words.state, of.badge(it.state)], it.published_on ? [words.published_on, page.fmt().day(it.published_on)] : null,
          [words.land_state, of.say(it.land)], it.override ? [words.override_reason, it.override] : null].filter(Boolean))),
        faults.length ? make("ul", { class: "faults" }, ...faults) : null,
        moves(), it.alterable ? form() : null, scheme(), papers(), past("listings", it.id, page),
      ].filter(Boolean);
    },
  };
}
