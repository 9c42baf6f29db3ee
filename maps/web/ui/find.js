/** Find land: the brief as a form, the matches ranked on the map and in a list, up to four side by side. */

import { read, write } from "../map/address.js";
import { byId, make, saveTable } from "../map/dom.js";
import * as server from "../map/server.js";
import { questions } from "./job.js";
import { boundsOf, draw, feature } from "./outlines.js";

const MOST = 4;
const LOADS = { power: "kW", water: "m³/d", sewage: "m³/d", storm: "m³/d", telecom: "ports", gas: "m³/h", heat: "t/h" };
const SERVICES = ["road", ...Object.keys(LOADS)];
const WISHES = [...SERVICES, "area", "use", "frontage", "slope", "width", "road_class", "earthwork", "distance", "load", "size", "budget"];
/** Name a criterion. @param {Record<string, string>} words @param {string} name */
const titled = (words, name) => (name === "earthwork" ? words.earthwork_most : words[name]);
const CODED = ["kind", "class", "code", "status"];
const NEAR = /^(\w+(?::\w+)?)(<=|>=)([\d.]+)$/;
const SIGNS = { yes: "✓", no: "✗", unknown: "?" };
/** @type {any} */ let found = null;
/** @type {any} the brief that was asked */ let now = null;
/** @type {Set<number>} */ const compared = new Set();

/**
 * Offer a box for each service, with the load of the project, and one for each criterion that may be a wish, with weights.
 * @param {any} page
 */
export function boxes(page) {
  const [words, form] = [page.words(), byId("find-form")];
  const begun = form.querySelector("[name=service]") ? new FormData(form) : null;
  const on = (name, value) => (begun ? begun.getAll(name).includes(value) : name === "service" && SERVICES.indexOf(value) < 3);
  const box = (name, value) => make("label", {}, make("input", { type: "checkbox", name, value, checked: on(name, value) }), ` ${titled(words, value)}`);
  const number = (name, title, hint) => make("input", { type: "number", class: "small", name, min: 0, step: "any", value: begun?.get(name) ?? "", placeholder: hint, "aria-label": title });
  const load = (kind) => (LOADS[kind] ? number(`load_${kind}`, `${words.load}: ${words[kind]} [${LOADS[kind]}]`, LOADS[kind]) : null);
  const size = (kind) => (LOADS[kind] ? number(`size_${kind}`, `${words.size}: ${words[kind]} [${kind === "power" ? "kV" : "mm"}]`, kind === "power" ? "≥ kV" : "≥ DN") : null);
  byId("find-services").replaceChildren(make("legend", {}, words.services), ...SERVICES.map((kind) => make("span", { class: "pair" }, box("service", kind), load(kind), size(kind))));
  byId("find-wishes").replaceChildren(...WISHES.map((name) => make("span", { class: "pair" }, box("wish", name), number(`weight_${name}`, `${words.weight}: ${titled(words, name)}`, "1"))));
}

/** Read the distances out of the form, as `roads:arterial<=500`. @param {HTMLElement} rows */
const nearOf = (rows) => [...rows.querySelectorAll("p")].map((row) => [...row.querySelectorAll("select, input")].map((f) => /** @type {any} */ (f).value).join("")).filter((text) => NEAR.test(text));

/**
 * Read a range of areas [m²]: what is left open is any area.
 * @param {number | undefined} least @param {number | undefined} most @param {string} unit mu, m2 or ha
 */
export function areaOf(least, most, unit) {
  const each = /** @type {Record<string, number>} */ ({ m2: 1, ha: 10_000 })[unit] ?? 2000 / 3;
  const from = (least ?? 0) * each || 1;
  return [from, most === undefined ? Math.max(from * 1.5, 1e9) : most * each];
}

/**
 * Read the brief out of the form.
 * @param {FormData} form
 * @param {string[]} near
 */
function brief(form, near) {
  const number = (name) => (form.get(name) ? Number(form.get(name)) : undefined);
  const numbers = (kind) => Object.fromEntries([...form].filter(([name, value]) => name.startsWith(kind) && value !== "").map(([name, value]) => [name.slice(kind.length), Number(value)]));
  const [weights, wished] = [numbers("weight_"), form.getAll("wish").map(String)];
  const far = (text) => {
    const [, what, sign, metres] = /** @type {RegExpExecArray} */ (NEAR.exec(text));
    const [layer, kind] = what.split(":");
    return { layer, kind: kind ?? "", [sign === "<=" ? "most_m" : "least_m"]: Number(metres) };
  };
  return {
    area_m2: areaOf(number("least"), number("most"), String(form.get("unit"))),
    use: form.get("use") || undefined, services: form.getAll("service"), by: form.get("by") || undefined,
    road_class: form.get("road") || undefined, frontage_m: number("frontage"), width_m: number("width"),
    slope: form.get("slope") ? Number(form.get("slope")) / 100 : undefined,
    loads: numbers("load_"), sizes: numbers("size_"), earthwork_m: number("earthwork"), budget_cny: form.get("budget") ? Number(form.get("budget")) * 10_000 : undefined, near: near.map(far),
    wishes: Object.fromEntries(wished.map((name) => [name, weights[name] ?? 1])),
    weights: Object.fromEntries(Object.entries(weights).filter(([name]) => !wished.includes(name))),
    kinds: form.getAll("kind"), across_roads: form.has("across"), limit: 20, answer_crs: "EPSG:4326",
  };
}

/**
 * Wire the view up.
 * @param {any} page
 */
export function findView(page) {
  const say = (text) => text[page.language()];
  const figure = (value, digits) => page.fmt().upto(value, digits);

  function paint() {
    const shapes = (found?.matches || []).map((match, n) => feature(match.geometry, { severity: "pass", chosen: compared.has(n), rank: String(n + 1) }));
    draw(page.map(), shapes);
  }

  function term(one) {
    const cure = one.cure ? ` → ${say(one.cure)}${one.cured_from ? ` (${page.fmt().day(one.cured_from)})` : ""}` : "";
    return make("li", {}, `${SIGNS[one.fit]} ${say(one.title)}: ${say(one.value)} `, make("small", {}, `(${say(one.wanted)}) +${figure(one.part, 3)}${cure}`));
  }

  function row(match, n) {
    const words = page.words();
    const title = `${n + 1}. ${match.plots.join(" + ")}`;
    const go = () => page.mark([match.geometry]);
    const pick = (event) => {
      event.target.checked && compared.size < MOST ? compared.add(n) : compared.delete(n);
      write({ compare: [...compared].map((n) => n + 1).join() });
      show();
      byId("find-answer").querySelectorAll(".match input")[n].focus();
    };
    const more = [
      match.rest_m2 === null ? null : make("p", {}, `${words.left_over}: ${figure(match.rest_m2, 0)} m² · ${words.width} ${figure(match.rest_width_m, 1)} · ${words.frontage} ${figure(match.rest_front_m, 1)}`),
      match.compactness === null ? null : make("p", {}, `${words.compactness} ${figure(match.compactness, 2)} · ${words.owners} ${match.owners}`),
    ];
    return make("li", { class: "match" },
      make("button", { type: "button", class: "link", onclick: go }, title), ` ${words[`kind_${match.kind}`]} · ${page.fmt().area(match.area_m2)} · ${figure(match.area_m2, 0)} m² · `,
      make("strong", {}, figure(match.score, 3)),
      match.plots.length === 1 ? make("button", { type: "button", class: "link", onclick: () => page.show(match.plots[0]) }, words.card) : null,
      make("label", {}, make("input", { type: "checkbox", checked: compared.has(n), onchange: pick }), words.compare),
      ...more, make("details", {}, make("summary", {}, words.why), make("ul", {}, ...match.terms.map(term))));
  }

  /** List the criteria of the matches: each once, as the first that has it says it. */
  const criteria = () => [...new Map(found.matches.flatMap((m) => m.terms).map((one) => [one.criterion, say(one.title)]))];

  /** All matches as a table: a rank a row, a criterion a column. */
  function table() {
    const words = page.words();
    const heads = [words.rank, words.lot, words.area, words.score, ...criteria().map(([, title]) => title)];
    const cell = (m, name) => m.terms.filter((t) => t.criterion === name).map((t) => `${SIGNS[t.fit]} ${say(t.value)}`).join();
    const row = (m, n) => make("tr", {}, make("td", { class: "number" }, n + 1), make("th", { scope: "row" }, make("button", { type: "button", class: "link", onclick: () => page.mark([m.geometry]) }, m.plots.join(" + "))),
      make("td", { class: "number" }, page.fmt().area(m.area_m2)), make("td", { class: "number" }, figure(m.score, 3)), ...criteria().map(([name]) => make("td", {}, cell(m, name))));
    return make("details", { class: "ranked" }, make("summary", {}, words.as_table), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words.as_table }, make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...found.matches.map(row)))));
  }

  /** Keep the matches as CSV: what a criterion is, and whether it fits. */
  function csv() {
    const names = criteria();
    const of = (m, name) => m.terms.find((t) => t.criterion === name);
    saveTable("matches.csv", [["rank", "plots", "kind", "area_m2", "score", ...names.flatMap(([name, title]) => [title, `${name} fits`])],
      ...found.matches.map((m, n) => [n + 1, m.plots.join(" + "), m.kind, m.area_m2, m.score, ...names.flatMap(([name]) => [of(m, name) && say(of(m, name).value), of(m, name)?.fit])])]);
  }

  /** Put the chosen matches beside each other, a criterion a row. */
  function comparison() {
    const chosen = [...compared].sort((a, b) => a - b).map((n) => found.matches[n]);
    if (chosen.length < 2) return [];
    const head = make("tr", {}, make("th", {}, ""), ...chosen.map((m) => make("th", { scope: "col" }, m.plots.join(" + "))));
    const score = make("tr", {}, make("th", { scope: "row" }, page.words().score), ...chosen.map((m) => make("td", {}, figure(m.score, 3))));
    const rows = chosen[0].terms.map((one) => make("tr", {}, make("th", { scope: "row" }, say(one.title)), ...chosen.map((m) => {
      const same = m.terms.find((t) => t.criterion === one.criterion);
      return make("td", {}, same ? `${SIGNS[same.fit]} ${say(same.value)}` : "");
    })));
    return [make("table", { class: "compare" }, head, score, ...rows)];
  }

  function show() {
    const words = page.words();
    const left = Object.entries(found.left_out).filter(([, n]) => n.no || n.unknown);
    const why = left.map(([name, n]) => make("li", {}, `${titled(words, name) || name}: ${words.left_out} ${figure(n.no, 0)}, ${words.unknown} ${figure(n.unknown, 0)}`));
    byId("find-answer").replaceChildren(
      make("p", {}, `${found.matches.length} ${words.matches} · ${figure(found.plots, 0)} ${words.plots} · ${words.as_on} ${page.fmt().day(found.on)}`),
      why.length ? make("details", { open: !found.matches.length }, make("summary", {}, words.left_out_why), make("ul", {}, ...why)) : "",
      ...(found.matches.length ? [make("p", { class: "actions" }, make("button", { type: "button", onclick: csv }, words.save_csv)), table()] : []), ...comparison(), make("ol", { class: "matches" }, ...found.matches.map(row)),
      ...Object.entries(found.gaps).filter(([, gap]) => gap).map(([kind, gap]) => make("p", { class: "gap" }, `${words[`gap_${kind}`]} ${figure(gap, 3)}`)), asking());
    paint();
  }

  /** Offer to say why a plot is not among what was found. */
  function asking() {
    const words = page.words();
    const [box, into] = [/** @type {HTMLInputElement} */ (make("input", { name: "why", maxlength: 200, required: true, "aria-label": words.why_not })), make("div", { class: "why", "aria-live": "polite" })];
    const submit = async (event) => {
      event.preventDefault();
      into.replaceChildren(words.loading);
      try {
        into.replaceChildren(...reasons((await server.send("sitings", { ...now, kinds: ["single"], limit: 1, why: box.value.trim() })).why));
        into.scrollIntoView({ block: "nearest" });
      } catch (failure) {
        into.replaceChildren(make("p", { class: "refusal", role: "alert" }, failure instanceof server.Refusal ? failure.say(page.language()) : words.failed));
      }
    };
    return make("form", { class: "ask", onsubmit: submit }, make("label", {}, `${words.why_not} `, box), make("button", { type: "submit" }, words.why), into);
  }

  /** Say why a plot does not fit, and the least change for which it would. */
  function reasons(why) {
    const words = page.words();
    if (why.fits) return [make("p", {}, `${why.plot}: ${words.fits_itself}`)];
    const ways = (c) => [c.cure && `${say(c.cure)}${c.cured_from ? ` (${page.fmt().day(c.cured_from)})` : ""}`, c.instead && `${words.ask_for} ${say(c.instead)}${c.effort ? ` (${page.fmt().percent(c.effort)})` : ""}`].filter(Boolean).join(` ${words.or} `);
    const rows = why.changes.map((c) => make("li", {}, `${say(c.title)}: ${say(c.value)} (${say(c.wanted)}) → ${ways(c) || "?"}`));
    return [make("p", {}, `${why.plot}: ${words.would_fit}`), make("ul", {}, ...rows), why.fits_from ? make("p", {}, `${words.fits_from} ${page.fmt().day(why.fits_from)}`) : ""];
  }

  /** Add a distance to the brief. @param {string} text such as roads:arterial<=500 */
  function nearRow(text = "roads<=500") {
    const [, what, sign, metres] = NEAR.exec(text) ?? NEAR.exec("roads<=500") ?? [];
    const words = page.words();
    const option = (value, title, chosen) => make("option", { value, selected: value === chosen }, title);
    const layers = Object.entries(page.columns()).filter(([, of]) => ["point", "line", "polygon"].includes(of.geometry)).flatMap(([name, of]) => [
      option(name, of.title, what), ...(of.fields.find((f) => CODED.includes(f.name))?.codes ?? []).map(([code, title]) => option(`${name}:${code}`, `${of.title}: ${title}`, what))]);
    const row = make("p", { class: "near" }, make("select", { "aria-label": words.distance_to }, ...layers), make("select", { "aria-label": words.distance }, option("<=", "≤", sign), option(">=", "≥", sign)),
      make("input", { type: "number", min: 1, step: "any", value: metres, "aria-label": `${words.distance} [m]` }), " m ", make("button", { type: "button", class: "link", "aria-label": `${words.remove} ${words.distance}`, onclick: () => row.remove() }, "✕"));
    byId("find-near").append(row);
    return row;
  }

  /** @param {string[]} texts */
  function rows(texts) {
    byId("find-near").replaceChildren();
    texts.forEach((text) => nearRow(text));
  }

  const wait = questions(page, (...parts) => byId("find-answer").replaceChildren(...parts));

  /** Search; a new question compares nothing yet, one of a link what it says. @param {string} beside ranks to compare */
  async function ask(beside = "") {
    const [form, near] = [new FormData(byId("find-form")), nearOf(byId("find-near"))];
    write({ compare: beside, q: new URLSearchParams(/** @type {any} */ ([...[...form].filter(([, value]) => value !== ""), ...near.map((text) => ["near", text])])).toString() });
    now = brief(form, near);
    compared.clear();
    found = null;
    paint();
    try {
      const answer = await wait("sitings", now);
      if (!answer) return;
      found = answer;
      beside.split(",").map(Number).filter((n) => n > 0 && n <= found.matches.length).slice(0, MOST).forEach((n) => compared.add(n - 1));
      show();
      if (found.matches.length) page.fit(boundsOf({ coordinates: found.matches.map((m) => m.geometry.coordinates) }));
    } catch (failure) {
      byId("find-answer").replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
    }
  }

  /** Fill the form in as a link says. @param {URLSearchParams} said */
  function fillIn(said) {
    for (const field of byId("find-form").elements)
      if (field.type === "checkbox") field.checked = said.getAll(field.name).includes(field.value);
      else if (field.name) field.value = said.get(field.name) ?? (field.name === "unit" ? "mu" : "");
    rows(said.getAll("near"));
    if (["earthwork", "budget", "near"].some((name) => said.get(name))) byId("find-more").open = true;
  }
  byId("find-near-add").addEventListener("click", () => /** @type {HTMLElement} */ (nearRow().querySelector("select")).focus());

  byId("find-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  return {
    open: () => {
      paint();
      if (!read("q") || found) return;
      fillIn(new URLSearchParams(read("q")));
      ask(read("compare"));
    },
    close: () => draw(page.map(), []),
    paint: () => (rows(nearOf(byId("find-near"))), found && show()),
  };
}
