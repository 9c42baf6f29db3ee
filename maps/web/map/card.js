/** The card of a plot or a site: what the server's sheet says, each figure with its object on the map, its rule and its source. */

import { make, svg } from "./dom.js";

/**
 * What a card needs of the page.
 * @typedef {object} Reader
 * @property {() => Record<string, string>} words
 * @property {() => "en" | "zh"} language
 * @property {() => import("./format.js").Formats} fmt
 * @property {() => Map<string, string>} states the legend's words for ready states
 * @property {(layer: string, id: string) => void} reveal shows an object on the map and its card
 * @property {(geometries: any[], severity?: string) => void} mark draws geometries over the map and goes there
 */

export const COLOURS = { block: "#882255", unknown: "#BBBBBB", warn: "#E69F00", pass: "#0072B2", free: "#0072B2" };
const ORDER = ["block", "unknown", "warn", "pass"];
const BAR = 1000; // units of the bar's width

/** @param {Reader} page */
function teller(page) {
  const [words, fmt] = [page.words(), page.fmt()];
  return {
    words, fmt,
    say: (/** @type {any} */ text) => (text && typeof text === "object" ? text[page.language()] : (text ?? "")),
    badge: (/** @type {string} */ value, text = "") => make("span", { class: `severity ${/^[a-z]+$/.test(value) ? value : ""}` }, text || words[value] || value),
    section: (/** @type {string} */ title, /** @type {any[]} */ ...children) => make("section", {}, make("h3", {}, title), ...children),
    link: (/** @type {string} */ text, /** @type {() => void} */ go, title = "") => make("button", { type: "button", class: "link", onclick: go, title: title || null }, text),
  };
}

/** A list of named facts; null is left out. @param {(any[] | null)[]} rows */
export const facts = (rows) => make("dl", { class: "facts" }, ...rows.flatMap((row) => (row ? [make("dt", {}, row[0]), make("dd", {}, ...[row[1]].flat())] : [])));

/**
 * Write the card of a sheet.
 * @param {any} sheet the answer of /plots/{id} or /checks, geometry in longitude and latitude
 * @param {Reader} page
 */
export function sheetOf(sheet, page) {
  const tell = teller(page);
  return [summary(sheet, page, tell), partition(sheet, page, tell), services(sheet, page, tell), constraints(sheet, page, tell), terrain(sheet, tell)];
}

/** The areas, the verdict, readiness and what decides it. */
function summary(sheet, page, { words, fmt, say, badge }) {
  const titles = new Map(sheet.services.map((s) => [s.kind, say(s.title) + (s.state === "unknown" ? ` (${words.unknown})` : "")]));
  const exact = sheet.exactness;
  const turn = exact.survives ? words.survives : `${words.turns} ${exact.because.join(", ")}`;
  return make("section", {},
    make("p", { class: "figures" }, make("strong", {}, fmt.m2(sheet.area_m2)), make("strong", {}, fmt.mu(sheet.area_m2)), make("strong", {}, fmt.ha(sheet.area_m2))),
    make("p", {}, badge(sheet.verdict), " ", badge("ready", page.states().get(sheet.ready_state) || words.unknown), ` · ${words.as_on} ${fmt.day(sheet.on)}`),
    facts([
      [words.ready_from, sheet.ready_from ? `${fmt.day(sheet.ready_from)}${sheet.deciding ? ` · ${words.deciding} ${titles.get(sheet.deciding) || sheet.deciding}` : ""}` : words[`never_${sheet.ready_state}`] || "—"],
      [words.missing, sheet.missing.map((kind) => titles.get(kind) || kind).join(", ") || words.nothing],
      [words.ellipsoid, `${fmt.m2(exact.ellipsoidal_m2)} · ${words.sigma} ±${fmt.m2(exact.sigma_m2)}`],
      [words.tolerance, `±${fmt.upto(exact.tolerance_m, 2, "m")}: ${turn}`],
    ]));
}

/** Every square metre once: a bar, and its parts as rows that add up. */
function partition(sheet, page, { words, fmt, say, badge, section, link }) {
  const reason = (part) => {
    const of = sheet.checks.find((line) => line.id === String(part.reason).split(":")[0]);
    return of ? `${of.id} ${say(of.title)}` : words.free;
  };
  let x = 0;
  const segments = sheet.parts.map((part) => {
    const width = (part.area_m2 / sheet.area_m2) * BAR;
    const title = `${reason(part)}: ${fmt.m2(part.area_m2)}`;
    const box = svg("rect", { x, y: 0, width: Math.max(width, 1), height: 24, fill: COLOURS[part.severity], stroke: "currentColor" }, svg("title", {}, title));
    x += width;
    return box;
  });
  const row = (part) => make("tr", {}, make("th", { scope: "row" }, link(reason(part), () => page.mark([part.geometry], part.severity), words.on_map)),
    make("td", {}, badge(part.severity, part.severity === "pass" ? words.free : "")), make("td", { class: "number" }, fmt.m2(part.area_m2)), make("td", { class: "number" }, fmt.area(part.area_m2)));
  const sum = sheet.parts.reduce((all, part) => all + part.area_m2, 0);
  return section(words.partition,
    svg("svg", { viewBox: `0 0 ${BAR} 24`, preserveAspectRatio: "none", class: "bar", role: "img", "aria-label": sheet.parts.map((p) => `${reason(p)} ${fmt.m2(p.area_m2)}`).join(", ") }, ...segments),
    make("table", {}, ...sheet.parts.map(row),
      make("tr", { class: "sum" }, make("th", { scope: "row" }, words.sum), make("td", {}), make("td", { class: "number" }, fmt.m2(sum)), make("td", { class: "number" }, fmt.area(sum)))));
}

/** The services: state, day, way and line, what decides; capacity and the way in words. */
function services(sheet, page, { words, fmt, say, badge, section, link }) {
  const row = (s) => {
    const layer = s.kind === "road" ? "roads" : "utilities";
    const far = fmt.upto(s.distance_m, 1, "m");
    const way = s.route?.geometry ? link(far, () => page.mark([s.route.geometry]), words.way_on_map) : far;
    const marks = [s.required ? words.required : "", s.kind === sheet.deciding ? words.decides : "", s.until ? `${words.until} ${fmt.day(s.until)}` : ""].filter(Boolean).join(" · ");
    const told = [s.line && s.capacity ? capacity(s.capacity, words, fmt) : "", s.route ? say(s.route.says) : ""].filter(Boolean).map((text) => ` · ${text}`);
    const lines = s.line ? [link(s.line, () => page.reveal(layer, s.line), words.on_map), ...told, ...(s.source ? [` · ${words.fed_by} `, link(s.source, () => page.reveal(layer, s.source), words.on_map)] : [])] : [];
    return [
      make("tr", { class: s.kind === sheet.deciding ? "decides" : "" }, make("th", { scope: "row" }, say(s.title), marks ? make("small", {}, marks) : null),
        make("td", {}, badge(`service-${s.state}`, words[s.state] || s.state)), make("td", { class: "number" }, s.from ? fmt.day(s.from) : ["connected", "available"].includes(s.state) ? words.ever : "—"),
        make("td", { class: "number" }, s.distance_m === null ? "—" : way)),
      lines.length ? make("tr", { class: "told" }, make("td", { colspan: 4 }, make("small", {}, ...lines))) : null,
    ];
  };
  const head = make("tr", {}, ...[words.service, words.state, words.from, words.distance].map((text) => make("th", { scope: "col" }, text)));
  const rule = sheet.checks.find((line) => line.id === "C15");
  return section(words.services, make("table", { class: "services" }, make("thead", {}, head), make("tbody", {}, ...sheet.services.flatMap(row).filter(Boolean))), source(rule, words, fmt, say));
}

/** Where a rule comes from, whether anybody read the original, and how old the data are. */
function source(line, words, fmt, say) {
  const dated = line.data_date ? `${words.data_date} ${fmt.day(line.data_date)}` : words.no_source;
  return make("small", { class: "source" }, `${say(line.rule)} · ${line.source} · ${line.verified ? words.verified : words.unverified} · ${dated}`);
}

/** @param {any} found @param {Record<string, string>} words @param {import("./format.js").Formats} fmt */
function capacity(found, words, fmt) {
  const asked = found.demand_min === null ? words.no_demand : `${words.asks} ${fmt.upto(found.demand_min, 1)}${found.demand_max !== found.demand_min && found.demand_max !== null ? `–${fmt.upto(found.demand_max, 1)}` : ""} ${found.unit}`;
  const spare = found.spare === null ? words.no_spare : `${words.spare} ${fmt.upto(found.spare, 1, found.unit)}${found.bottleneck ? ` (${found.bottleneck})` : ""}`;
  return [words[`capacity_${found.state}`] || found.state, asked, spare].filter(Boolean).join(", ");
}

/** The checks, worst first; those that pass are folded away. */
function constraints(sheet, page, { words, fmt, say, badge, section, link }) {
  const row = (line) => {
    const objects = line.objects.map((id) => (line.layer ? link(id, () => page.reveal(line.layer, id), words.on_map) : make("span", {}, `${id} `)));
    return make("li", {}, make("div", { class: "check" }, make("span", {}, `${line.id} ${say(line.title)}`), badge(line.severity), make("span", { class: "number" }, line.severity === "pass" ? "" : fmt.m2(line.area_m2))),
      say(line.detail) ? make("small", {}, say(line.detail)) : null, objects.length ? make("div", { class: "objects" }, ...objects) : null, source(line, words, fmt, say));
  };
  const sorted = [...sheet.checks].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const [bad, good] = [sorted.filter((line) => line.severity !== "pass"), sorted.filter((line) => line.severity === "pass")];
  return section(words.checks,
    bad.length ? make("ul", { class: "checks" }, ...bad.map(row)) : make("p", {}, words.nothing_found),
    make("details", {}, make("summary", {}, `${words.passed} (${good.length})`), make("ul", { class: "checks" }, ...good.map(row))),
    sheet.not_asked.length ? make("small", {}, `${words.not_asked} ${sheet.not_asked.join(", ")}`) : null);
}

/** Heights, slopes and what levelling takes. */
function terrain(sheet, { words, fmt, say, section }) {
  const [t, l] = [sheet.terrain, sheet.levelling];
  if (t.elevation_mean === null || t.elevation_mean === undefined) return section(words.terrain, make("p", {}, words.no_source));
  return section(words.terrain, facts([
    [words.elevation, `${fmt.number(t.elevation_min, 2)} – ${fmt.number(t.elevation_max, 2, "m")}, ${words.mean} ${fmt.number(t.elevation_mean, 2, "m")}`],
    [words.slope_now, `${words.mean} ${fmt.number(t.slope_mean, 2)} %, ${words.most} ${fmt.number(t.slope_max, 2)} %`],
    [words.levelling, l.level_m === null ? words.unknown : `${fmt.number(l.level_m, 2, "m")}: ${words.cut} ${fmt.number(l.cut_m3, 0, "m³")}, ${words.fill} ${fmt.number(l.fill_m3, 0, "m³")}, ${words.left_over} ${fmt.number(l.net_m3, 0, "m³")}`],
    [words.earthwork, l.earthwork === null ? words.unknown : l.earthwork ? words.yes : words.no],
  ]), make("small", { class: "source" }, `${say(l.limit.rule)} ${l.limit.value} ${l.limit.unit} · ${l.limit.source} · ${l.limit.verified ? words.verified : words.unverified} · ${l.data_date ? `${words.data_date} ${fmt.day(l.data_date)}` : words.no_source}`));
}
