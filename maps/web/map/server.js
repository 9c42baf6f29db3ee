/** What the page asks of the server. */

import { planeOf, turned, uri } from "./plane.js";

export class Refusal extends Error {
  /** @param {number} status @param {any} problem what the server says of it, as problem+json */
  constructor(status, problem = null) {
    super(`the server answered ${status}`);
    this.status = status;
    this.problem = problem;
  }

  /**
   * Say why, in the reader's language.
   * @param {"en" | "zh"} language
   */
  say(language) {
    return this.problem?.[`detail_${language}`] || this.problem?.detail || this.problem?.title || this.message;
  }
}

/**
 * Fetch JSON; throws Refusal on any answer that is not 2xx.
 * @param {string} path relative to the page
 * @returns {Promise<any>}
 */
export async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (answer.status === 401) location.assign(`login?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return answer.json();
}

/**
 * Read all features of a collection that meet a query, page by page.
 * @param {string} layer @param {Record<string, string>} query
 * @returns {Promise<any[]>}
 */
export async function every(layer, query) {
  const path = `collections/${layer}/items`;
  const found = [];
  for (let next = `?${new URLSearchParams({ limit: "10000", ...query })}`; next; ) {
    const answer = await ask(path + next);
    found.push(...answer.features);
    const link = answer.links.find((/** @type {any} */ one) => one.rel === "next");
    next = link ? new URL(link.href).search : "";
  }
  return found;
}

/**
 * Send JSON and read the answer; throws Refusal with the server's reason.
 * @param {string} path @param {any} body @param {AbortSignal} [signal] ends the wait
 * @returns {Promise<any>}
 */
export async function send(path, body, signal) {
  const headers = { Accept: "application/json", "Content-Type": "application/json", "Accept-Language": document.documentElement.lang };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return answer.json();
}

/**
 * Change something; throws Refusal with the server's reason.
 * @param {string} method @param {string} path @param {any} body @param {Record<string, string>} headers
 * @returns {Promise<Response>}
 */
export async function change(method, path, body = null, headers = {}) {
  const answer = await fetch(path, { method, headers: { Accept: "application/json", "Content-Type": "application/json", ...headers }, ...(body === null ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }) });
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return answer;
}

/**
 * Read a feature with the mark of its version.
 * @param {string} layer @param {string} id
 */
export async function versioned(layer, id) {
  const answer = await fetch(item(layer, id), { headers: { Accept: "application/geo+json" }, cache: "no-store" });
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return { feature: await answer.json(), etag: answer.headers.get("ETag") || "" };
}

/**
 * Read a geometry to its last digit: in the base's CRS, east first.
 * @param {string} layer @param {string} id @param {{crs: string, north_first: boolean}} about the base
 */
export const exact = async (layer, id, about) => turned((await ask(`${item(layer, id)}?crs=${encodeURIComponent(uri(about.crs))}`)).geometry, about);

/** How degrees and the base's CRS belong together within bounds. @param {number[]} bounds west, south, east, north */
export const plane = async (bounds) => planeOf(await ask(`plane?bbox=${bounds.map((side) => side.toFixed(9))}`));

/** End the session, and go where one begins. */
export async function leave() {
  await fetch("logout", { method: "POST" });
  location.assign("login");
}

export const me = () => ask("me");
export const about = () => ask("about.json");
/** @param {string} language */
export const words = (language) => ask(`web/i18n/${language}.json`);
/** @param {string} language */
export const style = (language) => ask(`style.json?lang=${language}`);
/** @param {string} language */
export const legend = (language) => ask(`legend.json?lang=${language}`);
/** @param {string} language */
export const columns = (language) => ask(`columns.json?lang=${language}`);
/** @param {string} id @param {string} day "" is today */
export const plot = (id, day) => ask(`plots/${encodeURIComponent(id)}?answer_crs=EPSG:4326${day ? `&on=${day}` : ""}`);
/** @param {string} layer @param {string} id */
export const item = (layer, id) => `collections/${layer}/items/${encodeURIComponent(id)}`;
/** @param {string} layer @param {string} id */
export const feature = (layer, id) => ask(item(layer, id));
/** @param {string} layer @param {string} id */
export const past = (layer, id) => ask(`${item(layer, id)}/history`);
/** @param {string} id @param {string} day "" is today */
export const projectsOf = (id, day) => ask(`plots/${encodeURIComponent(id)}/projects${day ? `?on=${day}` : ""}`);
/** @param {string} text */
export const places = (text) => ask(`places?q=${encodeURIComponent(text)}`);

/**
 * List the features of a layer that share land with an outline, beyond its border.
 * @param {string} layer @param {any} geometry GeoJSON in longitude and latitude
 * @returns {Promise<any[]>}
 */
export async function meeting(layer, geometry) {
  /** @type {number[][]} */ const points = geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2);
  const [x, y] = [0, 1].map((axis) => points.map((p) => p[axis]));
  const box = [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
  const ring = (/** @type {number[][]} */ r) => `(${r.map((p) => p.slice(0, 2).join(" ")).join(",")})`;
  const polygon = (/** @type {number[][][]} */ rings) => `(${rings.map(ring).join(",")})`;
  const shape = geometry.type === "Polygon" ? `POLYGON${polygon(geometry.coordinates)}` : `MULTIPOLYGON(${geometry.coordinates.map(polygon).join(",")})`;
  const filter = `S_INTERSECTS(geometry,${shape}) AND NOT S_TOUCHES(geometry,${shape})`;
  const exact = filter.length < 6000 ? `&filter=${encodeURIComponent(filter)}` : "";
  return (await ask(`collections/${layer}/items?limit=50&bbox=${box}${exact}`)).features;
}
export const supply = () => ask("supply?by=quarter");
export const serviced = () => ask("supply?by=day");
