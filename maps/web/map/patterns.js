/** Patterns, the second sign beside the colour: for the map's fills and for the legend. */

const SIDE = 16; // device pixels of a tile that repeats; 8 CSS pixels

/** @type {Record<string, (pen: CanvasRenderingContext2D) => void>} */
const MARKS = {
  hatch: (pen) => [-SIDE, 0, SIDE].forEach((x) => stroke(pen, x - 4, SIDE + 4, x + SIDE + 4, -4)),
  lines: (pen) => stroke(pen, 0, SIDE / 2, SIDE, SIDE / 2),
  cross: (pen) => (stroke(pen, 0, SIDE, SIDE, 0), stroke(pen, 0, 0, SIDE, SIDE)),
  grid: (pen) => (stroke(pen, 0, SIDE / 2, SIDE, SIDE / 2), stroke(pen, SIDE / 2, 0, SIDE / 2, SIDE)),
  dots: (pen) => [[4, 4], [12, 12]].forEach(([x, y]) => (pen.beginPath(), pen.arc(x, y, 2, 0, 7), pen.fill())),
};

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} u @param {number} v */
function stroke(pen, x, y, u, v) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(u, v);
  pen.stroke();
}

/**
 * Draw one tile of a pattern on nothing; an unknown pattern draws dots, so that no class loses its second sign.
 * @param {string} pattern @param {string} colour #rrggbb of the ink
 * @returns {HTMLCanvasElement}
 */
export function tile(pattern, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true })); // the pixels are read back: none is drawn by the graphics card
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 2;
  (MARKS[pattern] || MARKS.dots)(pen);
  return canvas;
}

/**
 * Add a pattern that the style names to the map; the style's metadata says how it looks.
 * @param {any} map @param {string} name @param {Record<string, {pattern: string, colour: string}>} patterns
 */
export function addPattern(map, name, patterns) {
  const { pattern, colour } = patterns[name] || { pattern: name, colour: "#222222" };
  const canvas = tile(pattern, colour);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (!map.hasImage(name)) map.addImage(name, pen.getImageData(0, 0, SIDE, SIDE), { pixelRatio: 2 });
}

/**
 * Draw the sign of a legend's entry.
 * @param {{colour: string, pattern: string}} entry @param {"area" | "line"} shape @param {string} ink
 * @returns {HTMLCanvasElement}
 */
export function swatch(entry, shape, ink) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height, canvas.className] = [52, 32, "swatch"];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true })); // by the processor: to wake the graphics card for it keeps the map waiting
  if (entry.pattern.startsWith("ring")) {
    [pen.fillStyle, pen.strokeStyle, pen.lineWidth] = ["#FFFFFF", entry.colour, 6];
    pen.arc(26, 16, entry.pattern === "ring" ? 12 : 6, 0, 7);
    pen.fill();
    pen.stroke();
    return canvas;
  }
  if (entry.pattern.startsWith("casing")) {
    [pen.strokeStyle, pen.lineWidth] = [entry.colour, 14];
    stroke(pen, 0, 16, 52, 16);
    [pen.strokeStyle, pen.lineWidth] = ["#333333", 3];
    pen.setLineDash(entry.pattern === "casing-dash" ? [8, 6] : []);
    for (const y of [8, 24]) stroke(pen, 0, y, 52, y);
    return canvas;
  }
  if (shape === "line") {
    pen.strokeStyle = entry.colour;
    pen.lineWidth = entry.pattern.startsWith("width-") ? 2 * Number(entry.pattern.slice(6)) : 6;
    pen.setLineDash(entry.pattern === "dots" ? [3, 8] : entry.pattern === "dash" ? [14, 8] : []);
    stroke(pen, 0, 16, 52, 16);
    return canvas;
  }
  if (entry.pattern === "border") {
    [pen.strokeStyle, pen.lineWidth] = [entry.colour, 5];
    pen.setLineDash([10, 6]);
    pen.strokeRect(6, 6, 40, 20);
    pen.setLineDash([]);
    [pen.strokeStyle, pen.lineWidth] = ["#222", 2];
    pen.strokeRect(1, 1, 50, 30);
    return canvas;
  }
  const fills = [entry.colour, entry.pattern ? pen.createPattern(tile(entry.pattern, ink), "repeat") : null];
  for (const fill of fills) if (fill) (pen.fillStyle = fill), pen.fillRect(1, 1, 50, 30);
  pen.strokeStyle = "#222";
  pen.lineWidth = 2;
  pen.strokeRect(1, 1, 50, 30);
  return canvas;
}
