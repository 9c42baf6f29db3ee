/** What the page asks of the server. */

export class Refusal extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`the server answered ${status}`);
    this.status = status;
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
  if (!answer.ok) throw new Refusal(answer.status);
  return answer.json();
}

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
/** @param {string} id @param {string} day "" is today */
export const plot = (id, day) => ask(`plots/${encodeURIComponent(id)}${day ? `?on=${day}` : ""}`);
