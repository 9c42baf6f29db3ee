/* Draws the report map. Every word of the data becomes a text node, never markup. */
function drawReport(map, data) {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const DASHES = { in_service: "", under_construction: "10 5", planned: "2 6", retired: "1 8", "": "12 4 2 4" };
  const T = data.texts;
  const state = { by: "status", on: "", hidden: new Set() };

  // ---- elements and words -------------------------------------------------------------------------------------------
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  function drawn(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  /* Words in both languages; the style sheet hides one of them. */
  function say(words) {
    if (words === null || words === undefined) return "";
    if (typeof words !== "object") return String(words);
    if (words.en === words.zh) return words.en;
    return make("span", {}, make("span", { class: "en", lang: "en" }, words.en), make("span", { class: "zh", lang: "zh" }, words.zh));
  }
  const number = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const mu = (m2) => (m2 * 3) / 2000;
  const day = (text) => (text && text < "0002" ? say(T.ever) : text);

  /* The value of a column in a row: {values} or {pool, at}; null where missing. */
  function cell(column, row) {
    if (!column) return null;
    const value = column.at ? column.pool[column.at[row]] : column.values[row];
    return value === undefined ? null : value;
  }
  const rows = (column) => (column.at || column.values).length;

  // ---- patterns -----------------------------------------------------------------------------------------------------
  const MARKS = {
    hatch: [["path", { d: "M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4" }]],
    cross: [["path", { d: "M0,8 l8,-8 M0,0 l8,8" }]],
    lines: [["path", { d: "M0,2 h8 M0,6 h8" }]],
    grid: [["path", { d: "M0,4 h8 M4,0 v8" }]],
    dots: [["circle", { cx: 2, cy: 2, r: 0.9 }], ["circle", { cx: 6, cy: 6, r: 0.9 }]],
  };
  /* The fill of a look: its colour, or the address of a pattern that is made when it is first asked for. */
  function fill(look) {
    if (!look.pattern) return look.colour;
    const id = `${look.pattern}-${look.colour.slice(1)}`;
    if (!document.getElementById(id)) {
      const marks = MARKS[look.pattern].map(([tag, shape]) => drawn(tag, shape));
      const pen = look.pattern === "hatch" || look.pattern === "lines" ? 1.8 : 1.1;
      const ink = drawn("g", look.pattern === "dots" ? { fill: "#222" } : { stroke: "#fff", "stroke-width": pen, fill: "none" }, ...marks);
      const ground = drawn("rect", { width: 8, height: 8, fill: look.colour });
      document.getElementById("patterns").append(drawn("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, ground, ink));
    }
    return `url(#${id})`;
  }
  function swatch(look, shape, dash) {
    const frame = drawn("svg", { class: "swatch", viewBox: "0 0 26 16", "aria-hidden": "true" });
    if (shape === "line") frame.append(drawn("line", { x1: 1, y1: 8, x2: 25, y2: 8, stroke: look.colour, "stroke-width": 4, "stroke-dasharray": dash || "" }));
    else if (shape === "outline") frame.append(drawn("rect", { x: 2, y: 2, width: 22, height: 12, fill: "none", stroke: look.colour, "stroke-width": 3, "stroke-dasharray": "6 3" }));
    else frame.append(drawn("rect", { x: 1, y: 1, width: 24, height: 14, fill: fill(look), stroke: "#222" }));
    return frame;
  }

  // ---- the plots ----------------------------------------------------------------------------------------------------
  const P = data.plots;
  const looks = Object.fromEntries(Object.entries(data.looks).map(([by, list]) => [by, new Map(list.map((look) => [look.value, look]))]));
  /* The class of a plot, on the chosen day: what has a date that has come by then is ready. */
  function classOf(by, row) {
    const stored = cell(P.classes[by], row);
    const ready = cell(P.findings.ready_from, row);
    if (!state.on || by === "verdict" || cell(P.classes.ready_state, row) !== "dated" || !ready || ready > state.on) return stored;
    if (by === "ready_state") return "ready";
    return stored !== "pending" ? stored : cell(P.classes.verdict, row) === "unknown" ? "unknown" : "serviced";
  }
  const lookOf = (row) => looks[state.by].get(classOf(state.by, row));
  const plotStyle = (row) => ({ color: "#222", weight: 1, fillColor: fill(lookOf(row)), fillOpacity: 0.85 });
  const plotLayers = new Map();

  function line(...cells) {
    return make("tr", {}, ...cells.map((content, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, content)));
  }
  function areaLine(title, m2) {
    const figures = m2 === null ? ["?", "?"] : [`${number(m2, 2)} m²`, number(mu(m2), 3)];
    const muCell = make("td", { class: "number" }, figures[1], " ", say(T.mu));
    return make("tr", {}, make("th", { scope: "row" }, title), make("td", { class: "number" }, figures[0]), muCell);
  }
  const block = (title, ...lines) => (lines.length ? [make("h3", {}, say(title)), make("table", {}, ...lines)] : []);
  function fieldLines(table, row, but) {
    return table.fields.filter((f) => !but.includes(f.name)).flatMap((field) => {
      const value = cell(table.columns[field.name], row);
      if (value === null) return [];
      if (field.unit === "m2") return [areaLine(say(field.title), value)];
      const words = field.codes[value] ? make("span", {}, say(field.codes[value]), ` (${value})`) : value;
      const unit = field.unit && field.unit !== "1" ? ` ${field.unit}` : "";
      return [line(say(field.title), typeof value === "number" ? `${+value.toFixed(3)}${unit}` : words)];
    });
  }
  function serviceLines(row) {
    return Object.entries(data.services).filter(([kind]) => P.services[`${kind}_state`]).map(([kind, title]) => {
      const parts = ["state", "from", "line", "distance", "capacity"];
      const [is, from, by, far, holds] = parts.map((part) => (P.services[`${kind}_${part}`] ? cell(P.services[`${kind}_${part}`], row) : null));
      const distance = far === null ? "" : `${number(far, 1)} m`;
      const capacity = by && holds ? say(data.capacity[holds]) : "";
      return line(say(title), say(data.states[is] || T.unknown), from ? day(from) : "", by || "", distance, capacity);
    });
  }
  const C = data.checks;
  const checksOf = new Map();
  (C ? C.plot.values : []).forEach((row, i) => checksOf.has(row) ? checksOf.get(row).push(i) : checksOf.set(row, [i]));
  const ruleNamed = new Map(data.rules.map((rule) => [rule.key, rule]));
  const ruleTitle = (rule) => make("span", {}, rule.check, " ", say(rule.title));
  function checkLines(row) {
    return (checksOf.get(row) || []).map((i) => {
      const rule = data.rules[C.rule.values[i]];
      const severity = cell(C.severity, i);
      const size = severity === "pass" ? "" : `${number(cell(C.area, i), 2)} m²`;
      return line(ruleTitle(rule), say(T[severity] || severity), size, rule.date ? rule.date : say(T.no_source));
    });
  }
  function reason(row) {
    const key = cell(P.findings.reason, row);
    return key && ruleNamed.has(key) ? ruleTitle(ruleNamed.get(key)) : key;
  }
  /* What does not serve; a service that nobody surveyed is said to be unknown, not absent. */
  function missing(row) {
    const kinds = cell(P.findings.missing, row);
    if (kinds === null) return say(T.unknown);
    if (!String(kinds)) return say(T.nothing);
    const unsure = (kind) => (cell(P.services[`${kind}_state`], row) === "unknown" ? make("span", {}, " (", say(T.unknown), ")") : "");
    return make("span", {}, ...String(kinds).split(",").flatMap((kind, i) => [i ? ", " : "", say(data.services[kind] || kind), unsure(kind)]));
  }
  function plotCard(row) {
    const badge = (by) => line(say(T[by]), say(looks[by].get(classOf(by, row)).name));
    const parts = ["free", "warn", "blocked", "unknown"].filter((part) => P.findings[`${part}_area`]);
    const ready = cell(P.findings.ready_from, row);
    return make("div", {},
      make("h2", {}, say(T.plot), " ", cell(P.own.columns.id, row)),
      make("table", {}, areaLine(say(T.area), cell(P.area, row)), badge("status"), badge("verdict"), badge("ready_state"),
        ready ? line(say(T.ready_from), day(ready)) : null, P.findings.missing ? line(say(T.missing), missing(row)) : null,
        reason(row) ? line(say(T.reason), reason(row)) : null),
      ...block(T.partition, ...parts.map((part) => areaLine(say(T[part]), cell(P.findings[`${part}_area`], row)))),
      ...block(T.checks, ...checkLines(row)),
      ...block(T.services, ...serviceLines(row)),
      ...block(T.plots, ...fieldLines(P.own, row, ["id"])),
      ...P.evidence.flatMap((part) => block(part.layer, ...fieldLines(part, row, []))),
      ...block(T.data_date, ...data.sources.map((s) => line(say(s.title), s.editions.length ? s.editions[0].date : say(T.no_source)))));
  }
  const POPUP = { maxWidth: 380, minWidth: 240, maxHeight: 420 };

  // ---- the layers, from the ground up -------------------------------------------------------------------------------
  function pane(name, z) {
    map.createPane(name).style.zIndex = z;
    return L.svg({ pane: name, padding: 0.3 });
  }
  const PANES = { area: pane("areas", 401), plots: pane("plots", 410), outline: pane("outlines", 420), line: pane("lines", 430) };
  const features = (geometry) => geometry.flatMap((shape, row) => (shape ? [{ type: "Feature", properties: { row }, geometry: shape }] : []));
  const plotGroup = L.geoJSON(features(P.geometry), {
    renderer: PANES.plots, pane: "plots", style: (f) => plotStyle(f.properties.row),
    onEachFeature: (f, layer) => {
      plotLayers.set(f.properties.row, layer);
      layer.bindPopup(() => plotCard(f.properties.row), POPUP);
    },
  }).addTo(map);

  function restyle() {
    for (const [row, layer] of plotLayers) {
      if (state.hidden.has(classOf(state.by, row))) plotGroup.removeLayer(layer);
      else plotGroup.addLayer(layer), layer.setStyle(plotStyle(row));
    }
    legendOfPlots();
  }
  function featureStyle(layer, row) {
    const colour = layer.classes[layer.class[row]].colour;
    if (layer.look === "area") return { color: colour, weight: 1, fillColor: colour, fillOpacity: 0.35 };
    if (layer.look === "outline") return { color: colour, weight: 3, dashArray: "8 4", fillColor: colour, fillOpacity: 0.08, className: "outline" };
    const dash = layer.life ? DASHES[cell(layer.life, row) || ""] : "";
    return { color: colour, weight: layer.layer === "roads" ? 5 : 3, dashArray: dash, opacity: 0.9, fillOpacity: 0.9, radius: 6 };
  }
  function classGroup(layer, at) {
    const shapes = features(layer.geometry).filter((f) => layer.class[f.properties.row] === at);
    return L.geoJSON(shapes, {
      renderer: PANES[layer.look], pane: `${layer.look}s`, style: (f) => featureStyle(layer, f.properties.row),
      pointToLayer: (f, at) => L.circleMarker(at, { renderer: PANES[layer.look], pane: `${layer.look}s` }),
      onEachFeature: (f, shape) => shape.bindPopup(() => featureCard(layer, f.properties.row), POPUP),
    });
  }
  function featureCard(layer, row) {
    return make("div", {}, make("h2", {}, say(layer.title)), make("table", {}, ...fieldLines(layer.table, row, [])));
  }

  // ---- the panel: legend and layer control in one -------------------------------------------------------------------
  const tick = (checked, change) => make("input", { type: "checkbox", checked, onchange: (event) => change(event.target.checked) });
  const entry = (box, sign, name, count, kind) =>
    make("label", { class: kind || "" }, box, sign, make("span", {}, name), count === null ? null : make("span", { class: "count" }, String(count)));
  const legend = make("div", {});
  function legendOfPlots() {
    const count = new Map();
    for (let row = 0; row < rows(P.area); row++) count.set(classOf(state.by, row), (count.get(classOf(state.by, row)) || 0) + 1);
    const entries = [...looks[state.by].values()].map((look) => {
      const box = tick(!state.hidden.has(look.value), (on) => (on ? state.hidden.delete(look.value) : state.hidden.add(look.value), restyle()));
      return entry(box, swatch(look), say(look.name), count.get(look.value) || 0);
    });
    // redrawn in place: the box that has the focus keeps it
    const focused = [...legend.querySelectorAll("input")].indexOf(document.activeElement);
    legend.replaceChildren(...entries);
    if (focused >= 0) legend.querySelectorAll("input")[focused].focus();
  }
  function chooser() {
    const choice = (by) => make("label", {},
      make("input", { type: "radio", name: "by", value: by, checked: by === state.by, onchange: () => ((state.by = by), state.hidden.clear(), restyle()) }), say(T[by]));
    const date = make("input", { type: "date", id: "on", onchange: (event) => ((state.on = event.target.value), restyle()) });
    return make("fieldset", {}, make("legend", {}, say(T.colour_by)), ...Object.keys(data.looks).map(choice), make("label", {}, say(T.ready_on), date), legend);
  }
  function find(text) {
    const row = P.own.columns.id.pool.indexOf(text.trim());
    const layer = plotLayers.get(P.own.columns.id.at.indexOf(row));
    document.getElementById("lost").hidden = row >= 0 && !!layer;
    if (row < 0 || !layer) return;
    state.hidden.clear();
    restyle();
    map.fitBounds(layer.getBounds(), { maxZoom: 18, animate: false });
    layer.openPopup();
  }
  function finder() {
    const names = make("datalist", { id: "numbers" }, ...P.own.columns.id.pool.map((id) => make("option", { value: id })));
    const input = make("input", { type: "text", id: "find", list: "numbers", onchange: (event) => event.target.value && find(event.target.value) });
    return make("fieldset", {}, make("label", {}, say(T.find), input), names, make("p", { id: "lost", hidden: true, role: "status" }, say(T.not_found)));
  }
  function layerControl(layer) {
    const groups = layer.classes.map((_, at) => classGroup(layer, at));
    const count = (at) => layer.class.filter((c) => c === at).length;
    const flip = (group) => (on) => (on ? group.addTo(map) : group.remove());
    const boxes = groups.map((group) => tick(layer.shown, flip(group)));
    if (layer.shown) groups.forEach((group) => group.addTo(map));
    const all = tick(layer.shown, (on) => boxes.forEach((box, at) => ((box.checked = on), flip(groups[at])(on))));
    const single = layer.classes.length === 1 && layer.classes[0].value === "";
    const entries = single ? [] : layer.classes.map((look, at) => entry(boxes[at], swatch(look, layer.look), say(look.name), count(at), "indent"));
    return make("fieldset", {}, entry(all, single ? swatch(layer.classes[0], layer.look) : null, make("strong", {}, say(layer.title)), layer.class.length), ...entries);
  }
  function lifeLegend() {
    const names = { ...data.life, "": T.not_recorded };
    const entries = Object.entries(DASHES).map(([value, dash]) => entry(null, swatch({ colour: "#222" }, "line", dash), say(names[value]), null));
    return make("fieldset", {}, make("legend", {}, say(T.lines)), ...entries);
  }
  function sourceList() {
    const told = (e) => make("li", {}, e.date, " ", e.source, e.kinds.length ? ` (${e.kinds.join(", ")})` : "", ...(e.coverage ? [] : [" · ", say(T.no_coverage)]));
    const lists = data.sources.flatMap((s) => [make("div", {}, make("strong", {}, say(s.title)), s.editions.length ? "" : ": ", s.editions.length ? "" : say(T.no_source)),
      make("ul", {}, ...s.editions.map(told))]);
    return make("details", { id: "sources" }, make("summary", {}, say(T.sources)), ...lists);
  }

  // ---- the page -----------------------------------------------------------------------------------------------------
  const language = document.getElementById("language");
  function speak(tongue) {
    document.documentElement.lang = tongue;
    document.title = data.title[tongue];
    language.textContent = T.language[tongue];
  }
  language.addEventListener("click", () => speak(document.documentElement.lang === "zh" ? "en" : "zh"));
  document.getElementById("title").append(say(data.title));
  const banner = document.getElementById("banner");
  banner.append(say(T.generated));
  banner.hidden = !data.generated;
  const drawnLayers = data.layers.filter((layer) => layer.class.length);
  document.getElementById("panel").append(make("details", { open: window.innerWidth > 640, id: "legend" },
    make("summary", {}, say(T.layers)), finder(), chooser(), ...drawnLayers.map(layerControl),
    drawnLayers.some((layer) => layer.life) ? lifeLegend() : null), sourceList());
  document.body.prepend(document.getElementById("head"));
  speak(document.documentElement.lang);
  legendOfPlots();
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  map.invalidateSize();
  map.fitBounds(data.bounds, { animate: false, paddingBottomRight: window.innerWidth > 640 ? [284, 0] : [0, 0] });
}
