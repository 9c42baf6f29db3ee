/** Long work of the server: how far it is, and a way to end it. */

import { make } from "../map/dom.js";
import * as server from "../map/server.js";

const POLL = 700; // ms
const GOING = ["accepted", "running"];

/**
 * Make what runs processes as jobs, one at a time; it gives the result, or null where it was ended or another was begun.
 * That it was ended is said when it has stopped and nothing of it is left, not when that was asked for.
 * @param {any} page @param {(...parts: any[]) => void} told where it says how it goes @param {{doing: string, ended: string}} named keys of its words
 * @returns {(process: string, inputs: any) => Promise<any>}
 */
export function jobs(page, told, named) {
  let now = "";
  return async (process, inputs) => {
    const sent = await server.change("POST", `processes/${process}/execution`, { inputs }, { Prefer: "respond-async" });
    const id = (now = (await sent.json()).jobID);
    const done = make("progress", { max: 100, value: 0, "aria-label": page.words()[named.doing] });
    const stop = /** @type {HTMLButtonElement} */ (make("button", { type: "button", onclick: cancel }, page.words().cancel));
    async function cancel() {
      offer(false);
      const job = await server.ask(`jobs/${id}`).catch(() => null);
      if (job && !GOING.includes(job.status)) return; // its result is there: to end it now would throw that away
      await server.change("DELETE", `jobs/${id}`).catch(() => offer(true));
    }
    function offer(/** @type {boolean} */ may) {
      stop.disabled = !may;
      stop.textContent = page.words()[may ? "cancel" : "cancelling"];
    }
    told(done, stop);
    for (;;) {
      const job = await server.ask(`jobs/${id}`);
      if (now !== id) return null;
      if (job.status === "successful") return server.ask(`jobs/${id}/results`);
      if (job.status === "dismissed" && job.finished) return told(page.words()[named.ended]), null;
      if (![...GOING, "dismissed"].includes(job.status)) return told(make("p", { role: "alert", class: "refusal" }, job.message || job.status)), null;
      /** @type {HTMLProgressElement} */ (done).value = job.progress;
      await new Promise((next) => setTimeout(next, POLL));
    }
  };
}
