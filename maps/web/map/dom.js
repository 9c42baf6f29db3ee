/** Elements made from text, never from markup. */

/**
 * Make an element; strings become text nodes, null children are left out.
 * @param {string} tag
 * @param {Record<string, any>} attributes `on...` are listeners; true, false and null set or leave out
 * @param {...(Node | string | number | null | undefined)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
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
