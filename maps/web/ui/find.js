/** Find land: the brief as a form, the matches ranked on the map and in a list, up to four side by side. */

import { read, write } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { boundsOf, draw, feature } from "./outlines.js";

const MOST = 4;
/** @type {any} */ let found = null;
/** @type {Set<number>} */ const compared = new Set();

/**
 * Read the brief out of the form.
 * @param {FormData} form
 */
function brief(form) {
  const number = (name) => (form.get(name) ? Number(form.get(name)) : undefined);
  const mu = (name, other) => (number(name) ?? other) * (2000 / 3);
  const least = number("least") ?? 0.001;
  return {
    area_m2: [mu("least", 0.001), mu("most", Math.max(least * 1.5, 1e6))],
    use: form.get("use") || undefined, services: form.getAll("service"), by: form.get("by") || undefined,
    road_class: form.get("road") || undefined, frontage_m: number("frontage"), width_m: number("width"),
    slope: form.get("slope") ? Number(form.get("slope")) / 100 : undefined,
    wishes: Object.fromEntries(form.getAll("wish").map((name) => [name, 1])),
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
    const shapes = (found?.matches || []).map((match, n) => feature(match.geometry, { severity: "pass", chosen: compared.has(n) }));
    draw(page.map(), shapes);
  }

  function term(one) {
    const sign = { yes: "✓", no: "✗", unknown: "?" }[one.fit];
    const cure = one.cure ? ` → ${say(one.cure)}${one.cured_from ? ` (${one.cured_from})` : ""}` : "";
    return make("li", {}, `${sign} ${say(one.title)}: ${say(one.value)} `, make("small", {}, `(${say(one.wanted)}) +${figure(one.part, 3)}${cure}`));
  }

  function row(match, n) {
    const words = page.words();
    const title = `${n + 1}. ${match.plots.join(" + ")}`;
    const go = () => page.mark([match.geometry]);
    const pick = (event) => {
      event.target.checked && compared.size < MOST ? compared.add(n) : compared.delete(n);
      event.target.checked = compared.has(n);
      show();
    };
    const more = [
      match.rest_m2 === null ? null : make("p", {}, `${words.left_over}: ${figure(match.rest_m2, 0)} m²`),
      match.compactness === null ? null : make("p", {}, `${words.compactness} ${figure(match.compactness, 2)} · ${words.owners} ${match.owners}`),
    ];
    return make("li", { class: "match" },
      make("button", { type: "button", class: "link", onclick: go }, title), ` ${words[`kind_${match.kind}`]} · ${page.fmt().area(match.area_m2)} · ${figure(match.area_m2, 0)} m² · `,
      make("strong", {}, figure(match.score, 3)),
      match.plots.length === 1 ? make("button", { type: "button", class: "link", onclick: () => page.show(match.plots[0]) }, words.card) : null,
      make("label", {}, make("input", { type: "checkbox", checked: compared.has(n), onchange: pick }), words.compare),
      ...more, make("details", {}, make("summary", {}, words.why), make("ul", {}, ...match.terms.map(term))));
  }

  /** Put the chosen matches beside each other, a criterion a row. */
  function comparison() {
    const chosen = [...compared].sort((a, b) => a - b).map((n) => found.matches[n]);
    if (chosen.length < 2) return [];
    const head = make("tr", {}, make("th", {}, ""), ...chosen.map((m) => make("th", { scope: "col" }, m.plots.join(" + "))));
    const score = make("tr", {}, make("th", { scope: "row" }, page.words().score), ...chosen.map((m) => make("td", {}, figure(m.score, 3))));
    const rows = chosen[0].terms.map((one) => make("tr", {}, make("th", { scope: "row" }, say(one.title)), ...chosen.map((m) => {
      const same = m.terms.find((t) => t.criterion === one.criterion);
      return make("td", {}, same ? `${{ yes: "✓", no: "✗", unknown: "?" }[same.fit]} ${say(same.value)}` : "");
    })));
    return [make("table", { class: "compare" }, head, score, ...rows)];
  }

  function show() {
    const words = page.words();
    const left = Object.entries(found.left_out).filter(([, n]) => n.no || n.unknown);
    const why = left.map(([name, n]) => make("li", {}, `${words[name] || name}: ${words.left_out} ${figure(n.no, 0)}, ${words.unknown} ${figure(n.unknown, 0)}`));
    byId("find-answer").replaceChildren(
      make("p", {}, `${found.matches.length} ${words.matches} · ${figure(found.plots, 0)} ${words.plots} · ${words.as_on} ${found.on}`),
      why.length ? make("details", { open: !found.matches.length }, make("summary", {}, words.left_out_why), make("ul", {}, ...why)) : "",
      ...comparison(), make("ol", { class: "matches" }, ...found.matches.map(row)),
      found.gap ? make("p", {}, `${words.gap} ${figure(found.gap, 3)}`) : "");
    paint();
  }

  async function ask() {
    const form = new FormData(byId("find-form"));
    write({ q: new URLSearchParams(/** @type {any} */ ([...form].filter(([, value]) => value !== ""))).toString() });
    byId("find-answer").replaceChildren(page.words().loading);
    compared.clear();
    try {
      found = await server.send("sitings", brief(form));
      show();
      if (found.matches.length) page.fit(boundsOf({ coordinates: found.matches.map((m) => m.geometry.coordinates) }));
    } catch (failure) {
      found = null;
      byId("find-answer").replaceChildren(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
      paint();
    }
  }

  /** Fill the form in as a link says. @param {URLSearchParams} said */
  function fillIn(said) {
    for (const field of byId("find-form").elements)
      if (field.type === "checkbox") field.checked = said.getAll(field.name).includes(field.value);
      else if (field.name) field.value = said.get(field.name) ?? "";
  }

  byId("find-form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  return {
    open: () => {
      paint();
      if (!read("q") || found) return;
      fillIn(new URLSearchParams(read("q")));
      ask();
    },
    close: () => draw(page.map(), []),
    paint: () => found && show(),
  };
}
