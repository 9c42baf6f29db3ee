/** Elements made from text, never from markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element; strings become text nodes, null children are left out.
 * @param {string} tag
 * @param {Record<string, any>} attributes `on...` are listeners; true, false and null set or leave out
 * @param {...(Node | string | number | null | undefined)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  return /** @type {HTMLElement} */ (filled(document.createElement(tag), attributes, children));
}

/**
 * Make an element of a drawing, as `make`.
 * @param {string} tag @param {Record<string, any>} attributes @param {...any} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  return /** @type {SVGElement} */ (filled(document.createElementNS(SVG, tag), attributes, children));
}

/** @param {Element} element @param {Record<string, any>} attributes @param {any[]} children */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/**
 * Find an element of the page that must be there.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Let the reader keep something as a file.
 * @param {string} name @param {BlobPart} content @param {string} type
 */
export function save(name, content, type) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name }));
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * Write a table as CSV, which spreadsheets read as UTF-8 and of which they take no text for a formula.
 * @param {any[][]} rows what is missing is empty
 */
export function csv(rows) {
  const safe = (/** @type {any} */ value) => (typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? ""));
  const cell = (/** @type {string} */ text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `\ufeff${rows.map((row) => row.map((value) => cell(safe(value))).join()).join("\r\n")}\r\n`;
}

/**
 * Let the reader keep a table as CSV.
 * @param {string} name @param {any[][]} rows
 */
export const saveTable = (name, rows) => save(name, csv(rows), "text/csv");
