"""The look of the map: a MapLibre style and a legend, both derived from the layers' code lists and colours.

Source: MapLibre Style Specification, version 8. Colour is never the only sign: readiness has patterns, utilities have their
name along the line and dashes by status, zones their code. Patterns are images that the page makes: `metadata` of the style
lists them under "shudi:patterns". There is no glyph server: MapLibre from 5.11 then draws text with local fonts.

The day that the map shows is the style's global state `day`, whole days since 1970-01-01, so that a date slider needs no
request and no new style: `map.setGlobalStateProperty("day", n)`. That has MapLibre make all tiles anew, so a page that turns days quickly tells
single plots instead: `map.setFeatureState(plot, {ready: from <= n})`, for days no earlier than "shudi:days_back" of `metadata` before it.
Lines are drawn by their status on the day `lines`, a state of its own, as there are few of them.
The global state `pending` is "state" or "missing": what pending plots take their colour from; the pattern always tells their state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from layers.base import SERVICE_STATUS, Codes, Text
from layers.catalogue import LAYERS
from maps import basemap, relief
from maps.basemap import Basemap
from maps.readiness import DRAWN, LACKED, PATTERNS, PENDING, RIVALS
from maps.shown import COLOUR, DATED, DAYS_BACK, PATTERN_DRAWN, SHOWN_AT_LAST, of_cell, status
from maps.tiles import LABELLED, LEAST_ZOOM, LINE_ZOOM, PLOT_ZOOM, READINESS, tiled

Language = Literal["en", "zh"]
Json = dict[str, Any]

NO_COLOUR = "#BBBBBB"
OUTLINE = "#333333"
LABEL_ZOOM = 15
LAST_ZOOM = 16
"""Deepest tiles that are asked for (15 cm a unit at the equator); deeper zooms stretch them."""
FONT = ["sans-serif"]
BACKGROUND = "#F7F6F2"
PATTERN_INK = {"cross": "#FFFFFF", "grid": "#808080"}
DARK_INK = "#222222"
EQUATOR_RESOLUTION = 78271.516964
"""Metres a pixel at zoom 0 on the equator, tiles 512 pixels wide."""
TITLES = {READINESS: Text("Readiness", "配套状态"), **{name: layer.title for name, layer in LAYERS.items()}}
CODED: Mapping[str, str] = {
    READINESS: "ready_state",
    "parcels": "status",
    "land_use": "code",
    "zoning": "code",
    "control_lines": "kind",
    "development_areas": "status",
    "sites": "status",
    "roads": "class",
    "utilities": "kind",
    "divisions": "kind",
    "amenities": "kind",
}
"""The column that colours each layer; another layer has one colour."""
SYSTEM: Mapping[str, str] = {"zoning": "planning_2023", "land_use": "survey_gtdc"}
"""The code system that a layer's colours belong to: the same digits mean other uses in another, which stays grey."""
HIDDEN = ("zoning", "land_use", "development_areas", "approvals", "divisions", "resettlements", "stakeholders", "set_outs")
"""Layers that begin switched off: fills that would hide the readiness, and points of single works."""
DASHES: Mapping[str, Sequence[float] | None] = {
    "in_service": None,
    "under_construction": [4, 1.5],
    "planned": [2, 2],
    "retired": [0.5, 3],
    "": [1, 3],
}
"""Dash of a utility by status, in line widths; "" is a status that nobody recorded."""
ROLE_WIDTH = {"main": 3.0, "branch": 2.0, "service": 1.0}
CASINGS = {
    "casing": Text("solid edges: in service", "实线边:已投用"),
    "casing-dash": Text("dashed edges: not in service", "虚线边:未投用"),
}
"""The edges of a road, by whether it is in service on the day."""
RELIEF = (
    ("light", Text("slopes towards the north-west", "向西北的坡面"), "#FFFFFF"),
    (
        "shadow",
        Text("slopes away from it; no shading: heights unknown or level", "背向西北的坡面;无阴影:平地或高程未知"),
        "#6F6F6F",
    ),
)
"""What light and shadow of the relief mean."""


def style(
    base_url: str,
    language: Language = "en",
    center: tuple[float, float] = (0.0, 0.0),
    zoom: float = PLOT_ZOOM,
    on: date | None = None,
    under: Basemap | None = None,
) -> Json:
    """Make the MapLibre style of a land base, with vector tiles at {base_url}/tiles/{layer}/{z}/{x}/{y}.mvt.

    `center` is longitude, latitude in degrees; road widths in metres are right at its latitude. `on` is the day shown
    first; None: today; `under` a basemap from elsewhere. Every layer carries in its metadata "shudi:layer", the name to switch it on and off by. A layer new
    in the catalogue is drawn in its own colour without a line here.
    """
    root = base_url.rstrip("/")
    names = (*tiled(), relief.LAYER)
    order = sorted(names, key=lambda name: DRAW_ORDER.index(name) if name in DRAW_ORDER else len(DRAW_ORDER) // 2)
    day = ((on or date.today()) - date(1970, 1, 1)).days
    looks = [look for name in order for look in _looks(name, language, center[1], day)]
    labels = [label for name in order for label in _labels(name, language)]
    switched = {name: {"title": _say(TITLES[name], language), "visible": name not in HIDDEN} for name in names}
    if under:
        switched[basemap.NAME] = {"title": _say(basemap.TITLE, language), "visible": True}
    return {
        "version": 8,
        "name": "Shudi" if language == "en" else "熟地",
        "center": list(center),
        "zoom": zoom,
        "transition": {"duration": 0, "delay": 0},
        "state": {"day": {"default": day}, "lines": {"default": day}, "pending": {"default": "state"}},
        "metadata": {
            "shudi:patterns": {f"shudi-{p}": {"pattern": p, "colour": PATTERN_INK.get(p, DARK_INK)} for p in PATTERNS.values()},
            "shudi:layers": switched,
            "shudi:plot_zoom": PLOT_ZOOM,
            "shudi:days_back": DAYS_BACK,
            "shudi:dated": DATED,
        },
        "sources": {**{name: _source(root, name) for name in names}, **(under.sources() if under else {})},
        "layers": [
            {"id": "background", "type": "background", "paint": {"background-color": BACKGROUND}},
            *(under.looks() if under else []),
            *looks,
            *labels,
        ],
    }


def legend(language: Language = "en") -> list[dict[str, str]]:
    """List what colours and patterns mean, layer by layer in the order of the catalogue, readiness first.

    Entries: `layer`, `title` of the layer, `value` as stored ("" where nothing is recorded), `label`, `colour` (#rrggbb),
    `pattern` ("" plain; "lines", "hatch", "cross", "dots", "grid" of fills, "border" a dashed line inside their outline; "dash" and
    "dots" of lines, "casing" and "casing-dash" of roads, "width-N" a line N wide, "ring" and "ring-small" of points), `pending` (the global state of this name with which the map draws the colour; "" with any).
    """
    rows = [
        _entry(name, value, label, colour, PATTERNS.get(value, "") if name == READINESS else "", language)
        for name in tiled()
        for value, label, colour in _key(name)
    ]
    rows += [_entry(READINESS, code.value, code.name, code.colour, "", language) for code in LACKED]
    rows.append(_entry(READINESS, RIVALS.value, RIVALS.name, RIVALS.colour, "border", language))
    for value, dash in DASHES.items():
        label = SERVICE_STATUS[value].name if value else Text("status not recorded", "状态未记录")
        pattern = "" if dash is None else "dots" if dash[0] < dash[1] else "dash"
        rows.append(_entry("utilities", f"status:{value}", label, OUTLINE, pattern, language))
    rows += [_entry("roads", f"casing:{pattern}", label, NO_COLOUR, pattern, language) for pattern, label in CASINGS.items()]
    for role, code in (LAYERS["utilities"].field("role").codes or {}).items():
        drawn = f"width-{ROLE_WIDTH[role]:g}" if role in ROLE_WIDTH else "ring"
        rows.append(_entry("utilities", f"role:{role}", code.name, OUTLINE, drawn, language))
    rows.append(_entry("utilities", "role:", Text("other facility", "其他设施"), OUTLINE, "ring-small", language))
    return [*rows, *(_entry(relief.LAYER, value, label, colour, "", language) for value, label, colour in RELIEF)]


def _key(name: str) -> list[tuple[str, Text, str]]:
    """List value, words and colour of a layer's codes; of a land-use classification the first code of each colour."""
    drawn = [code for code in _codes(name).values() if code.colour]
    if name in SYSTEM:
        drawn = list({code.colour: code for code in reversed(drawn)}.values())[::-1]
    if not drawn:
        return [("", TITLES[name], _colour(name))]
    known = [(code.value, code.name, code.colour) for code in drawn]
    return known if name == READINESS else [*known, ("", Text("other or not recorded", "其他或未记录"), NO_COLOUR)]


def _entry(layer: str, value: str, label: Text, colour: str, pattern: str, language: Language) -> dict[str, str]:
    """Make one line of the legend."""
    words = {"title": _say(TITLES[layer], language), "label": _say(label, language)}
    by = "state" if value in PENDING else "missing" if value in {code.value for code in LACKED} else ""
    return {
        "layer": layer,
        "value": value,
        "colour": colour,
        "pattern": pattern,
        "pending": by if layer == READINESS else "",
        **words,
    }


def _say(text: Text, language: Language) -> str:
    """Choose the words of a language."""
    return text.zh if language == "zh" else text.en


def _codes(layer: str) -> Codes:
    """Find the code list that colours a layer; empty where it has one colour."""
    if layer == READINESS:
        return DRAWN
    return (LAYERS[layer].field(CODED[layer]).codes or {}) if layer in CODED else {}


def _colour(layer: str) -> str:
    """Tell the one colour of a layer."""
    return LAYERS["parcels" if layer == READINESS else layer].colour


def _source(root: str, name: str) -> Json:
    """Make the source of a layer's tiles; the stored number is the feature's id. The grid is drawn of readiness only."""
    if name == relief.LAYER:
        tiles = [f"{root}/tiles/{name}/{{z}}/{{x}}/{{y}}.png"]
        return {"type": "raster", "tiles": tiles, "tileSize": relief.SIDE, "minzoom": relief.LEAST, "maxzoom": LAST_ZOOM}
    least = {READINESS: LEAST_ZOOM, "parcels": PLOT_ZOOM, "land_use": PLOT_ZOOM}.get(name, LINE_ZOOM)
    return {
        "type": "vector",
        "tiles": [f"{root}/tiles/{name}/{{z}}/{{x}}/{{y}}.mvt"],
        "minzoom": least,
        "maxzoom": LAST_ZOOM,
        "promoteId": {name: "id"},
    }


def _painted(layer: str, value: object = None) -> object:
    """Colour features by their code; a plain colour where the layer has no coloured codes."""
    pairs = [item for code in _codes(layer).values() if code.colour for item in (code.value, code.colour)]
    if not pairs:
        return _colour(layer)
    colour = ["match", value or ["get", CODED[layer]], *pairs, NO_COLOUR]
    return ["case", ["==", ["get", "code_system"], SYSTEM[layer]], colour, NO_COLOUR] if layer in SYSTEM else colour


def _look(
    name: str, part: str, kind: str, paint: Json, layout: Json | None = None, tiles: str | None = None, **more: object
) -> Json:
    """Make one style layer of a layer of the land; `tiles` names the layer inside the tile where it is another."""
    return {
        "id": f"{name}-{part}",
        "type": kind,
        "source": name,
        "source-layer": tiles or name,
        "metadata": {"shudi:layer": name},
        "layout": {"visibility": "none" if name in HIDDEN else "visible", **(layout or {})},
        "paint": paint,
        **more,
    }


def _looks(name: str, language: Language, latitude: float, known: int) -> list[Json]:
    """Draw a layer, by its own hand or as its geometry asks; `known` as in `maps.shown.status`."""
    if name == relief.LAYER:
        shading = {"id": "terrain-relief", "type": "raster", "source": name, "layout": {"visibility": "visible"}}
        return [{**shading, "metadata": {"shudi:layer": name}, "paint": {"raster-fade-duration": 0}}]
    if name == READINESS:
        return _readiness()
    if name == "parcels":
        return _parcels()
    if name == "roads":
        return _roads(latitude, known)
    if name == "utilities":
        return _utilities(known)
    if name in ("control_lines", "sites", "divisions"):
        return _border(name)
    return _area(name) if LAYERS[name].geometry == "polygon" else _anything(name)


def _readiness() -> list[Json]:
    """Fill plots by readiness on the day, with the patterns above, a dashed border where the verdict is unknown, one inside where others ask too."""
    fills = [_look(READINESS, "fill", "fill", {"fill-color": COLOUR, "fill-opacity": 0.75})]
    patterns = [
        _look(
            READINESS,
            f"pattern-{state}",
            "fill",
            {"fill-pattern": f"shudi-{pattern}", "fill-opacity": opacity},
            filter=which,
        )
        for state, pattern in PATTERNS.items()
        for which, opacity in [PATTERN_DRAWN.get(state, (["==", SHOWN_AT_LAST, state], 1.0))]
    ]
    border = {"line-color": OUTLINE, "line-width": ["interpolate", ["linear"], ["zoom"], PLOT_ZOOM, 0.4, 17, 1.5]}
    inside = {"line-color": RIVALS.colour, "line-width": 2, "line-offset": 3, "line-dasharray": [3, 1.5]}
    open_ = ["==", ["coalesce", ["get", "verdict"], "unknown"], "unknown"]
    return [
        *_cells(READINESS),
        *fills,
        *patterns,
        _look(READINESS, "outline", "line", border, filter=["!", open_]),
        _look(READINESS, "outline-unknown", "line", {**border, "line-dasharray": [2, 2]}, filter=open_),
        _look(READINESS, "contested", "line", inside, filter=[">", ["coalesce", ["get", "contested"], 0], 0]),
    ]


def _cells(name: str) -> list[Json]:
    """Fill the cells of the grid by their dominant state on the day, as opaque as its share, with its pattern."""
    tiles = f"{name}_grid"
    opacity = ["interpolate", ["linear"], of_cell("share"), 0, 0.2, 1, 0.8]
    fill = {"fill-color": _painted(name, of_cell("dominant")), "fill-opacity": opacity}
    patterns = PATTERNS if name == READINESS else {}
    return [
        _look(name, "cells", "fill", fill, tiles=tiles, maxzoom=PLOT_ZOOM),
        *(
            _look(
                name,
                f"cells-{state}",
                "fill",
                {"fill-pattern": f"shudi-{pattern}"},
                tiles=tiles,
                maxzoom=PLOT_ZOOM,
                filter=["==", of_cell("dominant"), state],
            )
            for state, pattern in patterns.items()
        ),
    ]


def _parcels() -> list[Json]:
    """Outline parcels; their status colours a second line inside, when near."""
    near = ["interpolate", ["linear"], ["zoom"], PLOT_ZOOM, 0.3, 17, 1.2]
    status = {"line-color": _painted("parcels"), "line-width": 2, "line-offset": 2}
    return [
        _look("parcels", "outline", "line", {"line-color": _colour("parcels"), "line-width": near}),
        _look("parcels", "status", "line", status, minzoom=LABEL_ZOOM, filter=["has", "status"]),
    ]


def _roads(latitude: float, known: int) -> list[Json]:
    """Draw roads as wide as their red lines, with a casing that is dashed until they are in service."""
    at = {zoom: 2**zoom / (EQUATOR_RESOLUTION * math.cos(math.radians(latitude))) for zoom in (LINE_ZOOM, 22)}
    metres = ["coalesce", ["get", "red_line_width"], 8]

    def width(extra: float) -> list[Any]:
        stops = [item for zoom, scale in at.items() for item in (zoom, ["+", extra, ["max", 1, ["*", scale, metres]]])]
        return ["interpolate", ["exponential", 2], ["zoom"], *stops]

    join = {"line-cap": "butt", "line-join": "round"}
    done = ["==", status("roads", known), "in_service"]
    return [
        _look("roads", "casing", "line", {"line-color": OUTLINE, "line-width": width(1.5)}, layout=join, filter=done),
        _look(
            "roads",
            "casing-not-yet",
            "line",
            {"line-color": OUTLINE, "line-width": width(1.5), "line-dasharray": [1, 1]},
            layout=join,
            filter=["!", done],
        ),
        _look("roads", "fill", "line", {"line-color": _painted("roads"), "line-width": width(0)}, layout=join),
    ]


def _utilities(known: int) -> list[Json]:
    """Draw networks by kind, thick by role, dashed by status; sources as rings."""
    width = ["match", ["get", "role"], *(item for pair in ROLE_WIDTH.items() for item in pair), 1.5]
    line = ["==", ["geometry-type"], "LineString"]
    looks = []
    for value, dash in DASHES.items():
        paint: Json = {"line-color": _painted("utilities"), "line-width": width}
        if dash is not None:
            paint["line-dasharray"] = list(dash)
        of = ["==", status("utilities", known), value]
        looks.append(_look("utilities", value or "unrecorded", "line", paint, filter=["all", line, of]))
    ring = {
        "circle-color": "#FFFFFF",
        "circle-radius": ["match", ["get", "role"], "source", 6, 3],
        "circle-stroke-color": _painted("utilities"),
        "circle-stroke-width": 3,
    }
    return [*looks, _look("utilities", "points", "circle", ring, filter=["==", ["geometry-type"], "Point"])]


def _border(name: str) -> list[Json]:
    """Draw lines of control and sites: a faint fill and a strong dashed border."""
    faint = {"fill-color": _painted(name), "fill-opacity": 0.12}
    dash = [5, 1.5] if name == "control_lines" else [1.5, 1]
    strong = {"line-color": _painted(name), "line-width": 2.5, "line-dasharray": dash}
    return [_look(name, "fill", "fill", faint), _look(name, "border", "line", strong)]


def _area(name: str) -> list[Json]:
    """Fill polygons by their code."""
    return [
        _look(name, "fill", "fill", {"fill-color": _painted(name), "fill-opacity": 0.45}),
        _look(name, "border", "line", {"line-color": OUTLINE, "line-width": 0.5}),
    ]


def _anything(name: str) -> list[Json]:
    """Draw lines and points of a layer that this module does not know."""
    point = ["==", ["geometry-type"], "Point"]
    return [
        _look(name, "line", "line", {"line-color": _painted(name), "line-width": 1.5}, filter=["!", point]),
        _look(name, "point", "circle", {"circle-color": _painted(name), "circle-radius": 4}, filter=point),
    ]


def _labels(name: str, language: Language) -> list[Json]:
    """Write names and codes on a layer; the names of codes are said in the language."""
    texts: dict[str, tuple[Any, str]] = {
        "roads": (["coalesce", ["get", "name"], ""], "line"),
        "utilities": (_named("utilities", language), "line"),
        "zoning": (["coalesce", ["get", "code"], ["get", "name"], ""], "point"),
        "land_use": (["coalesce", ["get", "name"], ["get", "code"], ""], "point"),
        "control_lines": (_named("control_lines", language), "line"),
        "sites": (["coalesce", ["get", "name"], ["get", "id"]], "point"),
        "parcels": (["get", "id"], "point"),
    }
    if name not in texts:
        return []
    text, placement = texts[name]
    layout = {"text-field": text, "text-font": FONT, "text-size": 12, "symbol-placement": placement}
    paint = {"text-color": "#111111", "text-halo-color": "#FFFFFF", "text-halo-width": 1.5}
    least = LABEL_ZOOM + 1 if name == "parcels" else LABEL_ZOOM - 1 if name in ("roads", "sites") else LABEL_ZOOM
    tiles = f"{name}_label" if name in LABELLED else name
    return [_look(name, "label", "symbol", paint, layout=layout, minzoom=least, tiles=tiles)]


def _named(layer: str, language: Language) -> list[Any]:
    """Say a feature's code in words, as it is stored where the code list does not know it."""
    pairs = [item for code in _codes(layer).values() for item in (code.value, _say(code.name, language))]
    return ["match", ["get", CODED[layer]], *pairs, ["coalesce", ["get", CODED[layer]], ""]]


DRAW_ORDER = (
    "land_use",
    "zoning",
    READINESS,
    "terrain",
    "development_areas",
    "roads",
    "parcels",
    "control_lines",
    "utilities",
    "sites",
)
"""From the ground up; a layer not named here is drawn in the middle."""
