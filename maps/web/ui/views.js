/** The views beside the map: one is open at a time, and the address says which. */

import { byId } from "../map/dom.js";

/** @type {Record<string, {open?: () => void, close?: () => void}>} */
const views = {};

/** @param {string} name @param {{open?: () => void, close?: () => void}} view */
export function register(name, view) {
  views[name] = view;
}

/** The open view, "" for the map alone. */
export const opened = () => document.body.dataset.view || "";

/**
 * Open a view, or none; the buttons tell assistive technology which.
 * @param {string} name
 */
export function open(name) {
  const known = name in views ? name : "";
  if (known === opened()) return;
  views[opened()]?.close?.();
  document.body.dataset.view = known;
  for (const pane of document.querySelectorAll("[data-pane]")) /** @type {HTMLElement} */ (pane).hidden = pane.dataset.pane !== known;
  for (const button of document.querySelectorAll("[data-view-of]"))
    button.setAttribute("aria-pressed", String(button.dataset.viewOf === known));
  const query = new URLSearchParams(location.search);
  known ? query.set("view", known) : query.delete("view");
  history.replaceState(null, "", `?${query}${location.hash}`);
  views[known]?.open?.();
  byId("work").hidden = !known;
}
