/** Edit features: attributes by code lists, outlines drawn, parcels split and merged; refusals and conflicts with their place. */

import { read } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { conflict } from "./conflict.js";
import { field, OWN, values } from "./fields.js";
import { draw, feature } from "./outlines.js";
import { pen } from "./pen.js";

const LEAST = { polygon: 3, line: 2, any: 1 };

/**
 * Wire the view up.
 * @param {any} page
 */
export function editView(page) {
  /** @type {{layer: string, id: string, etag: string, was: Record<string, any>, geometry: any, cut: any}} */
  const now = { layer: "parcels", id: "", etag: "", was: {}, geometry: null, cut: null };
  const use = { least: 3, done: drawn, few: () => told(() => [page.words().draw_more]) };
  const brush = pen(page, use);
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
    byId("edit-draw").hidden = layer().geometry === "none";
    draw(page.map(), now.geometry ? [feature(now.geometry, { severity: "warn", chosen: true })] : []);
    brush.paint();
    told(said);
  }

  let turn = 0;

  /** Begin with a stored feature, or with a new one; an answer that comes after another beginning is dropped. @param {string} name @param {string} id */
  async function load(name, id) {
    const mine = ++turn;
    Object.assign(now, { layer: name, id: "", etag: "", was: {}, geometry: null, cut: null });
    form().replaceChildren();
    byId("edit-head").replaceChildren();
    told(() => []);
    if (id) {
      try {
        const { feature: found, etag } = await server.versioned(name, id);
        if (mine !== turn) return;
        Object.assign(now, { id, etag, was: found.properties });
        if (found.geometry) page.mark([found.geometry]);
      } catch (failure) {
        if (mine !== turn) return;
        told(() => [failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed]);
      }
    }
    byId("edit-id").value = now.id;
    paint();
  }

  function drawn(points) {
    const shape = layer().geometry;
    if (now.cut) {
      now.cut = null;
      return send("POST", `parcels/${encodeURIComponent(now.id)}/split`, { line: { type: "LineString", coordinates: points } }, now.etag);
    }
    now.geometry = shape === "polygon" ? { type: "Polygon", coordinates: [[...points, points[0]]] } : points.length === 1 ? { type: "Point", coordinates: points[0] } : { type: "LineString", coordinates: points };
    told(() => [page.words().outline_drawn]);
    paint();
  }

  function begin(cut) {
    now.cut = cut;
    use.least = cut ? 2 : LEAST[layer().geometry];
    told(() => [page.words()[cut ? "split_hint" : "draw_hint"]]);
    brush.begin();
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
      const answer = await server.change(method, `${path}${why()}`, body, etag ? { "If-Match": etag, "Content-Type": "application/geo+json" } : {});
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
      return told(() => conflict(layer().fields, { was: now.was, stored: problem.current.properties, mine: body?.properties || {} }, () => load(now.layer, now.id), mine, page));
    }
    const faults = problem.faults || [];
    const place = (fault) => make("li", {}, button(`${page.words()[`fault_${fault.properties.kind}`]} ${fault.properties.parcels.join(" + ")} ${page.fmt().m2(fault.properties.area_m2)}`, () => page.mark([fault.geometry], "block"), "link"));
    if (faults.length) page.mark(faults.map((fault) => fault.geometry), "block");
    told(() => [make("p", { role: "alert", class: "refusal" }, failure.say(page.language())), make("ul", { class: "faults" }, ...faults.map(place))]);
  }

  function save() {
    const given = values(layer(), form());
    const changed = Object.fromEntries(Object.entries(given).filter(([name, value]) => (now.id ? value !== (now.was[name] ?? null) : value !== null)));
    const body = { type: "Feature", properties: changed, ...(now.geometry ? { geometry: now.geometry } : {}) };
    if (now.id) return send("PATCH", server.item(now.layer, now.id), body, now.etag);
    const id = byId("edit-id").value.trim();
    if (!now.geometry && layer().geometry !== "none") return told(() => [page.words().draw_first]);
    send("POST", `collections/${now.layer}/items`, { ...body, geometry: now.geometry, ...(id ? { id } : {}) });
  }

  byId("edit-layer").addEventListener("change", (event) => load(event.target.value, ""));
  byId("edit-load").addEventListener("click", () => load(now.layer, byId("edit-id").value.trim()));
  byId("edit-new").addEventListener("click", () => load(now.layer, ""));
  byId("edit-draw").addEventListener("click", () => begin(null));
  byId("edit-split").addEventListener("click", () => begin(true));
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
  const unsaved = () => now.geometry !== null || (form().elements.length > 0 && Object.entries(values(layer(), form())).some(([name, value]) => value !== (now.was[name] ?? null)));

  function open() {
    const [name, ...id] = read("plot") ? ["parcels", read("plot")] : read("object").split("/");
    const other = page.columns()[name] && (name !== now.layer || id.join("/") !== now.id);
    if (unsaved() && !(other && confirm(page.words().discard))) return paint();
    load(page.columns()[name] ? name : now.layer, page.columns()[name] ? id.join("/") : "");
  }
  return { open, close: () => (brush.stop(), draw(page.map(), [])), paint, drawing: brush.drawing, click: brush.click, moved: brush.moved };
}
