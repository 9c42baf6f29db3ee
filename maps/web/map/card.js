/** The card of a plot: the sheet of the server, in words. */

import { make } from "./dom.js";

/**
 * Write the card.
 * @param {any} sheet the answer of /plots/{id}
 * @param {"en" | "zh"} language
 * @param {Record<string, string>} words
 * @param {Map<string, string>} states the legend's words for ready states
 * @param {() => void} close
 * @returns {HTMLElement[]}
 */
export function cardOf(sheet, language, words, states, close) {
  const say = (/** @type {any} */ text) => (text && typeof text === "object" ? text[language] : (text ?? ""));
  const figure = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const area = (part) => [number(`${figure(part.area_m2, 2)} m²`), number(`${figure(part.mu ?? (part.area_m2 * 3) / 2000, 3)} ${words.mu}`)];
  const number = (text) => make("td", { class: "number" }, text);
  const row = (title, ...cells) => make("tr", {}, make("th", { scope: "row" }, title), ...cells);
  const cell = (text) => make("td", {}, text);
  const badge = (value) => make("span", { class: `severity ${/^[a-z]+$/.test(value) ? value : ""}` }, words[value] || value);
  const block = (title, rows) => (rows.length ? [make("h3", {}, title), make("table", {}, ...rows)] : []);
  // a service that nobody surveyed is said to be unknown, not absent
  const unsure = (service) => (service.state === "unknown" ? ` (${words.unknown})` : "");
  const titles = new Map((sheet.services || []).map((service) => [service.kind, say(service.title) + unsure(service)]));
  const missing = Array.isArray(sheet.missing) ? sheet.missing.map((kind) => titles.get(kind) || kind).join(", ") || words.nothing : null;

  const head = [
    row(words.area, ...area(sheet)),
    row(words.verdict, make("td", {}, badge(sheet.verdict))),
    row(words.ready_state, cell(states.get(sheet.ready_state) || sheet.ready_state || words.unknown)),
    sheet.ready_from ? row(words.ready_from, cell(sheet.ready_from)) : null,
    missing === null ? null : row(words.missing, cell(missing)),
  ];
  const check = (line) => {
    const dated = line.data_date ? `${words.data_date} ${line.data_date}` : words.no_source;
    const told = [say(line.detail), say(line.rule), line.source, (line.objects || []).join(", "), dated].filter(Boolean);
    return row(
      make("span", {}, `${line.id} ${say(line.title)}`, ...told.map((text) => make("small", {}, text))),
      make("td", {}, badge(line.severity)),
      number(line.severity === "pass" ? "" : `${figure(line.area_m2, 2)} m²`),
    );
  };
  const reason = (part) => {
    const of = (sheet.checks || []).find((line) => line.id === String(part.reason).split(":")[0]);
    return of ? `${of.id} ${say(of.title)}` : part.reason || words.free;
  };
  const part = (p) => row(reason(p), make("td", {}, badge(p.severity)), ...area(p));
  const service = (s) => {
    const far = s.distance_m === null || s.distance_m === undefined ? "" : `${figure(s.distance_m, 1)} m`;
    const holds = s.line && s.capacity ? words[`capacity_${s.capacity.state}`] || s.capacity.state : "";
    return row(say(s.title), cell(words[s.state] || s.state), cell(s.from || ""), cell(s.line || ""), number(far), cell(holds));
  };
  return [
    make("button", { type: "button", class: "close", onclick: close }, words.close),
    make("h2", {}, `${words.plot} ${sheet.id}`),
    make("table", {}, ...head),
    ...block(words.partition, (sheet.parts || []).map(part)),
    ...block(words.checks, (sheet.checks || []).map(check)),
    ...block(words.services, (sheet.services || []).map(service)),
  ];
}
