/** The views beside the map: one is open at a time, and the address says which. */

import { write } from "../map/address.js";
import { byId } from "../map/dom.js";

/**
 * A view: what it does when it opens and closes, and how it paints itself again; one that draws takes the map's clicks meanwhile.
 * `restore` turns it to what the address says, `changed` tells it of layers that somebody changed.
 * @typedef {{open?: () => void, close?: () => void, paint?: () => void, drawing?: () => boolean, click?: (event: any) => void, moved?: () => void, restore?: () => void, changed?: (layers: string[]) => void}} View
 */
/** @type {Record<string, View>} */
const views = {};

/** @param {string} name @param {View} view */
export function register(name, view) {
  views[name] = view;
}

/** The open view, "" for the map alone. */
export const opened = () => document.body.dataset.view || "";

/** The open view, while it draws. */
export const drawing = () => (views[opened()]?.drawing?.() ? views[opened()] : null);

/** Paint the open view again: the language, the style or the unit has changed. */
export const repaint = () => views[opened()]?.paint?.();

/** Turn the open view to what the address says now. */
export const restored = () => views[opened()]?.restore?.();

/** Tell the open view of layers that changed. @param {string[]} layers */
export const changed = (layers) => views[opened()]?.changed?.(layers);

/**
 * Open a view, or none; the buttons tell assistive technology which.
 * @param {string} name @param {boolean} step whether Back should undo it
 */
export function open(name, step = false) {
  const known = name in views ? name : "";
  if (known === opened()) return;
  views[opened()]?.close?.();
  document.body.dataset.view = known;
  for (const pane of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-pane]"))) pane.hidden = pane.dataset.pane !== known;
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-view-of]")))
    button.setAttribute("aria-pressed", String(button.dataset.viewOf === known));
  document.querySelector(`[data-view-of="${known}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  byId("work").hidden = !known;
  write({ view: known }, step);
  views[known]?.open?.();
}
