/** The day that the map shows: plots that it makes ready are told so one by one, for to name another day to the style has all tiles made anew. */

const SOURCE = "readiness";
const PAUSE = 250; // ms without a step until the lines, whose tiles are made anew, are those of the day
const REST = 1000; // ms without a step until the style is told the day, so that plots that come into view need not be told

/**
 * Say which plots must be told whether they are ready: those that would show it wrong, and those that were told.
 * @param {Map<string, number>} plots the day from which each is ready
 * @param {Map<string, boolean>} told which plots were told what
 * @param {number} base the day that the style knows @param {number} day the day to be shown
 * @returns {[string, boolean][]}
 */
export function turned(plots, told, base, day) {
  return [...plots].map(([id, from]) => /** @type {[string, boolean]} */ ([id, from <= day])).filter(([id, ready]) => (told.has(id) ? told.get(id) : Number(plots.get(id)) <= base) !== ready);
}

/**
 * Turn a map to days.
 * @param {any} map @param {() => number} wanted the day, counted from 1970-01-01
 * @param {() => any} metadata of the style
 */
export function days(map, wanted, metadata) {
  /** @type {Map<string, number>} */ const plots = new Map(); // those of the tiles that are loaded, and maybe of some that were
  /** @type {Map<string, boolean>} */ const told = new Map();
  let [read, timer, pause] = [false, 0, 0];
  const base = () => map.getGlobalState().day;

  function look() {
    for (const plot of map.querySourceFeatures(SOURCE, { sourceLayer: SOURCE, filter: metadata()["shudi:dated"], validate: false })) plots.set(String(plot.id), plot.properties.ready_from);
    read = true;
  }

  function tell() {
    for (const [id, ready] of turned(plots, told, base(), wanted())) {
      map.setFeatureState({ source: SOURCE, sourceLayer: SOURCE, id }, { ready });
      told.set(id, ready);
    }
  }

  /** Tell the style the day; its tiles are made anew behind what is drawn. */
  function rest() {
    clearTimeout(timer);
    if (seen() && base() !== wanted()) map.setGlobalStateProperty("day", wanted());
  }

  const seen = () => map.getSource(SOURCE) && map.getZoom() >= metadata()["shudi:plot_zoom"]; // a sum by cells, shown from afar, has no day

  map.on("sourcedata", (/** @type {any} */ event) => {
    if (event.sourceId !== SOURCE || !event.tile) return;
    read = false;
    if (told.size || base() !== wanted()) look(), tell(); // before it is drawn
  });
  map.on("idle", () => {
    if (base() !== wanted() || !told.size || !map.getSource(SOURCE)) return;
    map.removeFeatureState({ source: SOURCE, sourceLayer: SOURCE });
    told.clear();
    plots.clear();
    read = false;
  });

  /** Draw the day that is wanted, without a request. */
  return function turn() {
    clearTimeout(pause);
    if (map.getGlobalState().lines !== wanted()) pause = window.setTimeout(() => map.setGlobalStateProperty("lines", wanted()), PAUSE);
    if (!seen() || (base() === wanted() && !told.size)) return;
    if (!read) look();
    tell();
    if (wanted() < base() - metadata()["shudi:days_back"]) return rest(); // what was told ready is told otherwise first
    clearTimeout(timer);
    timer = window.setTimeout(rest, REST);
  };
}
