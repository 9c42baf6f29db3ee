/** What a reader prefers, kept in the browser and not in links: light or dark, mu or hectares. */

const DARK = matchMedia("(prefers-color-scheme: dark)");
const GROUND = { light: "#F7F6F2", dark: "#15191E" };

/** @param {string} name @param {string} other */
function kept(name, other) {
  try {
    return localStorage.getItem(`shudi.${name}`) || other;
  } catch {
    return other; // a browser that keeps nothing
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`shudi.${name}`, value);
  } catch {
    return;
  }
}

/** @returns {"mu" | "ha"} */
export const unit = () => (kept("unit", "mu") === "ha" ? "ha" : "mu");
/** @returns {"auto" | "light" | "dark"} */
export const theme = () => /** @type {any} */ (kept("theme", "auto"));
export const isDark = () => (theme() === "auto" ? DARK.matches : theme() === "dark");

/** Tell the style sheet. */
export function dress() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

/** @param {() => void} change called when the machine turns light or dark */
export const onTurn = (change) => DARK.addEventListener("change", change);

/**
 * Darken the map's style: the ground, the outlines and the letters; colours that mean something stay.
 * @param {any} style
 */
export function dressed(style) {
  if (!isDark()) return style;
  const dark = (/** @type {any} */ layer) => {
    if (layer.type === "background") return { ...layer, paint: { ...layer.paint, "background-color": GROUND.dark } };
    if (layer.type === "symbol") return { ...layer, paint: { ...layer.paint, "text-color": "#EDEFF2", "text-halo-color": GROUND.dark } };
    if (layer.type === "line" && layer.paint["line-color"] === "#333333") return { ...layer, paint: { ...layer.paint, "line-color": "#98A2AD" } };
    return layer;
  };
  return { ...style, layers: style.layers.map(dark) };
}
