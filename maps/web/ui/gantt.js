/** Charts over time: permits and milestones of many projects, the steps of one; what is late or critical is told by shape, not by colour alone. */

import { make, svg } from "../map/dom.js";

const DAY = 86_400_000; // ms
const HEAD = 46; // units of the axis's height
const MONTH = 18; // least units of a month's width
const NEAR = 16; // units within which signs are told together
let drawn = 0;

const at = (/** @type {string} */ iso) => Date.parse(`${iso.slice(0, 10)}T00:00:00Z`) / DAY;

/**
 * Measure the axis: from the month before the first day to the month after the last, at least as wide as there is room.
 * @param {string[]} days @param {number} room units
 */
export function measure(days, room) {
  const [first, last] = [days.reduce((a, b) => (a < b ? a : b)), days.reduce((a, b) => (a > b ? a : b))];
  const begin = new Date(`${first.slice(0, 7)}-01T00:00:00Z`);
  begin.setUTCMonth(begin.getUTCMonth() - 1);
  const months = (Number(last.slice(0, 4)) - begin.getUTCFullYear()) * 12 + Number(last.slice(5, 7)) - begin.getUTCMonth() + 1;
  const starts = Array.from({ length: months + 1 }, (_, n) => new Date(Date.UTC(begin.getUTCFullYear(), begin.getUTCMonth() + n, 1)));
  const [from, to] = [starts[0].getTime() / DAY, starts[months].getTime() / DAY];
  const width = Math.max(room, months * MONTH);
  return { width, starts, x: (/** @type {string} */ iso) => ((at(iso) - from) / (to - from)) * width };
}

/** The months and years, and the day that the chart speaks of as a line that is named. */
function axis(scale, height, on, page) {
  const locale = page.language() === "zh" ? "zh-CN" : "en-GB";
  const month = new Intl.DateTimeFormat(locale, { month: page.language() === "zh" ? "numeric" : "short", timeZone: "UTC" });
  const every = [1, 3, 6, 12].find((n) => (scale.width / (scale.starts.length - 1)) * n >= 30) || 12;
  const lines = scale.starts.slice(0, -1).flatMap((start, n) => {
    const [x, january] = [scale.x(start.toISOString()), start.getUTCMonth() === 0];
    return [svg("line", { x1: x, x2: x, y1: january ? 0 : HEAD - 6, y2: height, class: january ? "year" : "month" }),
      january || n === 0 ? svg("text", { x: x + 3, y: 12 }, start.getUTCFullYear()) : null,
      start.getUTCMonth() % every === 0 ? svg("text", { x: x + 3, y: 26, class: "soft" }, month.format(start)) : null];
  });
  const today = scale.x(on);
  return [...lines, svg("line", { x1: today, x2: today, y1: 0, y2: height, class: "today" }), svg("text", { x: today + 3, y: 41, class: "today-text" }, page.words().gantt_today)];
}

/** A chart beside the names of its rows. */
function chart(names, rows, scale, on, height, label, page) {
  const tall = HEAD + rows.length * height + 4;
  const hatch = `late-${++drawn}`;
  const pattern = svg("defs", {}, svg("pattern", { id: hatch, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { width: 5, height: 5, class: "late-ground" }), svg("line", { x1: 0, x2: 0, y1: 0, y2: 5, class: "late-line" })));
  const bands = rows.map((_, n) => (n % 2 ? svg("rect", { x: 0, y: HEAD + n * height, width: scale.width, height, class: "band" }) : null));
  const picture = svg("svg", { viewBox: `0 0 ${scale.width} ${tall}`, width: scale.width, height: tall, role: "img", "aria-label": label, class: "gantt" },
    pattern, ...bands, ...axis(scale, tall, on, page), ...rows.map((marks, n) => svg("g", { transform: `translate(0 ${HEAD + n * height})` }, ...marks(`url(#${hatch})`, height))));
  const scroll = make("div", { class: "gantt-scroll", tabindex: 0, role: "group", "aria-label": label }, picture);
  const all = make("div", { class: "gantt-frame" }, make("ul", { class: "gantt-names" }, ...names), scroll);
  requestAnimationFrame(() => (scroll.scrollLeft = scale.x(on) - scroll.clientWidth / 2));
  return all;
}

/** A sign with what it is about inside: filled where done, hollow where forecast, hatched and with ! where late, twice outlined where critical. */
function sign(x, y, text, kind, hatch, title) {
  const wide = 9 + text.length * 6;
  const box = (more, klass) => svg("rect", { x: x - wide / 2 - more, y: y - 8 - more, width: wide + 2 * more, height: 16 + 2 * more, rx: 8 + more, class: klass, fill: klass === "sign" && kind.late ? hatch : null });
  return svg("g", { class: `mark${kind.done ? " done" : ""}${kind.late ? " late" : ""}${kind.blocked ? " waits" : ""}` }, svg("title", {}, title),
    kind.critical ? box(3, "critical") : null, box(0, "sign"), kind.late ? svg("rect", { x: x - wide / 2 + 3, y: y - 6, width: wide - 6, height: 12, class: "plate" }) : null, svg("text", { x, y: y + 4, "text-anchor": "middle" }, text));
}

const plan = (x) => svg("path", { d: `M${x - 4} 1 h8 l-4 6 z`, class: "plan" });

/** Name numbers in a row shortly: 4–7, 9. */
function ranges(numbers) {
  const parts = [];
  for (const n of numbers) parts.length && n === parts[parts.length - 1][1] + 1 ? (parts[parts.length - 1][1] = n) : parts.push([n, n]);
  return parts.map(([a, b]) => (a === b ? a : `${a}–${b}`)).join(",");
}

/**
 * Draw the permits and milestones of projects, numbered as in the key; signs too near to each other are told together.
 * @param {{name: Node, marks: any[]}[]} projects @param {any[]} items @param {any} scale @param {string} on @param {any} page
 */
export function portfolio(projects, items, scale, on, page) {
  const [words, fmt] = [page.words(), page.fmt()];
  const number = new Map(items.map((item, n) => [item.item, n + 1]));
  const title = new Map(items.map((item) => [item.item, item.title[page.language()]]));
  const told = (m) => `${number.get(m.item)} ${title.get(m.item)}${m.phase ? ` · ${words.phase} ${m.phase}` : ""}: ${m.actual ? `${words.gantt_done} ${fmt.day(m.actual)}` : `${words.gantt_forecast} ${fmt.day(m.forecast)}`}${m.planned ? `, ${words.gantt_planned} ${fmt.day(m.planned)}` : ""}${m.late > 0 ? `, ${words.gantt_late} ${m.late} ${words.days}` : ""}${m.critical ? `, ${words.gantt_critical}` : ""}`;
  const isLate = (m) => m.late > 0 && m.state !== "done";
  const alike = (a, b) => ["done", "late", "critical"].every((name) => a[name] === b[name]);
  const row = ({ marks }) => (hatch, height) => {
    const there = marks.filter((m) => m.state !== "not_applicable" && m.forecast).sort((a, b) => a.forecast.localeCompare(b.forecast));
    if (!there.length) return [];
    /** @type {any[]} */ const groups = [];
    for (const m of there) {
      const [x, kind] = [scale.x(m.forecast), { done: m.state === "done", late: isLate(m), critical: m.critical, blocked: m.state === "blocked" }];
      const last = groups[groups.length - 1];
      last && x - last.end < NEAR && (alike(last.kind, kind) || x - last.end < NEAR / 2) ? (last.marks.push(m), (last.end = x), (last.kind = { done: last.kind.done && kind.done, late: last.kind.late || kind.late, critical: last.kind.critical || kind.critical, blocked: last.kind.blocked && kind.blocked })) : groups.push({ x, end: x, kind, marks: [m] });
    }
    const behind = there.filter((m) => isLate(m) && m.planned).map((m) => svg("rect", { x: scale.x(m.planned), y: height / 2 - 3, width: Math.max(scale.x(m.forecast) - scale.x(m.planned), 0), height: 6, fill: hatch }));
    const [first, last, now] = [groups[0].x, groups[groups.length - 1].end, scale.x(on)];
    return [svg("line", { x1: first, x2: Math.max(first, Math.min(last, now)), y1: height / 2, y2: height / 2, class: "past-line" }), svg("line", { x1: Math.max(first, Math.min(last, now)), x2: last, y1: height / 2, y2: height / 2, class: "to-come" }),
      ...behind, ...there.filter((m) => m.planned && m.planned !== m.forecast).map((m) => plan(scale.x(m.planned))),
      ...groups.map((g) => sign((g.x + g.end) / 2, height / 2 + 2, `${g.kind.late ? "!" : ""}${ranges(g.marks.map((m) => number.get(m.item)).sort((a, b) => a - b))}`, g.kind, hatch, g.marks.map(told).join("\n")))];
  };
  const names = projects.map((p) => make("li", {}, p.name));
  return chart(names, projects.map(row), scale, on, 32, words.gantt_of_all, page);
}

/**
 * Draw the steps of one project by lanes: bars from the earliest begin to the earliest end, signs where done, slack to the latest day.
 * @param {any[]} steps @param {any} scale @param {string} on @param {any} page
 */
export function steps(steps, scale, on, page) {
  const [words, fmt, tongue] = [page.words(), page.fmt(), page.language()];
  const lanes = [...new Set(steps.map((s) => s.lane))];
  const rows = lanes.flatMap((lane) => [{ lane }, ...steps.filter((s) => s.lane === lane)]);
  const named = (s) => (s.lane && !s.item ? make("li", { class: "lane" }, words[`lane_${s.lane}`]) : make("li", { class: s.critical ? "critical" : null }, `${s.critical ? "◆ " : ""}${s.title[tongue]}${s.phase ? ` · ${words.phase} ${s.phase}` : ""}`));
  const told = (s) => `${s.title[tongue]}: ${words[`state_${s.state}`]}${s.actual ? ` ${fmt.day(s.actual)}` : s.forecast ? ` · ${words.gantt_forecast} ${fmt.day(s.forecast)}` : ""}${s.planned ? ` · ${words.gantt_planned} ${fmt.day(s.planned)}` : ""}${s.late > 0 ? ` · ${words.gantt_late} ${s.late} ${words.days}` : ""}${s.slack === null ? "" : ` · ${words.slack} ${s.slack} ${words.days}`}`;
  const row = (s) => (hatch, height) => {
    if (!s.item || s.state === "not_applicable") return [];
    const middle = height / 2;
    const planned = s.planned ? [plan(scale.x(s.planned))] : [];
    if (s.actual) return [...planned, svg("g", { class: "mark done" }, svg("title", {}, told(s)), svg("circle", { cx: scale.x(s.actual), cy: middle, r: 5, class: "sign" }))];
    if (!s.forecast) return planned;
    const [x, end] = [scale.x(s.begins || s.forecast), scale.x(s.forecast)];
    const wide = Math.max(end - x, 3);
    const late = s.late > 0 && s.planned ? svg("rect", { x: Math.max(scale.x(s.planned), x), y: middle - 5, width: Math.max(end - Math.max(scale.x(s.planned), x), 3), height: 10, fill: hatch }) : null;
    const slack = s.latest && s.slack > 0 ? svg("path", { d: `M${x + wide} ${middle} H${scale.x(s.latest)} m0 -4 v8`, class: "slack" }) : null;
    return [slack, svg("g", { class: `mark${s.state === "blocked" ? " waits" : ""}` }, svg("title", {}, told(s)), s.critical ? svg("rect", { x: x - 3, y: middle - 8, width: wide + 6, height: 16, class: "critical" }) : null,
      svg("rect", { x, y: middle - 5, width: wide, height: 10, class: "sign" }), late), s.late > 0 ? svg("text", { x: Math.max(x + wide, slack ? scale.x(s.latest) : 0) + 5, y: middle + 4, class: "late-text" }, `! +${s.late} ${words.days}`) : null, ...planned].filter(Boolean);
  };
  return chart(rows.map(named), rows.map(row), scale, on, 22, words.gantt_of_one, page);
}

/** Say what the signs mean. @param {any} page @param {any[] | null} items numbered, of the chart of all projects */
export function key(page, items = null) {
  const words = page.words();
  const hatch = `late-${++drawn}`;
  const small = (...parts) => svg("svg", { viewBox: "0 0 30 22", width: 30, height: 22, "aria-hidden": "true", class: "gantt" }, ...parts);
  const pattern = () => svg("pattern", { id: hatch, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { width: 5, height: 5, class: "late-ground" }), svg("line", { x1: 0, x2: 0, y1: 0, y2: 5, class: "late-line" }));
  const one = (text, ...parts) => make("span", {}, small(...parts), ` ${text} `);
  const bar = (/** @type {string} */ kind, /** @type {any} */ more = null) => [more, svg("g", { class: `mark ${kind}` }, svg("rect", { x: 5, y: 6, width: 20, height: 10, class: "sign" }))].filter(Boolean);
  return make("div", {}, make("p", { class: "key" },
    one(words.gantt_done, svg("g", { class: "mark done" }, svg("rect", { x: 6, y: 4, width: 18, height: 14, rx: 7, class: "sign" }))), one(words.gantt_forecast, ...bar("")), one(words.gantt_waits, ...bar("waits")),
    one(words.gantt_planned, svg("g", { transform: "translate(15 7)" }, plan(0))), one(`! ${words.gantt_late}`, pattern(), svg("rect", { x: 3, y: 8, width: 24, height: 7, fill: `url(#${hatch})` })),
    one(`${items ? "" : "◆ "}${words.gantt_critical}`, ...bar("", svg("rect", { x: 2, y: 3, width: 26, height: 16, class: "critical" }))), items ? null : one(words.slack, svg("path", { d: "M3 11 H26 m0 -4 v8", class: "slack" })),
    one(words.gantt_today, svg("line", { x1: 15, x2: 15, y1: 0, y2: 22, class: "today" }))),
    items ? make("p", { class: "key numbers" }, ...items.map((item, n) => make("span", {}, make("strong", {}, n + 1), ` ${item.title[page.language()]} `))) : null);
}
