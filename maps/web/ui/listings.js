/** Listings: plots put up for sale, drafted from plots that are picked, opened, and packed many at once. */

import { onReturn, read, write } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { jobs } from "./job.js";
import { noticeView } from "./notice.js";
import * as views from "./views.js";

const PLOTS = ["readiness", "parcels"];
const at = (/** @type {string} */ id) => `listings/${encodeURIComponent(id)}`;

/**
 * Wire the view up.
 * @param {any} page
 */
export function listingsView(page) {
  /** @type {{all: any[], form: any, state: string, plots: string[], number: string, picking: boolean, chosen: Set<string>}} */
  const now = { all: [], form: null, state: "", plots: [], number: "", picking: false, chosen: new Set() };
  const told = (...parts) => byId("listings-answer").replaceChildren(...parts);
  const button = (text, go, kind = "") => make("button", { type: "button", onclick: go, class: kind || null }, text);
  const say = (text) => text?.[page.language()] ?? "";
  const may = (least) => ["viewer", "planner", "approver", "admin"].indexOf(page.me().role) >= ["viewer", "planner", "approver", "admin"].indexOf(least);
  const column = (name) => page.columns().listings.fields.find((c) => c.name === name);
  const alert = (text) => make("p", { role: "alert", class: "refusal" }, text);
  const why = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed));
  const badge = (state) => make("span", { class: `severity listing-${state}` }, column("state").codes.find(([code]) => code === state)?.[1] ?? state);
  const run = jobs(page, told, { doing: "packing", ended: "pack_cancelled" });
  const one = noticeView(page, { told, button, say, column, alert, why, badge, may, at, form: () => now.form, close: () => go(""), changed: load });

  function paint() {
    if (!now.form) return;
    byId("listings-body").replaceChildren(...(one.id() ? one.paint() : [...drafting(), ...table()]));
    page.outline(one.plot() ? [one.plot()] : now.plots);
  }

  /** Offer to draft listings, to who may. */
  function drafting() {
    const words = page.words();
    if (!may("planner")) return [];
    const plots = make("input", { id: "listings-plots", value: now.plots.join(", "), onchange: (event) => ((now.plots = event.target.value.split(/[\s,,;]+/).filter(Boolean)), paint()) });
    const number = make("input", { id: "listings-number", value: now.number, maxlength: 200, placeholder: now.plots.length === 1 ? `L-${now.plots[0]}` : "", onchange: (event) => (now.number = event.target.value.trim()) });
    return [make("details", { open: now.picking || now.plots.length > 0 }, make("summary", {}, words.draft_listings),
      make("p", { class: "fields" }, make("label", {}, make("span", {}, words.plots), plots), now.plots.length > 1 ? null : make("label", {}, make("span", {}, words.listing_number), number)),
      make("p", { class: "actions" }, make("button", { type: "button", id: "listings-pick", "aria-pressed": String(now.picking), onclick: () => ((now.picking = !now.picking), told(now.picking ? words.pick_hint : ""), paint()) }, words.pick_plots),
        button(words.draft, draft, "primary")))];
  }

  async function draft() {
    const plots = [...new Set(now.plots)];
    /** @type {string[]} */ const made = [];
    /** @type {HTMLElement[]} */ const refused = [];
    if (!plots.length) return told(alert(page.words().pick_first));
    told(page.words().loading);
    now.picking = false;
    for (const plot of plots)
      try {
        made.push((await server.send("listings", { plot, id: plots.length === 1 ? now.number : "" })).id);
      } catch (failure) {
        refused.push(alert(`${plot}: ${why(failure)}`));
      }
    if (!refused.length) Object.assign(now, { plots: [], number: "" });
    await load();
    told(...refused);
    if (made.length === 1 && !refused.length) go(made[0]);
  }

  /** List the listings, and offer to pack those that are ticked. */
  function table() {
    const words = page.words();
    const some = now.all.filter((l) => !now.state || l.state === now.state);
    const tick = (id) => make("input", { type: "checkbox", checked: now.chosen.has(id), "aria-label": `${words.pack} ${id}`, onchange: (event) => (event.target.checked ? now.chosen.add(id) : now.chosen.delete(id), paint()) });
    const row = (l) => make("tr", { class: "offer" }, may("planner") ? make("td", {}, tick(l.id)) : null, make("th", { scope: "row" }, button(l.id, () => go(l.id), "link")), make("td", {}, badge(l.state)),
      make("td", { class: "number" }, l.terms.area ? page.fmt().area(l.terms.area.value) : ""), make("td", { class: "number" }, say(l.terms.start_price?.said)));
    const states = column("state").codes.map(([code, name]) => make("option", { value: code, selected: code === now.state }, name));
    const head = make("tr", {}, may("planner") ? make("td", {}) : null, ...[words.number, words.state, words.area, column("start_price").title].map((text) => make("th", { scope: "col" }, text)));
    return [
      make("p", { class: "actions" }, make("label", {}, `${words.state} `, make("select", { id: "listings-state", onchange: (event) => ((now.state = event.target.value), paint()) }, make("option", { value: "" }, words.any_state), ...states)),
        make("a", { href: `listings?f=html&lang=${page.language()}`, target: "_blank", rel: "noopener" }, words.public_page), make("a", { href: "listings.geojson", download: "listings.geojson" }, "GeoJSON"), make("a", { href: "listings.csv", download: "listings.csv" }, "CSV")),
      some.length ? make("table", { class: "offers" }, make("thead", {}, head), make("tbody", {}, ...some.map(row))) : make("p", {}, words.no_listings),
      may("planner") && now.all.length ? make("p", { class: "actions" }, button(now.chosen.size ? `${words.pack_chosen} (${now.chosen.size})` : words.pack_published, pack)) : null,
    ].filter(Boolean);
  }

  /** Pack listings as a job that tells how far it is and can be ended. */
  async function pack() {
    const words = page.words();
    try {
      const inputs = { listings: [...now.chosen], lang: page.language() };
      const made = await run("packs", inputs);
      if (!made) return;
      const [good, bad] = [made.packs.filter((p) => !p.detail), made.packs.filter((p) => p.detail)];
      told(make("p", { class: "packed" }, make("a", { href: `results/${made.file}`, download: "packs.zip" }, `${words.download_packs} (${good.length}, ${page.fmt().upto(made.size / 1e6, 1, "MB")})`)),
        ...bad.map((p) => alert(`${p.listing}: ${say(p.detail)}`)));
    } catch (failure) {
      told(alert(why(failure)));
    }
  }

  let asked = 0;

  async function load() {
    const mine = ++asked;
    const found = await server.ask("listings?f=json");
    if (mine !== asked) return;
    Object.assign(now, { all: found.listings, form: found.form });
    paint();
  }

  let turn = 0; // of the listings that are opened the last one counts

  /** Open a listing, or the list. @param {string} id @param {boolean} step whether Back should undo it */
  async function go(id, step = true) {
    const mine = ++turn;
    const still = () => mine === turn;
    write({ listing: id }, step);
    told();
    try {
      await one.load(id);
      if (!still()) return;
      if (id) server.feature("parcels", one.plot()).then((plot) => still() && page.mark([plot.geometry]), () => null);
      else page.mark([]);
    } catch (failure) {
      if (!still()) return;
      told(alert(why(failure)));
    }
    paint();
    byId("work").scrollTop = 0;
  }

  async function open() {
    byId("listings-body").replaceChildren(page.words().loading);
    try {
      await load();
      if (read("listing")) await go(read("listing"), false);
    } catch (failure) {
      byId("listings-body").replaceChildren(alert(why(failure)));
    }
  }

  /** Take a plot that is clicked among those to be drafted, or out of them. */
  function click(event) {
    const plot = page.map().queryRenderedFeatures(event.point).find((f) => PLOTS.includes(f.source) && f.properties.id);
    if (!plot) return;
    const id = String(plot.properties.id);
    now.plots = now.plots.includes(id) ? now.plots.filter((other) => other !== id) : [...now.plots, id];
    paint();
  }

  onReturn(() => views.opened() === "listings" && now.form && read("listing") !== one.id() && go(read("listing"), false));
  page.offer = (/** @type {string} */ id) => {
    now.plots = [id];
    views.opened() === "listings" ? go("") : (write({ listing: "" }), views.open("listings", true));
  };
  return { open, close: () => ((now.picking = false), (now.plots = []), page.outline([]), page.mark([]), write({ listing: "" }), turn++, one.load("")), paint, drawing: () => now.picking, click };
}
