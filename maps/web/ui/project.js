/** The page of one project: its land as it is judged now, what may start, what waits and why, warnings with their checklists, what is recorded. */

import { byId, make, saveTable } from "../map/dom.js";
import { attributes, past, said } from "../map/feature.js";
import * as server from "../map/server.js";
import { warned } from "../map/signs.js";
import { alongWorks } from "./along.js";
import * as gantt from "./gantt.js";
import { recordForm } from "./record.js";
import { records, TABLES } from "./records.js";

const ONES = ["leader", "department", "steward", "work_plan", "target"];
const SEVERITY = { free: "pass", blocked: "block", unknown: "unknown" };
const MOST = 500; // entries of the service log and of the issues

/**
 * Wire the page up.
 * @param {any} page @param {() => void} back to the list
 */
export function projectPage(page, back) {
  /** @type {any} */ let known = null;
  let turn = 0;
  const box = () => byId("project-page");
  const query = (more = "") => `?${page.day() ? `on=${page.day()}` : ""}${more}`;
  const refused = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed));
  const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);
  const button = (text, go, kind = "link") => make("button", { type: "button", class: kind || null, onclick: go }, text);
  const path = (id) => `projects/${encodeURIComponent(id)}`;

  /** Read what is told of a project; each part that fails says so in its place, and never as a fact about land. The focus moves at once or not at all, as a card's. */
  async function open(id, quiet = false) {
    const mine = ++turn;
    if (!quiet) box().replaceChildren(button(`← ${page.words().all_projects}`, back, ""), make("p", {}, page.words().loading));
    if (!quiet && known?.id !== id) box().focus();
    try {
      const found = await server.ask(`${path(id)}${query()}`);
      if (mine !== turn) return;
      const form = known?.id === id ? known.form : page.may("planner") ? recordForm(page, () => known.body, () => open(id, true)) : null;
      known = { id, body: found, land: known?.id === id ? known.land : null, tasks: null, log: null, beside: null, form };
      const within = !quiet && box().contains(document.activeElement);
      paint();
      if (within) box().querySelector("h2").focus();
    } catch (failure) {
      if (mine !== turn) return;
      known = null;
      box().replaceChildren(button(`← ${page.words().all_projects}`, back, ""), make("p", { class: "refusal", role: "alert" }, refused(failure)));
      return;
    }
    const filter = encodeURIComponent(`project='${id.replaceAll("'", "''")}'`);
    const kept = (layer) => server.ask(`collections/${layer}/items?limit=${MOST}&filter=${filter}`).then((answer) => answer.features);
    await Promise.all(/** @type {[string, Promise<any>][]} */ ([["land", server.ask(`${path(id)}/land${query()}`)], ["tasks", server.ask(`${path(id)}/tasks${query("&by=month")}`)], ["log", Promise.all(["service_log", "issues", "sections"].map(kept))], ["beside", Promise.all(TABLES.map(kept))]])
      .map(([name, asked]) => asked.then((answer) => answer, (failure) => ({ failure: refused(failure) })).then((answer) => {
        if (mine !== turn || !known) return;
        known[name] = answer;
        box().querySelector(`[data-of=${name}]`).replaceChildren(...drawn(name));
        if (name === "land" && answer.land) page.mark(answer.land.map((ground) => ground.geometry), "", false);
      })));
  }

  /** Draw what came later than the page. */
  const drawn = (name) => (known[name] === null ? [page.words().loading] : known[name].failure ? [make("p", { class: "refusal" }, known[name].failure)] : { land, tasks, log, beside: (found) => records(found, page) }[name](known[name]));
  const later = (name) => make("div", { "data-of": name, "aria-live": "polite" }, ...drawn(name));

  /** Show the land of a project on the map. */
  async function toLand(id) {
    try {
      const found = known?.id === id && known.land?.land ? known.land : await server.ask(`${path(id)}/land${query()}`);
      page.note(found.land.length ? "" : page.words().no_land);
      if (found.land.length) page.mark(found.land.map((ground) => ground.geometry), found.land.length === 1 ? SEVERITY[found.land[0].verdict] : "");
    } catch (failure) {
      page.note(refused(failure));
    }
  }

  function land(found) {
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const title = (check) => `${check.id} ${check.title[tongue]}${check.detail[tongue] ? `: ${check.detail[tongue]}` : ""}`;
    const row = (g) => make("li", {}, make("p", {}, button(g.id, () => page.reveal(g.layer, g.id)), ` ${g.name || ""} · ${fmt.area(g.area_m2)} `, make("span", { class: `severity ${g.verdict}` }, words[g.verdict]), " ",
      make("span", { class: "severity ready" }, page.states().get(g.ready_state) || words.unknown), g.ready_from ? ` ${words.ready_from} ${fmt.day(g.ready_from)}` : "", " ", button(words.on_map, () => page.mark([g.geometry], SEVERITY[g.verdict]))),
      g.found.length ? make("details", {}, make("summary", {}, `${words.found_of_land} (${g.found.length})`), make("ul", {}, ...g.found.map((check) => make("li", {}, make("span", { class: `severity ${check.severity}` }, words[check.severity]), ` ${title(check)}`)))) : null);
    const none = found.land.length ? null : make("p", {}, words.no_land);
    return [none, found.land.length ? make("ul", { class: "grounds" }, ...found.land.map(row)) : null, found.land.length > 1 ? button(words.show_land, () => toLand(found.project)) : null,
      found.absent.length ? make("p", { class: "refusal" }, `${words.absent_parcels}: ${found.absent.join(", ")}`) : null, found.unjudged.length ? make("p", {}, `${words.unjudged}: ${found.unjudged.join(", ")}`) : null].filter(Boolean);
  }

  function tasks(found) {
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    if (!found.length) return [make("p", {}, words.no_tasks)];
    const title = new Map(known.body.steps.map((s) => [s.item, s.title[tongue]]));
    const months = [...new Set(found.map((t) => t.period))];
    return [make("ul", { class: "months" }, ...months.map((month) => make("li", {}, make("strong", {}, month), make("ul", {}, ...found.filter((t) => t.period === month).map((t) => make("li", {}, `${title.get(t.item)}${ofPhase(t)}: ${words.ends_by} ${fmt.day(t.latest)}, ${words.begins_by} ${fmt.day(t.begin_by)}`))))))];
  }

  function log([visits, issues, sections]) {
    const [words, fmt] = [page.words(), page.fmt()];
    const tell = (layer, name, value) => said(page.columns()[layer].fields.find((f) => f.name === name), value, words, fmt);
    const visit = ({ properties: p }) => make("li", {}, make("strong", {}, fmt.day(p.day)), ` ${tell("service_log", "kind", p.kind)} · ${p.subject || ""}${p.steward ? ` · ${p.steward}` : ""}`);
    const issue = ({ properties: p }) => make("li", {}, make("strong", {}, fmt.day(p.received_on)), ` ${p.subject} · ${p.handled_on ? `${words.handled} ${fmt.day(p.handled_on)}` : words.not_handled}${p.first_contact ? ` · ${p.first_contact}` : ""}`);
    const newest = (list, name) => [...list].sort((a, b) => String(b.properties[name] || "").localeCompare(String(a.properties[name] || "")));
    const part = ({ id, properties: p }) => make("li", {}, make("strong", {}, p.name), ` ${[p.round, p.utilities && `${words.lines_laid}: ${p.utilities.split(",").map((u) => tell("connections", "utility", u.trim())).join(page.language() === "zh" ? "、" : ", ")}`, `${fmt.day(p.started_on || p.planned_from)} – ${fmt.day(p.done_on || p.planned_to)}`].filter(Boolean).join(" · ")} `, p.road ? button(p.road, () => page.reveal("roads", p.road)) : null, make("small", {}, ` ${id}`));
    const works = sections.length ? [make("h4", {}, words.sections), make("ul", { class: "works" }, ...sections.map(part))] : [];
    return [...works, make("h4", {}, words.service_log), visits.length ? make("ul", {}, ...newest(visits, "day").map(visit)) : make("p", {}, words.none), make("h4", {}, words.issues), issues.length ? make("ul", {}, ...newest(issues, "received_on").map(issue)) : make("p", {}, words.none)];
  }

  /** Say the time within which a step is to be done. */
  const limit = (s) => `${s.time} ${s.unit === "wd" ? page.words().working_days : page.words().days}`;
  const ofPhase = (told) => (told.phase ? ` · ${page.words().phase} ${told.phase}` : "");
  /** What is told of each phase, or of the whole where there are none. */
  const parts = (body) => (body.phases.length ? body.phases : [body]);

  /** Save what is to be done, of what it needs, within which time by which rule, and how far it is. */
  function checklist(body) {
    const [words, tongue] = [page.words(), page.language()];
    const title = new Map(body.steps.map((s) => [s.item, s.title[tongue]]));
    const head = [words.step, words.phase, words.lane, words.needs, words.time_limit, words.source, words.column_status, words.gantt_planned, words.gantt_forecast, words.gantt_done];
    const rows = body.steps.map((s) => [s.title[tongue], s.phase, words[`lane_${s.lane}`], s.needs.map((n) => title.get(n)).join("; "), limit(s), s.source, words[`state_${s.state}`], s.planned, s.forecast, s.actual]);
    saveTable(`${body.project.id}.csv`, [head, ...rows]);
  }

  /** What may start today, and what waits for what. */
  function permits(body) {
    const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
    const title = new Map(body.steps.map((s) => [s.item, s.title[tongue]]));
    const [may, waits, done] = ["open", "blocked", "done"].map((state) => body.steps.filter((s) => s.state === state));
    const lack = ([item, what]) => make("li", {}, `${title.get(item)}: ${title.get(what) || words[`missing_${what}`] || what.replace("issued_on", words.gantt_done)}`);
    const five = (part) => [make("h4", {}, `${words.five_permits}${ofPhase(part)}`), part.five_permits_missing.length ? make("ul", {}, ...part.five_permits_missing.map(lack)) : make("p", {}, words.five_permits_ready)];
    return section(words.permits, make("p", { class: "actions" }, button(words.checklist_csv, () => checklist(body), "")),
      make("h4", {}, `${words.may_start} (${may.length})`), may.length ? make("ul", {}, ...may.map((s) => make("li", {}, `${s.title[tongue]}${ofPhase(s)}${s.time ? ` · ${words.time_limit} ${limit(s)}` : ""} · ${words.earliest} ${fmt.day(s.forecast)}${s.planned ? ` · ${words.gantt_planned} ${fmt.day(s.planned)}` : ""}${s.late > 0 ? ` · ${words.gantt_late} ${s.late} ${words.days}` : ""}`))) : make("p", {}, words.none),
      make("details", {}, make("summary", {}, `${words.blocked_steps} (${waits.length})`), make("ul", {}, ...waits.map((s) => make("li", {}, `${s.title[tongue]}${ofPhase(s)} ← ${s.waits_for.map((n) => title.get(n)).join(", ") || words.gantt_waits}`)))),
      make("details", {}, make("summary", {}, `${words.done_steps} (${done.length})`), make("ul", {}, ...done.map((s) => make("li", {}, `${s.title[tongue]}${ofPhase(s)} · ${fmt.day(s.actual)}${s.late > 0 ? ` · ${words.gantt_late} ${s.late} ${words.days}` : ""}`)))),
      ...parts(body).flatMap(five));
  }

  const why = (chain, titles) => make("ol", {}, ...chain.map((r) => make("li", {}, `${titles.get(r.item) || r.item} · ${page.fmt().day(r.on)}: ${r.text[page.language()]}`)));

  function forecast(body) {
    const words = page.words();
    const titles = new Map(body.steps.map((s) => [s.item, s.title[page.language()]]));
    const own = (part) => (part.phase ? [make("h4", {}, `${words.phase} ${part.phase}`), Object.keys(part.record).length ? make("details", { class: "of-phase", open: true }, make("summary", {}, words.recorded), ...attributes(page.columns().phases, part.record, page)) : null,
      part.parcels.length ? make("p", {}, `${words.its_land}: `, ...part.parcels.flatMap((id, k) => [k ? ", " : "", button(id, () => page.show(id))]), part.area_supplied_m2 === null ? "" : ` · ${fmtArea(part.area_supplied_m2)}`) : null] : []);
    const fmtArea = (m2) => page.fmt().area(m2);
    const one = (part) => [...own(part), part.production.length ? make("p", {}, `${titles.get(part.production[0].item)}: `, make("strong", {}, page.fmt().day(part.production[0].on)), ` ${words.because}`) : null, why(part.production, titles),
      part.contract_to_start_days === null ? null : make("p", {}, `${words.contract_to_start}: `, make("strong", {}, `${part.contract_to_start_days} ${words.days}`), part.contract_to_start.length ? ` ${words.because}` : ""), why(part.contract_to_start, titles)].filter(Boolean);
    return section(words.forecast, ...parts(body).flatMap(one));
  }

  function alarms(body) {
    const [words, tongue] = [page.words(), page.language()];
    const item = (w) => make("li", {}, warned(w.level, words), ` ${w.text[tongue]}${w.phase ? ` · ${words.phase} ${w.phase}` : ""}`, w.checklist.length ? make("ul", { class: "questions" }, ...w.checklist.map((q) => make("li", {}, q[tongue]))) : null);
    return section(`${words.part_warnings} (${body.warnings.length})`, body.warnings.length ? make("ul", { class: "alarms" }, ...body.warnings.map(item)) : make("p", {}, words.no_warnings));
  }

  function ones(body) {
    const words = page.words();
    const fields = new Map(page.columns().projects.fields.map((f) => [f.name, f.title]));
    const lacks = new Set(body.five_ones_missing);
    return section(`${words.five_ones} ${ONES.length - lacks.size}/${ONES.length}`, make("ul", { class: "ones" }, ...ONES.map((name) => make("li", {}, make("span", { "aria-hidden": "true" }, lacks.has(name) ? "✗" : "✓"), ` ${fields.get(name)}: ${lacks.has(name) ? words.not_recorded : body.project[name]}`))));
  }

  function chart(body) {
    const days = body.steps.flatMap((s) => [s.planned, s.forecast, s.begins, s.slack > 0 ? s.latest : null].filter(Boolean));
    if (!days.length) return null;
    return section(page.words().gantt_of_one, gantt.key(page), gantt.steps(body.steps, gantt.measure([...days, body.on], Math.max(byId("work").clientWidth - 250, 240)), body.on, page));
  }

  function paint() {
    if (!known) return;
    const [words, fmt, { id, body }] = [page.words(), page.fmt(), known];
    const focused = box().contains(document.activeElement) ? /** @type {any} */ (document.activeElement) : null;
    known.form?.paint();
    const status = page.columns().projects.fields.find((f) => f.name === "status");
    const worst = body.warnings.reduce((most, w) => (["notice", "yellow", "orange", "red"].indexOf(w.level) > ["notice", "yellow", "orange", "red"].indexOf(most) ? w.level : most), "none");
    const copy = async (event) => {
      await navigator.clipboard?.writeText(location.href).catch(() => prompt(words.copy_link, location.href));
      event.target.textContent = words.copied;
    };
    const done = body.steps.filter((s) => s.state === "done" || s.state === "not_applicable").length;
    box().replaceChildren(button(`← ${words.all_projects}`, back, ""),
      make("h2", { tabindex: -1 }, body.project.name), make("p", {}, `${id} · ${words[`stage_${body.stage}`]}${body.project.status ? ` (${said(status, body.project.status, words, fmt)})` : ""} · ${done}/${body.steps.length} · ${words.as_on} ${fmt.day(body.on)} `, warned(worst, words, body.warnings.length)),
      make("p", { class: "actions" }, button(words.show_land, () => toLand(id), ""), button(words.copy_link, copy, ""), page.may("planner") ? button(words.view_edit, () => page.edit("projects", id), "") : null),
      known.form?.element || "", section(words.its_land, later("land")), alarms(body), ones(body), permits(body), chart(body) || "", forecast(body), section(words.tasks_by_month, later("tasks")), section(words.service_given, later("log")),
      section(words.recorded_beside, later("beside"), alongWorks(id, page)),
      section(words.recorded, ...attributes(page.columns().projects, body.project, page)), past("projects", id, page));
    if (focused?.isConnected) focused.focus();
  }

  function close() {
    if (known) page.mark([]);
    known = null;
    turn++;
  }

  return { open, close, paint, toLand };
}
