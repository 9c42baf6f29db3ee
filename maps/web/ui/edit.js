/** Edit features: attributes by code lists, outlines drawn, parcels split and merged; refusals and conflicts with their place. */

import { read } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import { uri } from "../map/plane.js";
import * as server from "../map/server.js";
import { conflict } from "./conflict.js";
import { field, OWN, values } from "./fields.js";
import { corners, faultList } from "./corners.js";
import { draw, feature } from "./outlines.js";

/**
 * Wire the view up.
 * @param {any} page
 */
export function editView(page) {
  /** @type {{layer: string, id: string, etag: string, was: Record<string, any>, place: any}} place: the geometry that was read, in longitude and latitude */
  const now = { layer: "parcels", id: "", etag: "", was: {}, place: null };
  const outline = corners(page, () => ({ layer: now.layer, id: now.id, shape: layer().geometry }), { changed: show, cut });
  const form = () => byId("edit-fields");
  const layer = () => page.columns()[now.layer];
  /** @type {() => any[]} what the last answer said, in the reader's language */ let said = () => [];
  const told = (/** @type {() => any[]} */ saying) => ((said = saying), byId("edit-answer").replaceChildren(...said()));
  const button = (text, go, kind = "") => make("button", { type: "button", onclick: go, class: kind || null }, text);

  function paint() {
    const words = page.words();
    const layers = Object.entries(page.columns()).filter(([, l]) => l.geometry !== "raster");
    byId("edit-layer").replaceChildren(...layers.map(([name, l]) => make("option", { value: name, selected: name === now.layer }, l.title)));
    const kept = form().elements.length ? values(layer(), form()) : now.was;
    form().replaceChildren(...layer().fields.filter((c) => !OWN.includes(c.name)).map((c) => field(c, kept[c.name], words)));
    byId("edit-head").textContent = now.id ? `${layer().title} ${now.id}` : words.new_feature;
    byId("edit-parcels").hidden = now.layer !== "parcels" || !now.id;
    byId("edit-delete").hidden = !now.id;
    show();
    outline.paint();
    told(said);
  }

  /** Draw the outline as it would be stored. */
  function show() {
    const placed = outline.altered() && outline.placed();
    draw(page.map(), placed ? [feature(placed, { severity: "warn", chosen: true })] : []);
  }

  let turn = 0;

  /** Begin with a stored feature, or with a new one; an answer that comes after another beginning is dropped. @param {string} name @param {string} id */
  async function load(name, id) {
    const mine = ++turn;
    Object.assign(now, { layer: name, id: "", etag: "", was: {}, place: null });
    outline.take(null, null);
    form().replaceChildren();
    byId("edit-head").replaceChildren();
    told(() => []);
    if (id) {
      try {
        const { feature: found, etag } = await server.versioned(name, id);
        const exact = found.geometry && (await server.exact(name, id, page.about()));
        if (mine !== turn) return;
        Object.assign(now, { id, etag, was: found.properties, place: found.geometry });
        outline.take(exact, found.geometry);
        if (exact) page.mark([found.geometry]);
      } catch (failure) {
        if (mine !== turn) return;
        told(() => [failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed]);
      }
    }
    byId("edit-id").value = now.id;
    paint();
  }

  /** Split the parcel along a line. @param {[number, number][]} line in the base's CRS */
  function cut(line) {
    send("POST", `parcels/${encodeURIComponent(now.id)}/split`, { line: { type: "LineString", coordinates: line }, crs: page.about().crs }, now.etag);
  }

  /** The query and what it says beside the change. */
  function why() {
    const query = new URLSearchParams();
    if (byId("edit-reason").value) query.set("reason", byId("edit-reason").value);
    if (byId("edit-accept").value) query.set("accept", byId("edit-accept").value);
    return `?${query}`;
  }

  /** Send a change and say what came of it. */
  async function send(method, path, body, etag = "") {
    told(() => [page.words().loading]);
    try {
      const answer = await server.change(method, `${path}${why()}`, body, { "Content-Crs": `<${uri(page.about().crs)}>`, ...(etag ? { "If-Match": etag, "Content-Type": "application/geo+json" } : {}) });
      const made = answer.status === 200 ? await answer.json() : null;
      const id = method === "DELETE" ? "" : made?.created?.[0] || decodeURIComponent(answer.headers.get("Location")?.split("/").pop() || now.id);
      await load(now.layer, id);
      page.mark([]);
      byId("edit-accept").value = "";
      const [last] = await server.ask("history?limit=1");
      told(() => [make("p", {}, `${page.words().saved} ${made ? made.created.join(", ") : id}`), button(page.words().undo, () => undo(last.last))]);
    } catch (failure) {
      refused(failure, body);
    }
  }

  async function undo(entry) {
    try {
      await server.change("POST", `history/${entry}/undo`);
      await load(now.layer, now.was && now.id ? now.id : "");
      told(() => [page.words().undone]);
    } catch (failure) {
      refused(failure, null);
    }
  }

  /** Tell a refusal: where the mosaic would break, or what somebody else made of the feature meanwhile. */
  function refused(failure, body) {
    if (!(failure instanceof server.Refusal)) return told(() => [page.words().failed]);
    const problem = failure.problem || {};
    if (problem.current) {
      const again = () => send(body ? "PATCH" : "DELETE", server.item(now.layer, now.id), body, problem.found);
      const mine = body && body.type !== "Feature" ? null : again; // a split or merge is drawn again, on the outlines as they are
      const redrawn = JSON.stringify(problem.current.geometry) !== JSON.stringify(now.place) ? problem.current.geometry : null;
      if (redrawn) page.mark([redrawn], "block");
      return told(() => [redrawn ? make("p", { class: "redrawn" }, button(page.words().redrawn, () => page.mark([redrawn], "block"), "link")) : "",
        ...conflict(layer().fields, { was: now.was, stored: problem.current.properties, mine: body?.properties || {} }, () => load(now.layer, now.id), mine, page)]);
    }
    const faults = problem.faults || [];
    if (faults.length) page.mark(faults.map((fault) => fault.geometry), "block");
    told(() => [make("p", { role: "alert", class: "refusal" }, failure.say(page.language())), faultList(page, faults)]);
  }

  function save() {
    const given = values(layer(), form());
    const changed = Object.fromEntries(Object.entries(given).filter(([name, value]) => (now.id ? value !== (now.was[name] ?? null) : value !== null)));
    const geometry = outline.sent();
    const body = { type: "Feature", properties: changed, ...(geometry ? { geometry } : {}) };
    if (outline.altered() && !geometry) return told(() => [page.words().draw_first]);
    if (now.id) return send("PATCH", server.item(now.layer, now.id), body, now.etag);
    const id = byId("edit-id").value.trim();
    if (!geometry && layer().geometry !== "none") return told(() => [page.words().draw_first]);
    send("POST", `collections/${now.layer}/items`, { ...body, geometry, ...(id ? { id } : {}) });
  }

  byId("edit-layer").addEventListener("change", (event) => load(event.target.value, ""));
  byId("edit-load").addEventListener("click", () => load(now.layer, byId("edit-id").value.trim()));
  byId("edit-new").addEventListener("click", () => load(now.layer, ""));
  byId("edit-split").addEventListener("click", outline.cut);
  byId("edit-merge").addEventListener("click", async () => {
    const others = byId("edit-with").value.split(/[\s,,;]+/).filter(Boolean);
    const into = byId("edit-into").value.trim();
    if (!now.id || !others.length || !into) return told(() => [page.words().merge_hint]);
    try {
      const tags = (await Promise.all(others.map((id) => server.versioned("parcels", id)))).map((one) => one.etag);
      await send("POST", "parcels/merge", { ids: [now.id, ...others], into }, [now.etag, ...tags].join(", "));
    } catch (failure) {
      refused(failure, null);
    }
  });
  byId("edit-delete").addEventListener("click", () => confirm(`${page.words().remove} ${now.id}?`) && send("DELETE", server.item(now.layer, now.id), null, now.etag));
  form().addEventListener("submit", (event) => (event.preventDefault(), save()));
  byId("edit-save").addEventListener("click", save);

  /** Tell whether something was typed or drawn that is not stored. */
  const unsaved = () => outline.altered() || (form().elements.length > 0 && Object.entries(values(layer(), form())).some(([name, value]) => value !== (now.was[name] ?? null)));

  function open() {
    const [name, ...id] = read("plot") ? ["parcels", read("plot")] : read("object").split("/");
    const other = page.columns()[name] && (name !== now.layer || id.join("/") !== now.id);
    if (unsaved() && !(other && confirm(page.words().discard))) return paint();
    load(page.columns()[name] ? name : now.layer, page.columns()[name] ? id.join("/") : "");
  }
  return { open, close: () => (outline.stop(), draw(page.map(), [])), paint, drawing: outline.drawing, click: outline.click, moved: outline.moved, changed: outline.changed };
}
