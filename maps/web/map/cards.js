/** The card beside the map: of a plot, or of any other object; which one, the address says. */

import { read, write } from "./address.js";
import { sheetOf } from "./card.js";
import { community } from "./community.js";
import { byId, make } from "./dom.js";
import { attributes, past, recorded } from "./feature.js";
import { print, saveAsPage } from "./print.js";
import * as server from "./server.js";

/**
 * Wire the card up.
 * @param {any} page
 */
export function cards(page) {
  const box = byId("card");
  const key = () => (read("plot") ? `plot ${read("plot")}` : read("object"));

  /** @param {string} text @param {string} plot whose card it is, which planners may offer for sale */
  function title(text, plot = "") {
    const words = page.words();
    const copy = async (event) => {
      await navigator.clipboard?.writeText(location.href).catch(() => prompt(words.copy_link, location.href));
      event.target.textContent = words.copied;
    };
    const button = (name, go) => make("button", { type: "button", onclick: go }, words[name]);
    return make("header", {}, make("h2", {}, text), make("p", { class: "actions" }, button("copy_link", copy), button("print", () => print(box, page.map(), words.map)),
      button("save_page", () => saveAsPage(box, page.map(), text, document.documentElement.lang)),
      plot && !["public", "viewer"].includes(page.me().role) ? button("offer_plot", () => page.offer(plot)) : null, button("close", close)));
  }

  /** Fill the card; a failure is told as a failure, never as a fact about land. The focus moves at once or not at all: who types when the answer comes types on. */
  async function fill(wanted, heading, make_, focus) {
    box.hidden = false;
    page.note("");
    if (focus || !box.childElementCount) box.replaceChildren(title(heading), page.words().loading);
    if (focus) box.focus();
    try {
      const made = await make_();
      if (key() !== wanted) return;
      const within = box.contains(document.activeElement);
      box.replaceChildren(...made);
      if (within) box.focus();
    } catch (failure) {
      if (key() !== wanted) return;
      box.hidden = true;
      if (!(failure instanceof server.Refusal)) console.error(failure);
      page.note(failure instanceof server.Refusal && failure.status === 404 ? page.words().not_found : page.words().failed);
    }
  }

  async function plotCard(id, go) {
    const sheet = await server.plot(id, page.day());
    const more = make("div", {}, page.words().loading);
    recorded(sheet, page).then((parts) => more.replaceChildren(...parts), () => more.replaceChildren(page.words().failed));
    if (go) page.mark(sheet.parts.map((part) => part.geometry));
    return [title(`${page.words().plot} ${sheet.id}`, sheet.id), ...sheetOf(sheet, page), more];
  }

  async function objectCard(layer, id, move) {
    const found = await server.feature(layer, id);
    page.mark(found.geometry ? [found.geometry] : [], "", move);
    return [title(`${page.columns()[layer].title} ${id}`), ...attributes(page.columns()[layer], found.properties, page), ...[community(layer, id, page)].filter(Boolean), past(layer, id, page)];
  }

  /** Show what the address names. @param {boolean} quiet without moving the focus @param {boolean} go to the plot */
  function restore(quiet = false, go = false) {
    const [plot, [layer, ...id]] = [read("plot"), read("object").split("/")];
    page.highlight(plot);
    if (plot) return fill(`plot ${plot}`, `${page.words().plot} ${plot}`, () => plotCard(plot, go), !quiet);
    if (layer && page.columns()[layer]) return fill(read("object"), `${page.columns()[layer].title} ${id.join("/")}`, () => objectCard(layer, id.join("/"), !quiet), !quiet);
    box.hidden = true;
    box.replaceChildren();
  }

  function close() {
    write({ plot: "", object: "" }, true);
    page.mark([]);
    restore();
    byId("map").querySelector("canvas").focus();
  }

  return {
    close, restore, isOpen: () => !box.hidden, chosen: () => read("plot"),
    /** @param {string} id */
    plot: (id) => (write({ plot: id, object: "" }, true), page.mark([]), restore(false, false)),
    /** @param {string} layer @param {string} id */
    object: (layer, id) => (layer === "parcels" ? (write({ plot: id, object: "" }, true), restore(false, true)) : (write({ plot: "", object: `${layer}/${id}` }, true), restore())),
  };
}
