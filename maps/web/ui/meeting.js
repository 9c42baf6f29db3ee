/** The papers of a meeting: made as a job, of the day that the page shows, and fetched as one file. */

import { byId, make } from "../map/dom.js";
import * as server from "../map/server.js";
import { jobs } from "./job.js";

/**
 * Wire the form up.
 * @param {any} page
 */
export function meetingForm(page) {
  const told = (...parts) => byId("meeting-answer").replaceChildren(...parts);
  const run = jobs(page, told, { doing: "making_papers", ended: "papers_cancelled" });
  const value = (id) => /** @type {HTMLSelectElement} */ (byId(id)).value;

  async function print() {
    try {
      const made = await run("meeting", { page: value("meeting-page"), lang: value("meeting-lang"), ...(page.day() ? { on: page.day() } : {}) });
      if (!made) return;
      const size = page.fmt().upto(made.size / 1e6, 1, "MB");
      told(make("p", {}, make("a", { href: `results/${made.file}`, download: "meeting.zip" }, `${page.words().download_papers} (${page.fmt().day(made.on)}, ${size})`)));
    } catch (failure) {
      told(make("p", { role: "alert", class: "refusal" }, failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed)));
    }
  }

  byId("meeting-form").addEventListener("submit", (event) => (event.preventDefault(), print()));
  return { speak: () => (/** @type {HTMLSelectElement} */ (byId("meeting-lang")).value = page.language()) };
}
