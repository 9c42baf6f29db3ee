/** Long work of the server: how far it is, and a way to end it. */

import { make } from "../map/dom.js";
import * as server from "../map/server.js";

const POLL = 700; // ms

/**
 * Make what runs processes as jobs, one at a time; it gives the result, or null where it was ended here or another was begun.
 * @param {any} page @param {(...parts: any[]) => void} told where it says how it goes @param {{doing: string, ended: string}} named keys of its words
 * @returns {(process: string, inputs: any) => Promise<any>}
 */
export function jobs(page, told, named) {
  let now = "";
  return async (process, inputs) => {
    const sent = await server.change("POST", `processes/${process}/execution`, { inputs }, { Prefer: "respond-async" });
    const id = (now = (await sent.json()).jobID);
    const done = make("progress", { max: 100, value: 0, "aria-label": page.words()[named.doing] });
    const cancel = async () => {
      now = "";
      await server.change("DELETE", `jobs/${id}`).catch(() => null);
      told(page.words()[named.ended]);
    };
    told(done, make("button", { type: "button", onclick: cancel }, page.words().cancel));
    for (;;) {
      const job = await server.ask(`jobs/${id}`);
      if (now !== id) return null;
      if (job.status === "successful") return server.ask(`jobs/${id}/results`);
      if (!["accepted", "running"].includes(job.status)) return told(make("p", { role: "alert", class: "refusal" }, job.message || job.status)), null;
      /** @type {HTMLProgressElement} */ (done).value = job.progress;
      await new Promise((next) => setTimeout(next, POLL));
    }
  };
}
