/** Long work of the server and long questions: that it goes on, and a way to end it. */

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

/**
 * Make what asks questions that may take long, one at a time; it gives the answer, or null where the reader would not wait or asked another.
 * @param {any} page @param {(...parts: any[]) => void} told where it says that it waits
 * @returns {(path: string, body: any) => Promise<any>}
 */
export function questions(page, told) {
  let now = new AbortController();
  return async (path, body) => {
    now.abort();
    const mine = (now = new AbortController());
    const stop = make("button", { type: "button", onclick: () => (mine.abort(), told(page.words().cancelled)) }, page.words().cancel);
    told(make("progress", { "aria-label": page.words().loading }), stop);
    try {
      return await server.send(path, body, mine.signal);
    } catch (failure) {
      if (mine.signal.aborted) return null;
      throw failure;
    }
  };
}
