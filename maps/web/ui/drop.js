/** A site out of a file, chosen or dropped: the server reads it, asks for what it does not say, and the reader chooses one of several features. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { boundsOf, draw, feature } from "./outlines.js";

/** @typedef {{number: number, name: string, area_m2: number | null, geometry: any, fault: {en: string, zh: string} | null}} Outline */

/**
 * Wire the file's fields and the pane's drop up.
 * @param {any} page
 * @param {{chosen: (geometry: any) => void, told: (text: string) => void, begun: () => void}} use
 *   begun: a file is read, what was shown before no longer holds; chosen: the site's polygon in longitude and latitude
 */
export function fileDrop(page, use) {
  /** @type {File | null} */ let file = null;
  /** @type {Outline[]} */ let found = [];

  /** @param {string} word */
  const say = (word) => use.told(page.words()[word].replace("{file}", file?.name ?? ""));

  /** @param {boolean} crs @param {boolean} part */
  function ask(crs, part) {
    byId("check-crs-field").hidden = !crs;
    byId("check-part-field").hidden = !part;
    byId("check-again").hidden = !(crs || part);
  }

  /** @param {File | null | undefined} dropped */
  function take(dropped) {
    if (!dropped) return;
    file = dropped;
    for (const name of ["crs", "part"]) byId(`check-${name}`).value = "";
    ask(false, false);
    send();
  }

  async function send() {
    if (!file) return;
    const query = new URLSearchParams({ name: file.name });
    if (byId("check-crs").value.trim()) query.set("crs", byId("check-crs").value.trim());
    if (byId("check-part").value.trim()) query.set("sublayer", byId("check-part").value.trim());
    forget();
    use.begun();
    say("site_reading");
    const asked = file;
    try {
      const answer = await server.change("POST", `sites/read?${query}`, asked, { "Content-Type": "application/octet-stream" });
      const read = await answer.json();
      if (asked === file) offer(read.features);
    } catch (failure) {
      if (asked === file) refused(failure);
    }
  }

  /** Say what is wrong, and show the field that mends it. @param {unknown} failure */
  function refused(failure) {
    if (!(failure instanceof server.Refusal)) return use.told(page.words().failed);
    const kind = failure.problem?.title;
    if (kind === "MissingCRSError") say("site_needs_crs");
    else use.told(failure.say(page.language()));
    ask(["MissingCRSError", "BadCRSError", "ImplausibleError"].includes(kind) || !byId("check-crs-field").hidden, kind === "ChooseSublayerError" || !byId("check-part-field").hidden);
    byId("check-systems").replaceChildren(...[page.about().crs, "EPSG:4490", "EPSG:4326"].map((value) => make("option", { value })));
    if (kind === "MissingCRSError") byId("check-crs").focus();
  }

  /** Take the only feature, or let the reader choose. @param {Outline[]} features */
  function offer(features) {
    ask(!byId("check-crs-field").hidden, !byId("check-part-field").hidden);
    if (features.length === 1) return use.chosen(features[0].geometry);
    found = features;
    say("site_choose");
    paint();
    const placed = found.filter((one) => one.geometry);
    page.fit(boundsOf({ coordinates: placed.map((one) => one.geometry.coordinates) }));
    byId("check-choice").querySelector("button")?.focus();
  }

  function paint() {
    const list = byId("check-choice");
    list.hidden = !found.length;
    if (!found.length) return;
    draw(page.map(), found.filter((it) => it.geometry).map((it) => feature(it.geometry, { severity: "pass" })));
    const look = (/** @type {Outline} */ it) => () => page.mark([it.geometry], "", false);
    const one = (/** @type {Outline} */ it) => it.fault
      ? make("li", { value: it.number }, it.name, make("small", {}, ` ${it.fault[/** @type {"en" | "zh"} */ (page.language())]}`))
      : make("li", { value: it.number }, make("button", { type: "button", class: "link", onclick: () => (page.mark([]), use.chosen(it.geometry)), onfocus: look(it), onmouseenter: look(it) }, it.name || `${page.words().site} ${it.number}`), ` ${page.fmt().area(it.area_m2)}`);
    list.replaceChildren(...found.map(one));
  }

  function forget() {
    found = [];
    byId("check-choice").hidden = true;
    byId("check-choice").replaceChildren();
  }

  byId("check-file").addEventListener("change", () => take(byId("check-file").files?.[0]));
  byId("check-again").addEventListener("click", send);
  const pane = /** @type {HTMLElement} */ (document.querySelector("[data-pane=check]"));
  for (const kind of ["dragover", "drop"])
    for (const place of [pane, byId("map")])
      place.addEventListener(kind, (/** @type {DragEvent} */ event) => {
        if (pane.hidden || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        pane.classList.toggle("dropping", kind === "dragover");
        if (kind === "drop") take(event.dataTransfer.files[0]);
      });
  pane.addEventListener("dragleave", () => pane.classList.remove("dropping"));
  return { paint, forget };
}
