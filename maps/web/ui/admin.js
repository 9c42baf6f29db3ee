/** What an admin looks after: deliveries brought in, layers and their editions, the numbers of law, people, the audit log. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { deliveryForm } from "./delivery.js";
import { draw } from "./outlines.js";
import { peopleView } from "./people.js";

/**
 * Wire the view up.
 * @param {any} page
 */
export function adminView(page) {
  const [delivery, people] = [deliveryForm(page), peopleView(page)];
  let turn = 0;
  const button = (text, go) => make("button", { type: "button", onclick: go }, text);
  const say = (text) => text?.[page.language()] ?? "";
  const columns = (titles) => make("tr", {}, ...titles.map((text) => make("th", { scope: "col" }, text)));

  function failed(failure) {
    byId("admin-answer").replaceChildren(make("p", { role: "alert", class: "refusal" }, failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed));
  }

  /** Show the area that a delivery covers. @param {{id: string}} edition */
  async function cover(edition) {
    const area = await server.ask(`coverage?edition=${encodeURIComponent(edition.id)}`).catch(failed);
    if (area) page.mark([area], "pass");
  }

  /** The deliveries of each layer, and the numbers of law with their sources; an answer in another language than is spoken now is dropped. */
  async function show() {
    const mine = ++turn;
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const rasterless = Object.entries(page.columns());
    const chosen = byId("import-layer").value;
    byId("import-layer").replaceChildren(...rasterless.map(([name, l]) => make("option", { value: name, selected: name === chosen }, l.title)));
    const [about, standards] = await Promise.all([server.about(), server.ask("standards")]);
    if (mine !== turn) return;
    byId("admin-answer").replaceChildren();
    const editions = about.layers.flatMap((l) => (l.editions.length ? l.editions : [null]).map((e) => make("tr", {}, make("th", { scope: "row" }, l.title[tongue]), ...(e ? [make("td", {}, fmt.day(e.date)), make("td", {}, e.source), make("td", {}, (e.kinds || []).join(", ")), make("td", {}, e.covers ? button(words.on_map, () => cover(e)) : words.no_coverage)] : [make("td", { colspan: 4 }, words.no_source)]))));
    byId("admin-layers").replaceChildren(make("table", {}, columns([words.layer, words.as_on, words.source, words.kinds_surveyed, words.covered]), ...editions));
    const value = (v) => (typeof v === "number" ? fmt.upto(v, 6) : Array.isArray(v) ? v.join(", ") : String(v));
    const line = (s) => make("tr", { class: s.verified ? "" : "unverified" }, make("th", { scope: "row" }, say(s.rule), make("small", {}, s.name)), make("td", {}, `${value(s.value)} ${s.unit}`), make("td", {}, s.source, make("small", {}, `${words.since} ${fmt.day(s.since)} · ${s.verified ? words.verified : words.unverified}`)));
    const open = standards.filter((s) => !s.verified).length;
    byId("admin-standards").replaceChildren(make("p", {}, `${standards.length} · ${words.unverified}: ${open}`), make("table", {}, columns([words.rule, words.value, words.source]), ...standards.map(line)));
  }

  return { open: () => Promise.all([show(), people.show()]).catch(failed), close: () => (draw(page.map(), []), page.mark([])), paint: () => (delivery.paint(), people.paint(), show().catch(failed)) };
}
