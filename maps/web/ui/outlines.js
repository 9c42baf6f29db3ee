/** Outlines drawn over the map: of a site, of the parts of its verdict, of what was found. */

const EMPTY = { type: "FeatureCollection", features: [] };
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
  map.addLayer({ id: "work-edge", type: "line", source: "work", paint: { "line-color": "#000000", "line-width": ["case", ["==", ["get", "chosen"], true], 5, 2] } });
  map.addLayer({
    id: "work-point", type: "circle", source: "work", filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-radius": 4, "circle-color": "#FFFFFF", "circle-stroke-color": "#000000", "circle-stroke-width": 2 },
  });
}

/** @param {any} map @param {any[]} features */
export function draw(map, features) {
  map.getSource("work")?.setData(features.length ? { type: "FeatureCollection", features } : EMPTY);
}

/** @param {any} geometry @param {Record<string, any>} properties */
export const feature = (geometry, properties = {}) => ({ type: "Feature", geometry, properties });

/**
 * Bound a geometry: [[west, south], [east, north]].
 * @param {any} geometry
 * @returns {[[number, number], [number, number]]}
 */
export function boundsOf(geometry) {
  const flat = geometry.coordinates.flat(Infinity);
  const x = flat.filter((_, k) => k % 2 === 0);
  const y = flat.filter((_, k) => k % 2 === 1);
  return [[Math.min(...x), Math.min(...y)], [Math.max(...x), Math.max(...y)]];
}
