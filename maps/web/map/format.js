/** Numbers, areas and days as the reader writes them; what is not known is a dash, never a zero. */

export const MU = 2000 / 3; // m2
export const HA = 10_000; // m2

/** Tell the day that the reader's calendar shows, as 2026-11-23: before eight in China it is still yesterday in Greenwich. */
export function today(now = new Date()) {
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/**
 * Make the formats of a reader.
 * @param {"en" | "zh"} language @param {"mu" | "ha"} unit @param {Record<string, string>} words
 */
export function formats(language, unit, words) {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const dated = new Intl.DateTimeFormat(locale, { year: "numeric", month: language === "zh" ? "long" : "short", day: "numeric", timeZone: "UTC" });
  const timed = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  /** @param {number | null | undefined} value @param {number} digits @param {string} mark a unit */
  const number = (value, digits, mark = "") =>
    value === null || value === undefined ? "—" : value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }) + (mark && ` ${mark}`);
  /** @param {number | null | undefined} value @param {string} mark */
  const upto = (value, digits = 2, mark = "") =>
    value === null || value === undefined ? "—" : value.toLocaleString(locale, { maximumFractionDigits: digits }) + (mark && ` ${mark}`);
  return {
    number, upto,
    /** @param {number | null | undefined} m2 */
    m2: (m2) => number(m2, 2, "m²"),
    /** An area in the unit that the reader chose. @param {number | null | undefined} m2 */
    area: (m2) => (m2 === null || m2 === undefined ? "—" : unit === "ha" ? number(m2 / HA, 4, "ha") : number(m2 / MU, 3, words.mu)),
    /** A sum of land in the unit that the reader chose. @param {{ha: number, mu: number}} of */
    land: (of) => (unit === "ha" ? upto(of.ha, 1, "ha") : upto(of.mu, 1, words.mu)),
    mu: (/** @type {number} */ m2) => number(m2 / MU, 3, words.mu),
    ha: (/** @type {number} */ m2) => number(m2 / HA, 4, "ha"),
    /** @param {string | null | undefined} iso a day */
    day: (iso) => (iso ? dated.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`)) : "—"),
    /** @param {string | null | undefined} iso a moment */
    moment: (iso) => (iso ? timed.format(new Date(iso)) : "—"),
    percent: (/** @type {number | null} */ share) => (share === null ? "—" : share.toLocaleString(locale, { style: "percent", maximumFractionDigits: 1 })),
  };
}

/** @typedef {ReturnType<typeof formats>} Formats */
