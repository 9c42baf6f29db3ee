/** Check a site: drawn with snapping, typed, pasted, or out of a file; the verdict and its parts on the map. */

import { read, write } from "../map/address.js";
import { sheetOf } from "../map/card.js";
import { byId, make, save } from "../map/dom.js";
import { print, saveAsPage } from "../map/print.js";
import * as server from "../map/server.js";
import { ordered, parse } from "./coordinates.js";
import { fileDrop } from "./drop.js";
import { boundsOf, draw, feature } from "./outlines.js";
import { sketch } from "./sketch.js";

const LONGEST = 1500; // characters of a site that a link carries

/**
 * Wire the view up.
 * @param {any} page
 */
export function checkView(page) {
  /** @type {any} */ let site = null;
  /** @type {any} the site on the map, where it can be drawn before it is checked */ let shown = null;
  /** @type {any} */ let verdict = null;
  const told = (text) => (byId("check-note").textContent = text);
  const brush = sketch(page, { told: (word) => told(page.words()[word]), done: drawn, length: () => Number(byId("check-length").value) });
  const files = fileDrop(page, { told, begun: () => (brush.stop(), forget()), chosen: (geometry) => typed((byId("check-text").value = JSON.stringify(geometry))) });

  function paint() {
    const parts = (verdict?.parts || []).map((part) => feature(part.geometry, { severity: part.severity }));
    draw(page.map(), parts.length ? parts : shown ? [feature(shown, { chosen: true, severity: "pass" })] : []);
    brush.paint();
  }

  function forget() {
    turn++;
    [site, shown, verdict] = [null, null, null];
    byId("check-answer").replaceChildren();
    paint();
  }

  function begin() {
    files.forget();
    forget();
    told(page.words().draw_hint);
    brush.draw("path", "polygon");
  }

  /** Ask about a site that was drawn. @param {[number, number][]} corners in the base's CRS */
  function drawn(corners) {
    const polygon = (/** @type {any[]} */ ring) => ({ type: "Polygon", coordinates: [[...ring, ring[0]]] });
    byId("check-text").value = corners.map((at) => at.map((n) => n.toFixed(4)).join(", ")).join("\n");
    ask({ geometry: polygon(corners), crs: page.about().crs }, polygon(brush.shown(corners)));
  }

  /** What is asked beside the outline. */
  function terms() {
    const form = new FormData(byId("check-form"));
    return {
      ...(page.day() ? { on: page.day() } : {}), ...(form.get("use") ? { use: form.get("use") } : {}),
      ...(form.get("level") ? { level: Number(form.get("level")) } : {}), ...(form.get("mu") ? { required_mu: Number(form.get("mu")) } : {}),
    };
  }

  let turn = 0;

  async function ask(wanted, placed = wanted.crs === "EPSG:4326" ? wanted.geometry : null) {
    const mine = ++turn;
    [site, shown] = [wanted, placed];
    told(page.words().loading);
    const text = byId("check-text").value.trim().replaceAll("\n", ";");
    write({ site: text.length < LONGEST ? text : "", use: String(byId("check-form").elements.use.value), level: byId("check-form").elements.level.value, mu: byId("check-form").elements.mu.value });
    try {
      const found = await server.send("checks", { ...site, answer_crs: "EPSG:4326", ...terms() });
      if (mine !== turn) return;
      verdict = found;
    } catch (failure) {
      if (mine !== turn) return;
      verdict = null;
      byId("check-answer").replaceChildren();
      paint();
      return told(failure instanceof server.Refusal ? failure.say(page.language()) : page.words().failed);
    }
    told(text.length < LONGEST ? "" : page.words().long_link);
    paint();
    show();
    if (verdict.parts.length) page.fit(boundsOf({ coordinates: verdict.parts.map((p) => p.geometry.coordinates) }));
  }

  function show() {
    if (!verdict) return;
    const [words, answer] = [page.words(), byId("check-answer")];
    const button = (text, go) => make("button", { type: "button", onclick: go }, text);
    answer.replaceChildren(
      make("p", { class: "actions" }, button(words.download, () => save("verdict.json", JSON.stringify(verdict, null, 2), "application/json")),
        button(words.print, () => print(answer, page.map(), words.map)), button(words.save_page, () => saveAsPage(answer, page.map(), words.site, document.documentElement.lang)), button(words.clear, clear)),
      keeping(), ...sheetOf(verdict, page));
  }

  /** Offer to store the site, where the reader may. */
  function keeping() {
    const words = page.words();
    if (!site || ["public", "viewer"].includes(page.me().role)) return null;
    const sent = ordered(site, page.about());
    if (!sent) return make("p", {}, words.save_site_crs);
    const [number, name] = [make("input", { name: "number", required: true, maxlength: 200 }), make("input", { name: "name", maxlength: 200 })];
    const store = async (event) => {
      event.preventDefault();
      const { number: id, name: title } = Object.fromEntries(new FormData(event.target));
      try {
        await server.change("POST", "collections/sites/items", { type: "Feature", id, geometry: sent.geometry, properties: { name: title || null, use_code: verdict.use } }, { "Content-Crs": `<${sent.crs}>` });
        page.reveal("sites", id);
      } catch (failure) {
        told(failure instanceof server.Refusal ? failure.say(page.language()) : words.failed);
      }
    };
    return make("details", { class: "keep" }, make("summary", {}, words.save_site), make("form", { onsubmit: store, class: "fields" }, make("label", {}, words.number, number), make("label", {}, words.name, name), make("button", { type: "submit" }, words.save)));
  }

  function clear() {
    files.forget();
    forget();
    for (const field of ["check-text", "check-file"]) byId(field).value = "";
    write({ site: "" });
    told("");
  }

  function typed(text) {
    const found = parse(text, page.about().crs);
    if (!found) return told(page.words().coordinates_bad);
    brush.stop();
    ask(found);
  }

  byId("check-draw").addEventListener("click", begin);
  byId("check-undo").addEventListener("click", brush.undo);
  byId("check-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId("check-text").value;
    if (brush.drawing() && brush.count() > 2) brush.end();
    else if (text.trim()) typed(text);
    else told(page.words().draw_few);
  });
  return {
    open: () => {
      for (const name of ["use", "level", "mu"]) byId("check-form").elements[name].value = read(name);
      paint();
      if (read("site") && !verdict) typed((byId("check-text").value = read("site").replaceAll(";", "\n")));
    },
    close: () => (brush.stop(), draw(page.map(), [])),
    paint: () => (paint(), site ? show() : files.paint()),
    drawing: brush.drawing, click: brush.click, moved: brush.moved,
  };
}
