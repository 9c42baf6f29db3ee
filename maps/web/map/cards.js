/** The card beside the map: of a plot, or of any other object; which one, the address says. */

import { read, write } from "./address.js";
import { sheetOf } from "./card.js";
import { community } from "./community.js";
import { byId, make } from "./dom.js";
import { attributes, past, recorded, stored } from "./feature.js";
import { print, saveAsPage } from "./print.js";
import * as server from "./server.js";

/**
 * Wire the card up.
 * @param {any} page
 */
export function cards(page) {
  const box = byId("card");
  let turn = 0; // of the answers that are awaited the last one asked for counts
  let drawn = ""; // the plot that is outlined
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
    const mine = ++turn;
    const still = () => mine === turn && key() === wanted;
    box.hidden = false;
    page.note("");
    if (focus || !box.childElementCount) box.replaceChildren(title(heading), page.words().loading);
    if (focus) box.focus();
    try {
      const made = await make_(still);
      if (!still()) return;
      const within = box.contains(document.activeElement);
      box.replaceChildren(...made);
      if (within) box.focus();
    } catch (failure) {
      if (!still()) return;
      box.hidden = true;
      if (!(failure instanceof server.Refusal)) console.error(failure);
      page.note(failure instanceof server.Refusal && failure.status === 404 ? page.words().not_found : page.words().failed);
    }
  }

  /**
   * Ask for a plot's sheet and for what is stored of it at once: the latter comes sooner, outlines the plot, and is read while the sheet is made.
   * @param {string} id @param {boolean} go @param {() => boolean} still whether the card is awaited still
   */
  async function plotCard(id, go, still) {
    const known = server.feature("parcels", id);
    const waits = box.lastChild;
    known.then((plot) => {
      if (!still()) return;
      page.highlight(plot.geometry);
      drawn = id;
      if (waits === box.lastChild && waits?.nodeName === "#text") box.append(stored(plot, page));
    }).catch(() => null); // told with the sheet, which fails too
    const sheet = await server.plot(id, page.day());
    if (!still()) return [];
    const more = make("div", {}, page.words().loading);
    known.then((plot) => recorded(sheet, plot, page)).then((parts) => more.replaceChildren(...parts), () => more.replaceChildren(page.words().failed));
    if (go) page.mark(sheet.parts.map((part) => part.geometry));
    return [title(`${page.words().plot} ${sheet.id}`, sheet.id), ...sheetOf(sheet, page), more];
  }

  /** @param {string} layer @param {string} id @param {boolean} move @param {() => boolean} still */
  async function objectCard(layer, id, move, still) {
    const found = await server.feature(layer, id);
    if (still()) page.mark(found.geometry ? [found.geometry] : [], "", move);
    return [title(`${page.columns()[layer].title} ${id}`), ...attributes(page.columns()[layer], found.properties, page), ...[community(layer, id, page)].filter(Boolean), past(layer, id, page)];
  }

  /** Show what the address names. @param {boolean} quiet without moving the focus @param {boolean} go to the plot */
  function restore(quiet = false, go = false) {
    const [plot, [layer, ...id]] = [read("plot"), read("object").split("/")];
    if (plot !== drawn) page.highlight(null), (drawn = "");
    if (plot) return fill(`plot ${plot}`, `${page.words().plot} ${plot}`, (still) => plotCard(plot, go, still), !quiet);
    if (layer && page.columns()[layer]) return fill(read("object"), `${page.columns()[layer].title} ${id.join("/")}`, (still) => objectCard(layer, id.join("/"), !quiet, still), !quiet);
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
    close, restore, isOpen: () => !box.hidden,
    /** @param {string} id */
    plot: (id) => (write({ plot: id, object: "" }, true), page.mark([]), restore(false, false)),
    /** @param {string} layer @param {string} id */
    object: (layer, id) => (layer === "parcels" ? (write({ plot: id, object: "" }, true), restore(false, true)) : (write({ plot: "", object: `${layer}/${id}` }, true), restore())),
  };
}
