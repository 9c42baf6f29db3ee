/** Projects: a board by stage, a table, a chart of permits and milestones, the warnings; each leads to the project and its land. */

import { read, write } from "../map/address.js";
import { byId, make } from "../map/dom.js";
import { today } from "../map/format.js";
import * as server from "../map/server.js";
import { LEVELS, warned } from "../map/signs.js";
import * as gantt from "./gantt.js";
import { meetingForm } from "./meeting.js";
import { projectPage } from "./project.js";
import { workbookForm } from "./workbook.js";

const PARTS = ["board", "table", "gantt", "warnings"];
export const STAGES = ["prospect", "signed", "land", "permits", "construction", "production", "halted"];
const PAGE = 500; // warnings that are asked for at once
const MORE = { board: 40, table: 100, gantt: 50, warnings: 100 }; // rows that are drawn at once; the rest when asked for
const LEDGER = ["projects", "phases", "permits", "land_cases", "connections", "relocations", "issues", "service_log", "stakeholders", "sites", "readiness"];
const KEYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/**
 * Keep the projects whose words hold all the words of a text.
 * @param {any[]} rows @param {string} text @param {(row: any) => any[]} words
 */
export function holding(rows, text, words) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return wanted.length ? rows.filter((row) => ((all) => wanted.every((word) => all.includes(word)))(words(row).join(" ").toLowerCase())) : rows;
}

/**
 * Sort rows by a column; what is not recorded comes last either way.
 * @param {any[]} rows @param {(row: any) => any} value @param {boolean} down @param {string} locale
 */
export function sorted(rows, value, down, locale) {
  const known = (row) => ((v) => v !== null && v !== undefined && v !== "")(value(row));
  const order = (a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b), locale, { numeric: true }));
  const [there, not] = [rows.filter(known), rows.filter((row) => !known(row))];
  return [...there.sort((a, b) => (down ? -1 : 1) * order(value(a), value(b))), ...not];
}

/**
 * Wire the view up.
 * @param {any} page
 */
export function projectsView(page) {
  /** @type {{on: string, rows: any[], items: any[], marks: Map<string, any[]> | null, warnings: any[] | null, total: number, warn: string} | null} */ let known = null;
  let turn = 0;
  const one = projectPage(page, back);
  const meeting = meetingForm(page);
  const workbook = workbookForm(page);
  const part = () => (PARTS.includes(read("part")) ? read("part") : "board");
  const level = () => (LEVELS.slice(1).includes(read("warn")) ? read("warn") : "yellow");
  const query = () => (page.day() ? `?on=${page.day()}` : "?");
  const into = () => byId("projects-answer");
  const locale = () => (page.language() === "zh" ? "zh-CN" : "en-GB");
  const refused = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed));

  /** Words of a project's code as its column says. */
  const coded = (name, value) => page.columns().projects.fields.find((f) => f.name === name).codes.find((c) => c[0] === value)?.[1] || value || "";
  const words = (row) => [row.id, row.name, row.enterprise, row.department, row.steward, coded("status", row.status), coded("kind", row.kind), coded("level", row.level), page.words()[`stage_${row.stage}`]];
  const link = (id, name) => make("a", { class: "link", href: `?${new URLSearchParams({ lang: page.language(), view: "projects", project: id, ...(page.day() ? { on: page.day() } : {}) })}`, onclick: (event) => (event.preventDefault(), page.project(id)) }, name);

  async function load() {
    const mine = ++turn;
    if (!known) into().replaceChildren(page.words().loading);
    try {
      const [rows, chart] = await Promise.all([server.ask(`projects${query()}`), part() === "gantt" ? server.ask(`milestones${query()}`) : null]);
      const list = part() === "warnings" ? await someWarnings(0) : null;
      if (mine !== turn) return;
      known = { on: chart?.on || page.day() || today(), rows: sorted(rows, (r) => -LEVELS.indexOf(r.warning), false, locale()), items: chart?.items || [], marks: chart && new Map(chart.projects.map((p) => [p.project, p.marks])), warnings: list?.warnings || null, total: list?.total || 0, warn: level() };
      show();
    } catch (failure) {
      if (mine !== turn) return;
      known = null;
      into().replaceChildren(make("p", { class: "refusal", role: "alert" }, refused(failure)));
    }
  }

  const someWarnings = (from) => server.ask(`warnings${query()}&level=${level()}&limit=${PAGE}&offset=${from}`);

  /** Read the next warnings. */
  async function moreWarnings() {
    const before = known;
    if (!before?.warnings) return;
    try {
      const next = await someWarnings(before.warnings.length);
      if (known !== before) return;
      known = { ...before, warnings: [...before.warnings, ...next.warnings], total: next.total };
      show();
    } catch (failure) {
      if (known === before) into().prepend(make("p", { class: "refusal", role: "alert" }, refused(failure)));
    }
  }

  /** Draw some rows, and the rest when they are asked for. */
  function some(rows, most, draw) {
    const box = make("div", {});
    const add = (from) => {
      box.append(draw(rows.slice(from, from + most)));
      const left = rows.length - from - most;
      const more = left > 0 ? make("button", { type: "button", class: "more", onclick: () => (more?.remove(), add(from + most)) }, `${page.words().show_more} (${page.fmt().number(left, 0)})`) : null;
      if (more) box.append(more);
    };
    add(0);
    return box;
  }

  const days = (row) => `${page.words().start} ${page.fmt().day(row.start)} · ${page.words().production} ${page.fmt().day(row.production)}`;
  const lacking = (row) => (row.five_ones_missing.length ? make("small", {}, `${page.words().five_ones} ${5 - row.five_ones_missing.length}/5`) : null);

  function board(rows) {
    const card = (row) => make("li", {}, link(row.id, row.name), make("small", {}, `${row.id}${row.status ? ` · ${coded("status", row.status)}` : ""}${row.level ? ` · ${coded("level", row.level)}` : ""}`),
      make("small", {}, days(row)), make("p", {}, warned(row.warning, page.words(), row.warnings), " ", lacking(row)));
    const column = (stage) => {
      const mine = rows.filter((row) => row.stage === stage);
      if (!mine.length && stage === "halted") return null;
      return make("section", { class: "stage", "aria-label": page.words()[`stage_${stage}`] }, make("h3", {}, `${page.words()[`stage_${stage}`]} (${page.fmt().number(mine.length, 0)})`),
        mine.length ? some(mine, MORE.board, (part) => make("ul", { class: "cards" }, ...part.map(card))) : make("p", {}, page.words().none));
    };
    return make("div", { class: "board", tabindex: 0, role: "group", "aria-label": page.words().part_board, onkeydown: walk }, ...STAGES.map(column));
  }

  /** Walk the board's cards by the arrow keys: along a stage, and to the next. */
  function walk(event) {
    const [step, board] = [KEYS[event.key], event.currentTarget];
    if (!step || event.target.tagName !== "A") return;
    const columns = [...board.querySelectorAll(".stage")].map((c) => [...c.querySelectorAll("a")]).filter((c) => c.length);
    const at = columns.findIndex((c) => c.includes(event.target));
    const row = columns[at].indexOf(event.target);
    const column = columns[Math.min(Math.max(at + step[0], 0), columns.length - 1)];
    event.preventDefault();
    column[Math.min(Math.max(row + step[1], 0), column.length - 1)].focus();
  }

  const COLUMNS = {
    id: (r) => r.id, name: (r) => r.name, stage: (r) => STAGES.indexOf(r.stage), status: (r) => coded("status", r.status), level: (r) => coded("level", r.level), steward: (r) => r.steward,
    done: (r) => r.done / r.steps, start: (r) => r.start, production: (r) => r.production, warning: (r) => LEVELS.indexOf(r.warning), five_ones: (r) => 5 - r.five_ones_missing.length,
  };

  function table(rows) {
    const [say, fmt] = [page.words(), page.fmt()];
    const [by, down] = [read("sort").replace(/^-/, ""), read("sort").startsWith("-")];
    const all = COLUMNS[by] ? sorted(rows, COLUMNS[by], down, locale()) : rows;
    const order = (name) => (write({ sort: by !== name ? name : down ? "" : `-${name}` }), show(), into().querySelector(`[data-sort=${name}]`).focus());
    const head = Object.keys(COLUMNS).map((name) => make("th", { scope: "col", "aria-sort": by === name ? (down ? "descending" : "ascending") : null },
      make("button", { type: "button", class: "link", "data-sort": name, onclick: () => order(name) }, say[`column_${name}`], by === name ? make("span", { "aria-hidden": "true" }, down ? " ▼" : " ▲") : null)));
    const cell = (...parts) => make("td", {}, ...parts);
    const day = (iso) => make("td", { class: "day" }, fmt.day(iso));
    const row = (r) => make("tr", {}, cell(r.id), make("th", { scope: "row" }, link(r.id, r.name)), cell(say[`stage_${r.stage}`]), cell(coded("status", r.status) || "—"), cell(coded("level", r.level) || "—"), cell(r.steward || "—"), make("td", { class: "number" }, `${r.done}/${r.steps}`),
      day(r.start), day(r.production), cell(warned(r.warning, say, r.warnings)), make("td", { class: "number" }, `${5 - r.five_ones_missing.length}/5`));
    const body = make("tbody", {});
    const made = make("table", { class: "projects" }, make("caption", { class: "unseen" }, say.view_projects), make("thead", {}, make("tr", {}, ...head)), body);
    const more = some(all, MORE.table, (part) => (body.append(...part.map(row)), make("span", {})));
    return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": say.part_table }, made, more);
  }

  function chart(rows) {
    const drawn = rows.map((r) => ({ row: r, marks: known?.marks?.get(r.id) || [] })).filter((p) => p.marks.some((m) => m.forecast));
    if (!known || !drawn.length) return make("p", {}, page.words().no_projects);
    const { items, on } = known;
    const days = drawn.flatMap((p) => p.marks.flatMap((m) => [m.planned, m.forecast].filter(Boolean)));
    const scale = gantt.measure([...days, on], Math.max(byId("work").clientWidth - 260, 240));
    return make("div", {}, gantt.key(page, items), some(drawn, MORE.gantt, (part) => gantt.portfolio(part.map((p) => ({ name: link(p.row.id, p.row.name), marks: p.marks })), items, scale, on, page)));
  }

  function warnings(rows) {
    const [say, fmt] = [page.words(), page.fmt()];
    const named = new Map(rows.map((r) => [r.id, r]));
    const [total, left] = [known?.total || 0, (known?.total || 0) - (known?.warnings || []).length];
    const mine = (known?.warnings || []).filter((w) => named.has(w.project));
    const pick = make("select", { id: "projects-warn", onchange: (event) => (write({ warn: event.target.value }), load()) }, ...LEVELS.slice(1).map((l) => make("option", { value: l, selected: l === level() }, say[`level_${l}`])));
    const item = (w) => make("tr", {}, make("td", {}, warned(w.level, say)), make("td", {}, w.text[page.language()], w.phase ? make("small", {}, `${say.phase} ${w.phase}`) : null), make("td", {}, link(w.project, named.get(w.project).name)), make("td", { class: "day" }, fmt.day(w.on)),
      make("td", {}, make("button", { type: "button", class: "link", onclick: () => (page.project(w.project), one.toLand(w.project)) }, say.show_land)));
    const head = make("tr", {}, ...[say.column_warning, say.what, say.project, say.on_day, say.column_land].map((text) => make("th", { scope: "col" }, text)));
    const body = make("tbody", {});
    const more = some(mine, MORE.warnings, (part) => (body.append(...part.map(item)), make("span", {})));
    return make("div", {}, make("p", {}, make("label", {}, `${say.least_level} `, pick), ` ${fmt.number(mine.length, 0)}${left > 0 ? ` / ${fmt.number(total, 0)}` : ""} ${say.warnings_found}`, left > 0 ? make("button", { type: "button", id: "more-warnings", onclick: moreWarnings }, `${say.show_more} (${fmt.number(left, 0)})`) : null),
      make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": say.part_warnings }, make("table", { class: "projects" }, make("thead", {}, head), body), more));
  }

  /** Draw the chosen part of what was read. */
  function show() {
    workbook.speak();
    if (!known || read("project")) return;
    const rows = holding(known.rows, read("text"), words);
    for (const name of PARTS) byId(`projects-${name}`).setAttribute("aria-pressed", String(name === part()));
    byId("projects-count").textContent = `${page.fmt().number(rows.length, 0)} / ${page.fmt().number(known.rows.length, 0)} · ${page.words().as_on} ${page.fmt().day(known.on)}`;
    const missing = { gantt: !known.marks, warnings: !known.warnings }[part()]; // the part was chosen and is still being read
    if (missing) return into().replaceChildren(make("p", {}, page.words().loading));
    const drawn = known.rows.length ? { board, table, gantt: chart, warnings }[part()](rows) : make("p", {}, page.words().no_projects);
    into().replaceChildren(drawn);
  }

  /** Turn to what the address says: one project, or the list. */
  function restore() {
    const id = read("project");
    document.body.dataset.part = id ? "project" : "list";
    byId("projects-list").hidden = Boolean(id);
    byId("project-page").hidden = !id;
    byId("projects-text").value = read("text");
    if (id) return one.open(id);
    one.close();
    load();
  }

  /** Go from a project to the list. */
  function back() {
    write({ project: "" }, true);
    restore();
    byId(`projects-${part()}`).focus();
  }

  for (const name of PARTS)
    byId(`projects-${name}`).addEventListener("click", () => (write({ part: name === "board" ? "" : name }, true), load()));
  byId("projects-text").addEventListener("input", (event) => (write({ text: event.target.value }), show()));
  byId("projects-filter").addEventListener("submit", (event) => event.preventDefault());
  return {
    open: () => (meeting.speak(), restore()), restore, close: () => (delete document.body.dataset.part, one.close()),
    paint: () => (read("project") ? one.paint() : show()),
    changed: (layers) => layers.some((layer) => LEDGER.includes(layer)) && (read("project") ? one.open(read("project"), true) : load()),
  };
}
