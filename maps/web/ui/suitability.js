/** Suitability: factors, their scores and weights as a form, the surface on the map, and every score opened into its parts. */

import { onReturn, read, write } from "../map/address.js";
import { byId, make, svg } from "../map/dom.js";
import { swatch } from "../map/patterns.js";
import * as server from "../map/server.js";
import { questions } from "./job.js";
import { boundsOf } from "./outlines.js";
import * as scores from "./scores.js";
import * as views from "./views.js";

const TIMES = [9, 7, 5, 3, 1, 1 / 3, 1 / 5, 1 / 7, 1 / 9];
const TERRAIN = ["elevation", "slope"];
const CODED = ["kind", "class", "code", "status"];
const NEW = "0=10, 300=0";
const LISTED = 20;

/**
 * Wire the view up.
 * @param {any} page
 */
export function suitabilityView(page) {
  /** @type {{factors: {column: string, weight: string, scores: string}[], pairs: Record<string, number>, answer: any, opened: any, box: string, asking: number}} */
  const now = { factors: [], pairs: {}, answer: null, opened: null, box: "", asking: 0 };
  const form = () => byId("suit-form");
  const field = (name) => form().elements.namedItem(name);
  const gridded = () => field("over").value === "grid";
  const say = (text) => text[page.language()];
  const told = (...parts) => byId("suit-answer").replaceChildren(...parts);
  const alert = (text) => make("p", { role: "alert", class: "refusal" }, text);
  const why = (failure) => (failure instanceof server.Refusal ? failure.say(page.language()) : (console.error(failure), page.words().failed));

  /** Name a factor in the reader's language. @param {string} column */
  function title(column) {
    const words = page.words();
    if (TERRAIN.includes(column)) return words[`terrain_${column}`];
    const [what, layer, kind] = column.split(":");
    const of = page.columns()[layer];
    if (what === "distance" && of) return `${words.distance_to} ${kind ? codes(of).find(([code]) => code === kind)?.[1] ?? kind : of.title} [m]`;
    const found = now.answer?.drawn.columns.find((one) => one.name === column);
    return found ? `${say(found.title)}${found.unit ? ` [${found.unit}]` : ""}` : column;
  }
  const codes = (layer) => layer.fields.find((f) => CODED.includes(f.name))?.codes ?? [];

  /** Offer what a factor may be: numbers of the findings, and for a grid terrain and distances. */
  function choices(chosen) {
    const option = (value) => make("option", { value, selected: value === chosen }, title(value));
    const findings = (now.answer?.drawn.columns ?? []).map((one) => one.name);
    const drawn = Object.entries(page.columns()).filter(([, of]) => ["point", "line", "polygon"].includes(of.geometry));
    const far = drawn.flatMap(([name, of]) => [`distance:${name}`, ...codes(of).map(([code]) => `distance:${name}:${code}`)]);
    const known = [...findings, ...TERRAIN, ...far].includes(chosen) ? [] : [option(chosen)];
    const group = (label, names) => make("optgroup", { label }, ...names.map(option));
    return [...known, group(page.words().of_plots, findings), group(page.words().grid_only, [...TERRAIN, ...far])];
  }

  /** Lay the factors out, a row each. */
  function factors() {
    const words = page.words();
    const weighed = field("compare").checked;
    const row = (factor, n) => {
      const label = title(factor.column);
      const set = (name) => (event) => ((factor[name] = event.target.value), name === "column" && layOut(`column-${n}`));
      return make("fieldset", { class: "factor" }, make("legend", {}, `${n + 1}`),
        make("select", { id: `column-${n}`, "aria-label": `${words.factor} ${n + 1}`, onchange: set("column") }, ...choices(factor.column)),
        make("button", { type: "button", class: "link", "aria-label": `${words.remove} ${label}`, onclick: () => (now.factors.splice(n, 1), layOut("suit-add")) }, "✕"),
        make("label", {}, `${words.weight} `, make("input", { type: "number", min: 0, step: "any", value: factor.weight, disabled: weighed, oninput: set("weight"), "aria-label": `${words.weight} ${label}` })),
        make("label", { class: "reclass" }, `${words.reclass} `, make("input", { value: factor.scores, oninput: set("scores"), spellcheck: "false", "aria-label": `${words.reclass} ${label}`, "aria-describedby": "suit-hint" })));
    };
    byId("suit-factors").replaceChildren(...now.factors.map(row));
  }

  /** Lay the comparisons out as a matrix; below its diagonal stands what follows. */
  function matrix() {
    const words = page.words();
    const names = now.factors.map((f) => f.column);
    const ratio = (n) => (n >= 1 ? page.fmt().upto(n, 0) : `1/${page.fmt().upto(1 / n, 0)}`);
    const cell = (a, b, i, j) => {
      if (i === j) return make("td", {}, "1");
      if (i > j) return make("td", {}, ratio(1 / (now.pairs[`${b}/${a}`] ?? 1)));
      const options = TIMES.map((n) => make("option", { value: n, selected: Math.abs((now.pairs[`${a}/${b}`] ?? 1) - n) < 1e-6 }, ratio(n)));
      const set = (event) => ((now.pairs[`${a}/${b}`] = Number(event.target.value)), layOut(`pair-${i}-${j}`));
      return make("td", {}, make("select", { id: `pair-${i}-${j}`, "aria-label": `${title(a)} / ${title(b)}`, onchange: set }, ...options));
    };
    const head = make("tr", {}, make("td", {}), ...names.map((_, j) => make("th", { scope: "col" }, `${j + 1}`)));
    const rows = names.map((a, i) => make("tr", {}, make("th", { scope: "row", title: title(a) }, `${i + 1}`), ...names.map((b, j) => cell(a, b, i, j))));
    byId("suit-matrix").replaceChildren(...(field("compare").checked ? [make("table", { class: "pairs", "aria-label": words.compare_pairs }, head, ...rows)] : []));
  }

  /** Lay the form out anew. @param {string} focus the control that keeps the focus */
  function layOut(focus = "") {
    factors();
    matrix();
    field("cell").disabled = field("shown").disabled = !gridded();
    if (focus) byId(focus)?.focus();
  }

  /** What the form asks for; a sentence where it asks for nothing that there is. */
  function inputs() {
    const given = now.factors.map((f) => ({ column: f.column, weight: Number(f.weight), scores: scores.readScores(f.scores) }));
    const wrong = given.find((f) => !f.scores);
    if (wrong) return `${title(wrong.column)}: ${page.words().scores_hint}`;
    const names = given.map((f) => f.column);
    const pairs = field("compare").checked ? names.flatMap((a, i) => names.slice(i + 1).map((b) => [`${a}/${b}`, now.pairs[`${a}/${b}`] ?? 1])) : [];
    if (!gridded()) return { factors: given, compare: Object.fromEntries(pairs), every: field("every").checked };
    const box = now.box ? { box: now.box.split(",").map(Number), box_crs: "EPSG:4326" } : {};
    return { factors: given, compare: Object.fromEntries(pairs), cell: Number(field("cell").value), ...box };
  }

  const EXECUTION = "processes/suitability/execution";
  const wait = questions(page, (...parts) => told(...parts));

  /** Keep the form, and what is open, in the address. */
  function keep() {
    const said = new URLSearchParams();
    for (const f of now.factors) said.append("f", [f.column, f.weight, f.scores].join("|"));
    if (field("compare").checked) for (const [pair, times] of Object.entries(now.pairs)) said.append("p", `${pair}|${times.toFixed(4)}`);
    if (field("compare").checked) said.set("ahp", "1");
    if (gridded()) said.set("cell", field("cell").value);
    if (gridded() && now.box) said.set("box", now.box);
    if (field("every").checked) said.set("every", "1");
    if (now.opened) said.set("open", now.opened.plot ?? `${now.opened.x},${now.opened.y}`);
    write({ s: said.toString() });
  }

  /** Turn the form to what a link says. @param {URLSearchParams} said */
  function fillIn(said) {
    now.factors = said.getAll("f").map((text) => text.split("|")).map(([column, weight, rows]) => ({ column, weight, scores: rows ?? "" }));
    now.pairs = Object.fromEntries(said.getAll("p").map((text) => text.split("|")).map(([pair, times]) => [pair, TIMES.reduce((a, b) => (Math.abs(b - Number(times)) < Math.abs(a - Number(times)) ? b : a))]));
    field("compare").checked = said.has("ahp");
    field("over").value = said.has("cell") ? "grid" : "plots";
    field("cell").value = said.get("cell") ?? "25";
    now.box = said.get("box") ?? "";
    field("shown").checked = Boolean(now.box);
    field("every").checked = said.has("every");
  }

  /** Score; without factors by the model of the standard, which fills the form in. @param {boolean} move to what was found */
  async function ask(move = true) {
    const asked = now.factors.length ? inputs() : { every: field("every").checked };
    if (typeof asked === "string") return told(alert(asked));
    const turn = (now.asking += 1);
    try {
      const answer = await wait(EXECUTION, { inputs: { ...asked, limit: LISTED, drawn: true } });
      if (!answer || turn !== now.asking || views.opened() !== "suitability") return;
      Object.assign(now, { answer, opened: null });
      now.factors = answer.factors.map((f) => ({ column: f.column, weight: String(Number(f.weight.toFixed(4))), scores: scores.writeScores(f.scores) }));
      layOut();
      paint();
      if (move && answer.drawn.corners) page.fit(boundsOf({ coordinates: answer.drawn.corners }));
      keep();
    } catch (failure) {
      Object.assign(now, { answer: null, opened: null });
      scores.clear(page.map());
      told(alert(why(failure)));
    }
  }

  /** Open the score of a plot or of a cell of the grid into its parts. @param {{plot?: string, x?: number, y?: number}} place */
  async function open(place) {
    const { answer } = now;
    try {
      const { cell_m: cell } = answer.grid ?? {};
      const [x, y] = [place.x ?? 0, place.y ?? 0];
      const here = answer.grid ? { cell, at: [x, y], box: [x - cell / 4, y - cell / 4, x + cell / 4, y + cell / 4] } : { plot: place.plot, every: true };
      const got = await server.send(EXECUTION, { inputs: { factors: answer.factors, ...here, limit: 1 } });
      if (answer !== now.answer) return;
      now.opened = answer.grid ? got.grid.at : got.opened;
      point();
      show();
      keep();
      byId("suit-parts").focus();
    } catch (failure) {
      byId("suit-parts")?.replaceChildren(alert(why(failure)));
    }
  }

  /** Point at what is open. */
  function point() {
    const { answer, opened } = now;
    if (opened?.plot) return page.outline([opened.plot]);
    const { cell_m: cell } = answer.grid ?? {};
    const at = opened && [Math.floor((answer.drawn.north - opened.y) / cell), Math.floor((opened.x - answer.drawn.west) / cell)];
    page.mark(at ? [scores.outlineOf(answer.drawn, at[0], at[1])] : [], "", false);
  }

  /** A score, or the span of one that is not known whole. */
  function span(one) {
    const fmt = page.fmt();
    return one.score === null ? `${page.words().unknown} (${fmt.number(one.score_min, 1)}–${fmt.number(one.score_max, 1)})` : fmt.number(one.score, 2);
  }
  const named = (one) => one.plot ?? `${page.fmt().upto(one.x, 1)}, ${page.fmt().upto(one.y, 1)}`;

  /** Tell the parts of a score: each value, its score and its share. */
  function parts(one) {
    const [words, fmt] = [page.words(), page.fmt()];
    const head = make("tr", {}, ...[words.factor, words.value, words.score, words.weight, words.part].map((text) => make("th", { scope: "col" }, text)));
    const unsure = (n, digits) => (n === null ? words.unknown : fmt.upto(n, digits));
    const row = (p) => make("tr", { class: p.part === null ? "unsure" : null }, make("th", { scope: "row" }, title(p.column)), ...[[p.value, 2], [p.score, 1], [p.weight, 3], [p.part, 2]].map(([n, digits]) => make("td", { class: "number" }, unsure(n, digits))));
    const card = one.plot ? make("button", { type: "button", class: "link", onclick: () => page.show(one.plot) }, words.card) : null;
    return [make("h3", {}, `${named(one)} · ${span(one)} `, card), make("table", {}, make("thead", {}, head), make("tbody", {}, ...one.parts.map(row)))];
  }

  /** The legend: each class with how many plots or cells are of it. */
  function legend() {
    const words = page.words();
    const square = (n) => (n < 0 ? swatch({ colour: scores.colourOf(n), pattern: "hatch" }, "area", "#222222") : svg("svg", { viewBox: "0 0 26 16", width: 26, height: 16, "aria-hidden": "true" }, svg("rect", { width: 26, height: 16, fill: scores.colourOf(n), stroke: "#222" })));
    const rows = scores.counted(now.answer.drawn).map(({ of, least, most, count }) => make("li", {}, square(of), ` ${of < 0 ? words.unknown : `${least}–${most}`}: ${page.fmt().upto(count, 0)}`));
    return make("ul", { class: "classes", "aria-label": words.legend }, ...rows);
  }

  /** Whether the comparisons agree. */
  function consistency() {
    const [words, found] = [page.words(), now.answer.consistency];
    if (!found) return null;
    return make("p", { id: "suit-ratio", class: found.holds ? null : "refusal" }, `${words.consistency_ratio} ${page.fmt().number(found.ratio, 3)} (≤ ${page.fmt().upto(found.most, 2)}): ${found.holds ? words.consistent : words.inconsistent}`);
  }

  function show() {
    const [words, { answer, opened }] = [page.words(), now];
    const count = answer.grid ? `${page.fmt().upto(answer.grid.rows * answer.grid.columns, 0)} ${words.cells}` : `${page.fmt().upto(answer.plots, 0)} ${words.plots}`;
    const best = answer.best.map((one) => make("li", {}, make("button", { type: "button", class: "link", onclick: () => open(one) }, named(one)), ` ${span(one)}`));
    const file = answer.grid ? make("p", { class: "actions" }, make("a", { href: `results/${answer.grid.file}`, download: "suitability.tif" }, words.download_grid)) : null;
    told(make("p", {}, `${count} · ${words.as_on} ${answer.on}`), consistency() ?? "", legend(), make("p", {}, make("small", {}, words.suit_click)),
      make("div", { id: "suit-parts", tabindex: "-1", "aria-live": "polite" }, ...(opened ? parts(opened) : [])), file ?? "", make("details", { open: !opened }, make("summary", {}, words.best_scores), make("ol", {}, ...best)));
  }

  function paint() {
    layOut();
    if (!now.answer) return;
    scores.draw(page.map(), now.answer.drawn, page.patterns());
    point();
    show();
  }

  /** Open what is clicked. */
  function click(event) {
    const { drawn } = now.answer;
    if (drawn.plots) {
      const plot = page.map().queryRenderedFeatures(event.point).find((f) => f.source === "readiness" && f.properties.id);
      return plot && open({ plot: String(plot.properties.id) });
    }
    const at = scores.cellAt(drawn, event.lngLat.lng, event.lngLat.lat);
    const { cell_m: cell } = now.answer.grid;
    if (at) open({ x: drawn.west + (at[1] + 0.5) * cell, y: drawn.north - (at[0] + 0.5) * cell });
  }

  function restore() {
    const said = new URLSearchParams(read("s"));
    const place = said.get("open");
    fillIn(said);
    layOut();
    ask(!place).then(() => {
      if (!place || !now.answer) return;
      const [x, y] = place.split(",").map(Number);
      open(now.answer.grid ? { x, y } : { plot: place });
    });
  }

  function leave() {
    now.asking += 1;
    scores.clear(page.map());
    page.outline([]);
    page.mark([]);
  }

  form().addEventListener("submit", (event) => {
    event.preventDefault();
    const b = page.map().getBounds();
    if (!field("shown").checked || !gridded()) now.box = "";
    else now.box = [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((n) => n.toFixed(6)).join();
    ask(!now.box);
  });
  form().addEventListener("change", (event) => ["over", "compare"].includes(event.target.name) && layOut());
  byId("suit-add").addEventListener("click", () => {
    now.factors.push({ column: "area", weight: "1", scores: NEW });
    layOut(`column-${now.factors.length - 1}`);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || views.opened() !== "suitability" || !now.answer || event.target !== page.map().getCanvas()) return;
    const lngLat = page.map().getCenter();
    click({ lngLat, point: page.map().project(lngLat) });
  });
  onReturn(() => views.opened() === "suitability" && restore());
  const written = () => now.answer && scores.write(page.map(), now.answer.drawn);
  return {
    open: () => (page.map().on("moveend", written), now.answer && !read("s") ? (paint(), keep()) : restore()),
    close: () => (page.map().off("moveend", written), leave(), write({ s: "" })),
    paint, drawing: () => Boolean(now.answer), click,
  };
}
