/** What an admin looks after: deliveries brought in, layers and their editions, the numbers of law, people, the audit log. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { draw, feature, boundsOf } from "./outlines.js";

const POLL = 700; // ms
const LAST = 200; // lines of the log

/**
 * Wire the view up.
 * @param {any} page
 */
export function adminView(page) {
  /** @type {string} */ let id = "";
  /** @type {() => any[]} what was said of the import last, in the reader's language */ let said = () => [];
  const told = (/** @type {() => any[]} */ saying) => ((said = saying), byId("import-answer").replaceChildren(...said()));
  const button = (text, go) => make("button", { type: "button", onclick: go }, text);
  const say = (text) => text?.[page.language()] ?? "";
  const columns = (titles) => make("tr", {}, ...titles.map((text) => make("th", { scope: "col" }, text)));

  function failed(failure) {
    told(() => [make("p", { role: "alert", class: "refusal" }, failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed)]);
  }

  /** Wait until a step of an import is over, telling how far it is. */
  async function until(path) {
    for (;;) {
      const step = await server.ask(path);
      if (!["accepted", "running"].includes(step.state)) return step;
      told(() => [make("progress", { max: 100, value: step.progress, "aria-label": page.words().loading }), button(page.words().cancel, cancel)]);
      await new Promise((go) => setTimeout(go, POLL));
    }
  }

  async function cancel() {
    await server.change("DELETE", `imports/${id}`).catch(() => null);
    id = "";
    told(() => [page.words().cancelled]);
  }

  /** Send the file and show what it would bring: nothing is stored yet. */
  async function look(event) {
    event.preventDefault();
    const form = new FormData(byId("import-form"));
    const file = /** @type {File} */ (form.get("file"));
    const query = new URLSearchParams({ layer: String(form.get("layer")), name: file.name });
    for (const line of String(form.get("map")).split("\n")) if (line.trim()) query.append("map", line.trim());
    for (const name of ["crs", "source", "date", "coverage"]) if (form.get(name)) query.set(name, String(form.get(name)));
    for (const kind of String(form.get("kinds")).split(/[\s,,]+/)) if (kind) query.append("kinds", kind);
    if (form.has("repair")) query.set("repair", "true");
    told(() => [page.words().loading]);
    try {
      const sent = await server.change("POST", `imports?${query}`, file, { "Content-Type": "application/octet-stream" });
      id = (await sent.json()).id;
      preview(await until(`imports/${id}`));
    } catch (failure) {
      failed(failure);
    }
  }

  /** Show the mapping that is used, what is accepted, and what is rejected with its place. */
  async function preview(step) {
    if (step.state !== "successful") return unstored(step);
    const result = step.result;
    const used = (result.mapping ?? []).map((line) => make("tr", {}, ...Object.values(line).map((text) => make("td", {}, text === null ? "" : String(text)))));
    const rejects = result.rejected ? await server.ask(`imports/${id}/rejects?crs=EPSG:4326`).catch(() => null) : null;
    const places = (rejects?.features ?? []).filter((f) => f.geometry);
    draw(page.map(), places.map((f) => feature(f.geometry, { severity: "block", chosen: true })));
    if (places.length) page.fit(boundsOf({ coordinates: places.map((f) => f.geometry.coordinates) }));
    const why = (f) => make("li", {}, Object.values(f.properties).filter((v) => v !== null).join(" · "));
    const reason = make("input", { id: "import-reason" });
    told(() => {
      const words = page.words();
      return [make("p", { class: "accepted" }, `${words.accepted}: ${result.accepted ?? "?"} · ${words.rejected}: ${result.rejected ?? 0}`), make("h3", {}, words.mapping), make("table", {}, ...used),
        rejects ? make("ul", { class: "rejects" }, ...rejects.features.slice(0, 50).map(why)) : "",
        make("p", {}, make("label", {}, `${words.reason_document} `, reason)),
        make("p", { class: "actions" }, button(words.store_all, () => bring(false)), result.rejected ? button(words.store_rest, () => bring(true)) : null, button(words.cancel, cancel))];
    });
  }

  const unstored = (/** @type {any} */ step) => told(() => [make("p", { role: "alert", class: "refusal" }, say(step.detail) || step.state)]);

  async function bring(skip) {
    try {
      await server.change("POST", `imports/${id}/delivery`, { reason: byId("import-reason").value, skip_rejects: skip });
      const step = await until(`imports/${id}/delivery`);
      step.state === "successful" ? told(() => [page.words().stored]) : unstored(step);
    } catch (failure) {
      failed(failure);
    }
  }

  /** Show the area that a delivery covers. @param {{id: string}} edition */
  async function cover(edition) {
    const area = await server.ask(`coverage?edition=${encodeURIComponent(edition.id)}`).catch(failed);
    if (area) page.mark([area], "pass");
  }

  /** The deliveries of each layer, and the numbers of law with their sources. */
  async function show() {
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const rasterless = Object.entries(page.columns());
    const chosen = byId("import-layer").value;
    byId("import-layer").replaceChildren(...rasterless.map(([name, l]) => make("option", { value: name, selected: name === chosen }, l.title)));
    const about = await server.about();
    const editions = about.layers.flatMap((l) => (l.editions.length ? l.editions : [null]).map((e) => make("tr", {}, make("th", { scope: "row" }, l.title[tongue]), ...(e ? [make("td", {}, fmt.day(e.date)), make("td", {}, e.source), make("td", {}, (e.kinds || []).join(", ")), make("td", {}, e.covers ? button(words.on_map, () => cover(e)) : words.no_coverage)] : [make("td", { colspan: 4 }, words.no_source)]))));
    byId("admin-layers").replaceChildren(make("table", {}, columns([words.layer, words.as_on, words.source, words.kinds_surveyed, words.covered]), ...editions));
    const standards = await server.ask("standards");
    const value = (v) => (typeof v === "number" ? fmt.upto(v, 6) : Array.isArray(v) ? v.join(", ") : String(v));
    const line = (s) => make("tr", { class: s.verified ? "" : "unverified" }, make("th", { scope: "row" }, say(s.rule), make("small", {}, s.name)), make("td", {}, `${value(s.value)} ${s.unit}`), make("td", {}, s.source, make("small", {}, `${words.since} ${fmt.day(s.since)} · ${s.verified ? words.verified : words.unverified}`)));
    const open = standards.filter((s) => !s.verified).length;
    byId("admin-standards").replaceChildren(make("p", {}, `${standards.length} · ${words.unverified}: ${open}`), make("table", {}, columns([words.rule, words.value, words.source]), ...standards.map(line)));
    if (page.me().role === "admin") return people();
    for (const name of ["admin-people", "admin-audit"]) byId(name).replaceChildren(words.admins_only);
  }

  async function people() {
    const [words, fmt] = [page.words(), page.fmt()];
    const [users, log] = await Promise.all([server.ask("people"), server.ask("audit?limit=10000")]);
    const user = (u) => make("tr", {}, make("th", { scope: "row" }, u.name), make("td", {}, u.role), make("td", {}, u.email || ""), make("td", {}, u.disabled ? words.disabled : ""));
    byId("admin-people").replaceChildren(users.length ? make("table", {}, columns([words.user, words.role, "e-mail", ""]), ...users.map(user)) : make("p", {}, words.no_users));
    const entry = (e) => make("tr", {}, ...[fmt.moment(e.at), e.actor, e.action, e.object, e.outcome].map((text) => make("td", {}, text)));
    byId("admin-audit").replaceChildren(make("table", {}, columns([words.as_on, words.user, words.action, words.object, words.outcome]), ...log.slice(-LAST).reverse().map(entry)));
  }

  byId("import-form").addEventListener("submit", look);
  return { open: () => show().catch(failed), close: () => (draw(page.map(), []), page.mark([])), paint: () => (told(said), show().catch(failed)) };
}
