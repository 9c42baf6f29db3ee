/** The day that the map shows: plots that it makes ready are told so one by one, for to name another day to the style has all tiles made anew. */

const SOURCE = "readiness";
const PAUSE = 250; // ms without a step until the style is told the day of sums by cells, from afar
const REST = 1000; // the same of lines, and of plots, so that those that come into view need not be told

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

  /** Tell the style the day of plots and of sums by cells; their tiles are made anew behind what is drawn. */
  const rest = () => void (base() !== wanted() && map.setGlobalStateProperty("day", wanted()));

  /** The same of lines. */
  const lines = () => void (map.getGlobalState().lines !== wanted() && map.setGlobalStateProperty("lines", wanted()));

  const near = () => map.getZoom() >= metadata()["shudi:plot_zoom"];

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
    clearTimeout(timer);
    if (map.getSource(SOURCE) && near() && (base() !== wanted() || told.size)) {
      if (!read) look();
      tell();
      if (wanted() < base() - metadata()["shudi:days_back"]) rest(); // what was told ready is told otherwise first
    }
    if (!near()) pause = window.setTimeout(rest, PAUSE);
    timer = window.setTimeout(() => (lines(), rest()), REST); // from now: to look at plots takes a while
  };
}
