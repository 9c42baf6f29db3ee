/** The state of the page stands in its address, so that a link shows what its sender saw and Back goes back. */

/** @param {string} name */
export const read = (name) => new URLSearchParams(location.search).get(name) || "";

/** Choose the language: as the address asks, else the first of the reader's that is here. @returns {"en" | "zh"} */
export function tongue() {
  const wanted = [read("lang"), ...navigator.languages].map((name) => name.slice(0, 2).toLowerCase());
  return wanted.find((name) => name === "en" || name === "zh") === "en" ? "en" : "zh";
}

/**
 * Change parts of the address; an empty value leaves the part out. A new entry of the history is made only for steps that
 * Back should undo.
 * @param {Record<string, string>} changes @param {boolean} step
 */
export function write(changes, step = false) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const next = `?${query}${location.hash}`;
  if (next === `${location.search || "?"}${location.hash}`) return;
  step ? history.pushState(null, "", next) : history.replaceState(null, "", next);
}

/** @param {() => void} restore called when the reader goes back or forward */
export const onReturn = (restore) => addEventListener("popstate", restore);
