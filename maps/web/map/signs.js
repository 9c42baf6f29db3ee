/** Signs that tell how bad something is by shape and word, and by colour only beside them. */

import { make } from "./dom.js";

export const LEVELS = ["none", "notice", "yellow", "orange", "red"];
const SIGNS = { none: "✓", notice: "○", yellow: "△", orange: "◆", red: "■" };

/**
 * Write a level of warning: sign and word; `many` beside it.
 * @param {string} level @param {Record<string, string>} words @param {number | null} many
 */
export const warned = (level, words, many = null) =>
  make("span", { class: `level level-${level}` }, make("span", { "aria-hidden": "true" }, SIGNS[level]), ` ${words[`level_${level}`]}${many ? ` ${many}` : ""}`);
