/** A card on paper, or as one file that needs no network: its text and a picture of the map as it is shown. */

import { make, save } from "./dom.js";

/**
 * Take a picture of the map: it can be read only while a frame is drawn.
 * @param {any} map
 * @param {string} alt
 * @returns {Promise<HTMLElement>}
 */
function picture(map, alt) {
  return new Promise((done) => {
    map.once("render", () => done(make("img", { class: "print-map", src: map.getCanvas().toDataURL("image/jpeg", 0.9), alt })));
    map.triggerRepaint();
  });
}

/** Unfold what is folded: paper has no clicks. @param {HTMLElement} card */
const unfold = (card) => card.querySelectorAll("details").forEach((part) => (part.open = true));

/** @param {HTMLElement} card @param {any} map @param {string} alt */
export async function print(card, map, alt) {
  const image = await picture(map, alt);
  card.prepend(image);
  unfold(card);
  await /** @type {HTMLImageElement} */ (image).decode();
  window.print();
  image.remove();
}

/**
 * Save a card as a page of its own, with the style sheet and the picture inside.
 * @param {HTMLElement} card @param {any} map @param {string} title @param {string} lang
 */
export async function saveAsPage(card, map, title, lang) {
  const copy = /** @type {HTMLElement} */ (card.cloneNode(true));
  copy.querySelectorAll(".actions").forEach((part) => part.remove());
  copy.querySelectorAll("button").forEach((button) => button.replaceWith(...button.childNodes));
  unfold(copy);
  copy.prepend(await picture(map, title));
  const style = await (await fetch("web/style.css")).text();
  const page = make("html", { lang, "data-theme": "light" }, make("head", {}, make("meta", { charset: "utf-8" }), make("title", {}, title), make("style", {}, style)), make("body", { class: "report" }, copy));
  save(`${title.replace(/[^\p{L}\p{N}-]+/gu, "_")}.html`, `<!DOCTYPE html>\n${page.outerHTML}`, "text/html");
}
