/** Outlines drawn over the map: of a site, of the parts of its verdict, of what was found. */

const EMPTY = { type: "FeatureCollection", features: [] };

/** Write a geometry, or none, as the data of a source. @param {any} geometry */
export const collection = (geometry) => (geometry ? { type: "FeatureCollection", features: [feature(geometry)] } : EMPTY);

let marked = false; // whether anything is pointed at
const INK = "#222222";
const SEVERITY = ["match", ["get", "severity"], "block", "#882255", "unknown", "#BBBBBB", "warn", "#E69F00", "#0072B2"];

/**
 * Make sure that the map has the source and the layers, after each change of style too.
 * @param {any} map @param {Record<string, any>} patterns
 */
export function prepare(map, patterns) {
  if (map.getSource("work")) return;
  map.addSource("work", { type: "geojson", data: EMPTY });
  const filled = ["==", ["geometry-type"], "Polygon"];
  map.addLayer({ id: "work-fill", type: "fill", source: "work", filter: filled, paint: { "fill-color": SEVERITY, "fill-opacity": 0.45 } });
  const hatch = Object.keys(patterns).find((name) => patterns[name].pattern === "hatch");
  if (hatch)
    map.addLayer({
      id: "work-hatch", type: "fill", source: "work", filter: ["==", ["get", "severity"], "unknown"], paint: { "fill-pattern": hatch },
    });
  map.addLayer({ id: "work-edge", type: "line", source: "work", paint: { "line-color": INK, "line-width": ["case", ["==", ["get", "chosen"], true], 5, 2] } });
  map.addLayer({
    id: "work-rank", type: "symbol", source: "work", filter: ["has", "rank"], layout: { "text-field": ["get", "rank"], "text-font": ["sans-serif"], "text-size": 16, "text-allow-overlap": true },
    paint: { "text-color": INK, "text-halo-color": "#FFFFFF", "text-halo-width": 2.5 },
  });
  map.addSource("mark", { type: "geojson", data: EMPTY });
  map.addLayer({ id: "mark-fill", type: "fill", source: "mark", filter: ["all", filled, ["!=", ["get", "severity"], ""]], paint: { "fill-color": SEVERITY, "fill-opacity": 0.35 } });
  map.addLayer({ id: "mark-case", type: "line", source: "mark", paint: { "line-color": "#FFFFFF", "line-width": 9 } });
  map.addLayer({ id: "mark-edge", type: "line", source: "mark", paint: { "line-color": "#D55E00", "line-width": 5 } });
  map.addLayer({
    id: "mark-point", type: "circle", source: "mark", filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-radius": 9, "circle-color": "rgba(255,255,255,0.4)", "circle-stroke-color": "#D55E00", "circle-stroke-width": 4 },
  });
  map.addSource("sketch", { type: "geojson", data: EMPTY });
  map.addLayer({ id: "sketch-edge", type: "line", source: "sketch", paint: { "line-color": INK, "line-width": 3, "line-dasharray": [2, 1] } });
  const role = (/** @type {any[]} */ ...of) => ["match", ["get", "role"], ...of];
  map.addLayer({
    id: "sketch-point", type: "circle", source: "sketch", filter: ["==", ["geometry-type"], "Point"],
    paint: {
      "circle-radius": role("middle", 3, ["chosen", "edge"], 7, "corner", 5, 5), "circle-color": role("chosen", "#E69F00", "edge", "rgba(0,0,0,0)", "#FFFFFF"),
      "circle-stroke-color": role("edge", "#D55E00", INK), "circle-stroke-width": role("middle", 1, 2),
    },
  });
}

/** @param {any} map @param {any[]} features @param {"work" | "sketch"} on */
export function draw(map, features, on = "work") {
  map.getSource(on)?.setData(features.length ? { type: "FeatureCollection", features } : EMPTY);
}

/**
 * Point at geometries until others are pointed at; those of a severity are filled with its colour.
 * @param {any} map @param {any[]} geometries @param {string} severity
 */
export function mark(map, geometries, severity = "") {
  const source = map.getSource("mark");
  if (!source || (!geometries.length && !marked)) return;
  marked = geometries.length > 0;
  source.setData({ type: "FeatureCollection", features: geometries.map((geometry) => feature(geometry, { severity })) });
}

/** @param {any} geometry @param {Record<string, any>} properties */
export const feature = (geometry, properties = {}) => ({ type: "Feature", geometry, properties });

/**
 * Bound a geometry: [[west, south], [east, north]].
 * @param {any} geometry
 * @returns {[[number, number], [number, number]]}
 */
export function boundsOf(geometry) {
  /** @type {number[]} */ const flat = geometry.coordinates.flat(Infinity);
  const x = flat.filter((_, k) => k % 2 === 0);
  const y = flat.filter((_, k) => k % 2 === 1);
  return [[Math.min(...x), Math.min(...y)], [Math.max(...x), Math.max(...y)]];
}
