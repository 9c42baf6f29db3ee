/** Record what happened to a project: its status, or the days of a step, with the reason; a refusal and a conflict are shown in their place. */

import { make } from "../map/dom.js";
import * as server from "../map/server.js";
import { conflict } from "./conflict.js";
import { field, values } from "./fields.js";

const OF_PROJECT = ["status"];
const OF_STEP = ["planned_on", "prepared_on", "actual_on", "number", "cause", "owner", "action", "level", "level_reason"];

/**
 * Make the form of a project.
 * @param {any} page @param {() => any} body the project as it is told now @param {() => Promise<void>} saved tells it anew
 */
export function recordForm(page, body, saved) {
  /** @type {{layer: string, id: string, etag: string, was: any, own: any}} */ let now = { layer: "projects", id: "", etag: "", was: {}, own: {} };
  let turn = 0;
  let spoken = "";
  const words = () => page.words();
  const columns = () => page.columns()[now.layer].fields;
  const [pick, fields, answer] = [/** @type {any} */ (make("select", { name: "what", onchange: () => choose() })), make("div", { class: "fields" }), make("div", { "aria-live": "polite" })];
  const reason = /** @type {any} */ (make("input", { name: "reason", maxlength: 500 }));
  const form = /** @type {any} */ (make("form", { onsubmit: (event) => (event.preventDefault(), save()) }));
  const told = (...parts) => answer.replaceChildren(...parts);
  const refused = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), words().failed));

  /** Say all in the reader's language, and offer the steps as they are now. */
  function paint() {
    const [{ project, steps }, chosen, tongue] = [body(), pick.value, page.language()];
    const named = (s, n) => make("option", { value: n, selected: String(n) === chosen }, `${s.title[tongue]}${s.phase ? ` · ${words().phase} ${s.phase}` : ""} (${words()[`state_${s.state}`]})`);
    pick.replaceChildren(make("option", { value: "" }, words().column_status), make("optgroup", { label: words().permits }, ...steps.map(named)));
    if (spoken && spoken !== tongue && fields.childElementCount) choose();
    spoken = tongue;
    form.replaceChildren(make("label", {}, `${words().what} `, pick), fields, make("label", {}, `${words().reason_document} `, reason), make("p", {}, make("button", { type: "submit", class: "primary" }, words().save)), answer);
  }

  /** Read the record that is to be changed, with the mark of its version. */
  async function choose() {
    const mine = ++turn;
    const { project, steps } = body();
    const step = pick.value === "" ? null : steps[Number(pick.value)];
    const id = step ? step.record || `${project.id}-${step.item}${step.phase ? `-${step.phase}` : ""}` : project.id;
    try {
      const { feature, etag } = !step || step.record ? await server.versioned(step ? "permits" : "projects", id) : { feature: { properties: {} }, etag: "" };
      if (mine !== turn) return;
      now = { layer: step ? "permits" : "projects", id, etag, was: feature.properties, own: step ? { project: project.id, item: step.item, ...(step.phase ? { phase: step.phase } : {}) } : {} };
      const names = step ? OF_STEP : OF_PROJECT;
      fields.dataset.record = id;
      fields.replaceChildren(...columns().filter((c) => names.includes(c.name)).map((c) => field(c, now.was[c.name], words())));
    } catch (failure) {
      if (mine === turn) told(make("p", { class: "refusal", role: "alert" }, refused(failure)));
    }
  }

  function save() {
    const given = values(page.columns()[now.layer], form);
    const changed = Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== (now.was[name] ?? null)));
    return Object.keys(changed).length ? send(changed, now.etag) : told(words().nothing_changed);
  }

  /** Send what changed. @param {any} changed @param {string} etag "" makes a new record */
  async function send(changed, etag) {
    told(words().loading);
    const query = reason.value ? `?reason=${encodeURIComponent(reason.value)}` : "";
    const typed = { "Content-Type": "application/geo+json" };
    try {
      etag
        ? await server.change("PATCH", `${server.item(now.layer, now.id)}${query}`, { type: "Feature", properties: changed }, { ...typed, "If-Match": etag })
        : await server.change("POST", `collections/${now.layer}/items${query}`, { type: "Feature", id: now.id, geometry: null, properties: { ...now.own, ...changed } }, typed);
      reason.value = "";
      await saved();
      await choose();
      told(words().recorded_now);
    } catch (failure) {
      const problem = failure instanceof server.Refusal ? failure.problem : null;
      if (!problem?.current) return told(make("p", { class: "refusal", role: "alert" }, refused(failure)));
      told(...conflict(columns(), { was: now.was, stored: problem.current.properties, mine: changed }, () => (told(), choose()), () => send(changed, problem.found), page));
    }
  }

  const summary = make("summary", {});
  const all = make("details", { class: "record", ontoggle: (event) => event.target.open && !fields.childElementCount && choose() }, summary, form);
  return {
    element: all,
    paint: () => {
      summary.textContent = words().record;
      paint();
    },
  };
}
