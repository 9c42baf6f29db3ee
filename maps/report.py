"""The report map: one HTML file with plots, their findings and the land around them, that needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import MacroElement
from jinja2 import Template

from layers.around import land_around
from layers.assessment import Networks, findings, question, stored
from layers.base import SERVICE_STATUS, Codes, Field, Land, Layer, Survey, Text
from layers.catalogue import LAND, LAYERS
from layers.errors import Refusal
from layers.evidence import Moment
from layers.inputs import stale
from layers.plan import access
from layers.plan.readiness import SERVICES
from layers.plan.supply import asked, judge
from layers.service import CAPACITY, LOADS, STATES
from layers.standards import Standards
from layers.store.base import Box, Store, When
from maps.looks import PLOTS, known, status
from maps.offline import INLINED, WEB, OfflineFigure

MOST_PLOTS = 10_000
DECIMALS = 7
AROUND = 250.0
CLASS_FIELDS: Mapping[str, str] = {"zoning": "code", "land_use": "code", "roads": "class", "sites": "status"}
UNDRAWN = ("parcels", "terrain")
OUTLINED = ("control_lines", "development_areas", "sites")
HIDDEN = ("zoning", "land_use", "development_areas")
CHECK_COLUMNS = ("plot", "rule", "severity", "area", "unknown_area")
AREAS = ("free_area", "warn_area", "blocked_area", "unknown_area")
NOT_RECORDED = Text("not recorded", "未记录")


class ReportError(Refusal):
    """A report map cannot be drawn of these plots; the message says what to do."""


def report(
    plots: gpd.GeoDataFrame,
    findings: pd.DataFrame,
    land: Land,
    title: str | Text,
    *,
    language: Literal["zh", "en"] = "zh",
    generated: bool = False,
    sites: gpd.GeoDataFrame | None = None,
    checks: pd.DataFrame | None = None,
    most: int = MOST_PLOTS,
) -> str:
    """Write the report map of some plots as one HTML page in both languages.

    Parameters
    ----------
    plots : frame with the columns of `parcels` or `sites`, in the project CRS.
    findings : answers by plot number (the index). Known are verdict, ready_state, ready_from, missing, reason, area,
        free_area, warn_area, blocked_area, unknown_area [m2], the `<service>_state`, `_from`, `_line`, `_distance` [m], `_capacity` and
        every column that a layer answers. What is missing is shown as unknown.
    land : what the base holds around the plots; features within 250 m of them are drawn, editions are listed.
    language : the language that the page begins with; its reader may switch.
    generated : puts the banner of generated data on the page.
    sites : project sites to draw instead of those in `land`.
    checks : `layers.plan.supply.Supply.checks` of these plots in this order, for a line for every check.
    most : greatest number of plots.

    The page holds its libraries, fetches nothing and forbids itself to (maps.offline). All text travels as JSON and becomes
    text nodes, never markup. Plots are SVG, not canvas: SVG has patterns and the browser finds the plot under the pointer.
    Its size grows by about 1 kB a plot. Equal input gives equal bytes.

    Raises
    ------
    ReportError
        if there is no plot with a geometry, no CRS, or more than `most`.
    """
    drawn = plots.geometry.notna() & ~plots.geometry.is_empty
    if plots.crs is None:
        raise ReportError("the plots have no CRS; set the base's project CRS on them", "地块没有坐标系,请设为本库的项目坐标系")
    if not drawn.any():
        raise ReportError("no plot has a geometry to draw; choose an area that holds some", "没有可绘制的地块,请选择有地块的范围")
    refuse_many(len(plots), most)
    if sites is not None:
        land = {**land, "sites": Survey(sites, land["sites"].editions if "sites" in land else ())}
    words = Text(title, title) if isinstance(title, str) else title
    box = shapely.box(*plots.total_bounds).buffer(AROUND)
    data = {
        "title": words._asdict(),
        "generated": generated,
        "texts": texts(),
        "bounds": bounds(plots),
        "plots": plot_table(plots, findings),
        "looks": {name: [look._asdict() | {"name": look.name._asdict()} for look in looks] for name, looks in PLOTS.items()},
        "services": {kind: name._asdict() for kind, name in SERVICES.items()},
        "states": named(STATES),
        "capacity": named(CAPACITY),
        "life": named(SERVICE_STATUS),
        "rules": rules(land),
        "checks": None if checks is None else {c: encoded(checks[c]) for c in CHECK_COLUMNS},
        "layers": [layer_table(LAYERS[n], land[n], box, plots.crs) for n in LAND if n in land and n not in UNDRAWN],
        "sources": [sources(LAYERS[n], land.get(n)) for n in LAND],
    }
    figure = OfflineFigure(words.zh if language == "zh" else words.en, language)
    figure.add_child(ReportMap(data))
    return figure.render()


class ReportMap(folium.Map):
    """A folium map without base tiles that needs Leaflet only and draws itself from data; its names are always the same."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        (south, west), (north, east) = data["bounds"]
        middle = [(south + north) / 2, (west + east) / 2]
        super().__init__(
            middle, tiles=None, zoom_start=15, zoom_control="bottomleft", max_zoom=23, attribution_control=False, zoom_snap=0.25
        )
        self.default_js = [("leaflet", INLINED["leaflet"])]
        self.default_css = [("leaflet_css", INLINED["leaflet_css"])]
        self._id = "report"
        self.add_child(Drawing(data))


class Drawing(MacroElement):
    """The part of the page that shows the data: its style, its data block and its script, each from its own file."""

    _template = Template(
        "{% macro header(this, kwargs) %}<style>{{ this.style }}</style>{% endmacro %}"
        "{% macro html(this, kwargs) %}{{ this.markup }}"
        '<script type="application/json" id="data">{{ this.data }}</script>{% endmacro %}'
        "{% macro script(this, kwargs) %}{{ this.code }}\n"
        "drawReport({{ this._parent.get_name() }}, JSON.parse(document.getElementById('data').textContent));{% endmacro %}"
    )

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "Drawing", "report"
        self.style, self.markup, self.code = (
            (WEB / "report" / name).read_text("utf-8") for name in ("report.css", "report.html", "report.js")
        )
        self.data = script_json(data)


def script_json(data: object) -> str:
    """Write JSON that cannot end the script element that holds it: no <, > or & is left in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def texts() -> dict[str, dict[str, str]]:
    """Pair the words of the user interface: key -> {en, zh}."""
    both = {tongue: json.loads((WEB / "i18n" / f"{tongue}.json").read_text("utf-8")) for tongue in ("en", "zh")}
    return {key: {"en": word, "zh": both["zh"][key]} for key, word in both["en"].items()}


def named(codes: Codes) -> dict[str, dict[str, str]]:
    """Turn a code list into value -> {en, zh}."""
    return {value: code.name._asdict() for value, code in codes.items()}


def bounds(plots: gpd.GeoDataFrame) -> list[list[float]]:
    """Frame the plots as [[south, west], [north, east]] in degrees."""
    west, south, east, north = plots.geometry.to_crs(4326).total_bounds
    return [[float(south), float(west)], [float(north), float(east)]]


def geometry(shapes: gpd.GeoSeries) -> list[Any]:
    """Write geometries as GeoJSON in WGS 84, rounded to 7 decimals (1 cm); None where there is none."""
    degrees = shapely.force_2d(shapes.to_crs(4326).to_numpy())
    rounded = shapely.transform(degrees, lambda xy: np.round(xy, DECIMALS))
    rounded[shapely.is_empty(rounded)] = None
    return list(json.loads("[" + ",".join(g or "null" for g in shapely.to_geojson(rounded)) + "]"))


def plain(value: object) -> object:
    """Turn one value of a frame into what JSON knows; a day is written as YYYY-MM-DD."""
    if isinstance(value, Text):
        return value._asdict()
    if isinstance(value, date):
        return value.isoformat()[:10]
    return value if isinstance(value, str | int | float | bool) else str(value)


def encoded(column: pd.Series) -> dict[str, list[Any]]:
    """Encode a column: numbers as {values}, anything else as {pool, at}, its distinct values and each row's place or -1."""
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        return {"values": column.to_list()}
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.astype("float64").replace([np.inf, -np.inf], np.nan).round(4)
        return {"values": values.astype(object).where(values.notna(), None).to_list()}
    at, pool = pd.factorize(column)
    return {"pool": [plain(value) for value in pool], "at": at.tolist()}


def table(frame: pd.DataFrame, fields: Iterable[Field]) -> dict[str, Any]:
    """Encode those columns of a frame that are declared by `fields` and hold something, with titles, units and codes."""
    held = [f for f in fields if f.name in frame and frame[f.name].notna().any()]
    return {
        "fields": [
            {"name": f.name, "title": f.title._asdict(), "unit": f.unit, "codes": codes_used(f, frame[f.name])} for f in held
        ],
        "columns": {f.name: encoded(frame[f.name]) for f in held},
    }


def codes_used(field: Field, column: pd.Series) -> dict[str, dict[str, str]]:
    """Name those codes of a field that a column uses."""
    return {} if field.codes is None else {v: field.codes[v].name._asdict() for v in column.dropna().unique() if v in field.codes}


def plot_table(plots: gpd.GeoDataFrame, findings: pd.DataFrame) -> dict[str, Any]:
    """Encode plots with their classes, areas [m2], services and the evidence by layer."""
    found = findings.reindex(plots["id"].to_numpy())
    own = {f.name: f for name in ("sites", "parcels") for f in LAYERS[name].columns}
    frame = pd.DataFrame(plots.drop(columns=plots.geometry.name)).set_axis(found.index)
    parcel_status = frame.get("status")
    classes = {"status": status(found, parcel_status), **{name: known(found, name) for name in ("verdict", "ready_state")}}
    area = found["area"] if "area" in found else pd.Series(plots.geometry.area.to_numpy(), found.index)
    plain_columns = [c for c in ("ready_from", "missing", "deciding", "reason", *AREAS) if c in found]
    services = [f"{s}_{part}" for s in SERVICES for part in ("state", "from", "line", "distance", "capacity")]
    service_fields = set(services)
    evidence = [(layer.title, tuple(a.field for a in layer.answers)) for layer in LAYERS.values()]
    return {
        "own": table(frame, own.values()),
        "classes": {name: encoded(pd.Series(values)) for name, values in classes.items()},
        "area": encoded(area),
        "findings": {c: encoded(found[c]) for c in plain_columns},
        "services": {c: encoded(found[c]) for c in services if c in found},
        "evidence": [
            {"layer": title._asdict(), **answers}
            for title, fields in (*evidence, (access.TITLE, access.FIELDS))
            if (answers := table(found, (f for f in fields if f.name not in service_fields)))["fields"]
        ],
        "geometry": geometry(plots.geometry),
    }


def rules(land: Land) -> list[dict[str, Any]]:
    """List the rules as `layers.plan.supply.asked` orders them: key, check, title and the day of the newest data."""
    newest = [land[a.layer.name].data_date(a.rule.kind) if a.layer.name in land else None for a in asked()]
    return [
        {
            "key": a.key,
            "check": a.rule.id,
            "title": a.rule.title._asdict(),
            "layer": a.layer.title._asdict(),
            "date": d and str(d)[:10],
        }
        for a, d in zip(asked(), newest, strict=True)
    ]


def classes(layer: Layer, features: gpd.GeoDataFrame) -> tuple[list[dict[str, Any]], list[int]]:
    """Sort features into the classes of their layer that occur, and number each feature's class."""
    name = CLASS_FIELDS.get(layer.name, layer.kind or "")
    if name not in features:
        return [{"value": "", "name": layer.title._asdict(), "colour": layer.colour}], [0] * len(features)
    at, pool = pd.factorize(features[name].astype(object).where(features[name].notna(), None), use_na_sentinel=False)
    codes = layer.field(name).codes or {}
    looks = [look(layer, codes, value) for value in pool]
    return looks, at.tolist()


def look(layer: Layer, codes: Codes, value: object) -> dict[str, Any]:
    """Describe one class of a layer: its value, name and colour; codes that no list holds are named by themselves."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return {"value": "", "name": NOT_RECORDED._asdict(), "colour": layer.colour}
    code = codes.get(str(value))
    name = {"en": str(value), "zh": str(value)} if code is None else code.name._asdict()
    return {"value": str(value), "name": name, "colour": code.colour if code and code.colour else layer.colour}


def layer_table(layer: Layer, survey: Survey, box: shapely.Geometry, crs: object) -> dict[str, Any]:
    """Encode the features of a layer that lie in `box` (in `crs`, the plots'), with their classes and columns."""
    features = survey.features if survey.features.crs == crs else survey.features.to_crs(crs)
    features = features[features.geometry.intersects(box)]
    looks, at = classes(layer, features)
    return {
        "layer": layer.name,
        "title": layer.title._asdict(),
        "look": "outline" if layer.name in OUTLINED else "area" if layer.geometry == "polygon" else "line",
        "shown": layer.name not in HIDDEN,
        "classes": looks,
        "class": at,
        "life": encoded(features["status"]) if "in_service_from" in features and "status" in features else None,
        "table": table(pd.DataFrame(features.drop(columns=features.geometry.name)), layer.columns),
        "geometry": geometry(features.geometry),
    }


def sources(layer: Layer, survey: Survey | None) -> dict[str, Any]:
    """List the deliveries of a layer: source, day, kinds and whether it claims an area; none means that it is unknown."""
    editions: Sequence[Any] = () if survey is None else survey.editions
    rows = [
        {"source": e.source, "date": e.date.isoformat()[:10], "kinds": list(e.kinds), "coverage": e.coverage is not None}
        for e in sorted(editions, key=lambda e: (e.date, e.id), reverse=True)
    ]
    return {"title": layer.title._asdict(), "editions": rows}


def refuse_many(count: int, most: int = MOST_PLOTS) -> None:
    """Raise ReportError for more plots than a page can hold."""
    if count > most:
        raise ReportError(
            f"{count} plots are more than a report map holds ({most}); choose a smaller area, as the surroundings of a --site",
            f"{count}个地块超过报告地图的上限({most}),请缩小范围,例如用 --site 只画一个选址周边",
        )


def of_base(
    store: Store,
    standards: Standards,
    on: date | None,
    language: Literal["zh", "en"],
    site: str | None = None,
    as_of: datetime | None = None,
    layer: str = "sites",
    moment: Moment | None = None,
) -> tuple[str, int]:
    """Write the report map of a base, or of the surroundings of one of its sites; the page and the number of its plots.

    `layer` stores what `site` names; `moment` is the one of a verdict, in the place of `on` and `as_of`.

    A finding that is older than what it was made from is not shown as fresh: the plots are then judged anew, as they are where
    the map shall show what was known at the moment `as_of`.
    """
    ask = moment.ask(standards) if moment else question(standards, on, as_of, None)
    then: When | None = moment.entry if moment else as_of
    with store.snapshot():
        box: Box | None = None
        if site is not None:
            west, south, east, north = stored(store, layer, site, then).geometry.bounds
            box = (west - AROUND, south - AROUND, east + AROUND, north + AROUND)
        plots = store.read("parcels", box, as_of=then)
        if not len(plots):
            raise ReportError("the base has no parcels there to draw; import some first", "库中该处没有宗地可绘制,请先导入")
        refuse_many(len(plots))
        networks = Networks()
        traces = networks.trace(store, ask, then)
        land = land_around(store, box or tuple(plots.total_bounds.tolist()), traces, then)
        found, inputs = store.findings(plots["id"].tolist())
        fresh = not stale(store, inputs, standards) and inputs["on"] == str(ask.on) and len(found) == len(plots)
        title = store.title
        if then or not fresh:
            found = findings(plots, land, ask)
        served = pd.unique(found[[f"{kind}_line" for kind in LOADS]].to_numpy(object).ravel())
        sources = traces["utilities"]["source"].reindex(served).dropna()
        contest = networks.contests.find(store, traces, ask, frozenset(sources), then)
        if contest:
            found = contest.compete(found)
    checks = judge(plots, land, ask, "parcels").checks
    return report(plots, found, land, title, language=language, generated="generated" in title, checks=checks), len(plots)
