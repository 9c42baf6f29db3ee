"""A QGIS project (.qgs) of a land base: every layer with the colours of its code list, titles and aliases in both languages.

QGIS 3.22 and later reads what is written here and fills in the rest by its own defaults.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

from pyproj import CRS

from layers.base import Code, Field
from layers.catalogue import LAYERS
from layers.collections import Collection
from layers.overview import TAKEN
from layers.plan.asked import CONTESTED
from maps.readiness import DRAWN, RIVALS
from maps.style import CODED, DRAW_ORDER, HIDDEN, NO_COLOUR, OUTLINE, SYSTEM
from maps.tiles import READINESS

VERSION = "3.22.0"
FINDINGS = "findings"
TABLE = f"shudi_{FINDINGS}"
"""QGIS gives layers whose number has ten characters or less another one."""
ENGINE = {"polygon": "Polygon", "border": "Polygon", "line": "LineString", "point": "Point"}
SYMBOL = {
    "polygon": ("fill", "SimpleFill", {"outline_color": OUTLINE, "outline_width": "0.26", "style": "solid"}),
    "border": ("fill", "SimpleFill", {"outline_width": "0.8", "outline_style": "dash", "style": "no"}),
    "line": ("line", "SimpleLine", {"line_width": "0.6"}),
    "point": ("marker", "SimpleMarker", {"size": "2.4", "outline_color": OUTLINE}),
}
"""Of each geometry the kind of its symbol, the class that draws it and how."""
INK = {"polygon": "color", "border": "outline_color", "line": "line_color", "point": "color"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where QGIS finds the land: a GeoPackage beside the project, or the address of a service."""

    provider: str
    place: str

    @classmethod
    def file(cls, base: Path, project: Path) -> Source:
        """Name a base as its project finds it: relative, so that both can be moved together."""
        place = relpath(base.resolve(), project.resolve().parent)
        return cls("ogr", place if place.startswith("..") else f"./{place}")

    @classmethod
    def service(cls, url: str) -> Source:
        """Name a service."""
        return cls("OAPIF", url.rstrip("/"))

    def of(self, name: str, shape: str, mixed: bool) -> str:
        """Write the address of a layer; a layer of mixed geometry is named once for each."""
        if self.provider == "OAPIF":
            return f"pagingEnabled='true' pageSize='1000' restrictToRequestBBOX='1' typename='{name}' url='{self.place}' version='OGC_API_FEATURES'"
        return f"{self.place}|layername={name}" + (f"|geometrytype={ENGINE[shape]}" if mixed else "")


@dataclass(frozen=True, slots=True)
class Shown:
    """One layer of the project: its number there, what it shows and by which expression it is coloured."""

    id: str
    of: Collection
    shape: str
    expression: str
    codes: Mapping[str, Code]
    source: str
    joined: bool = False


def project(title: str, crs: str, collections: Mapping[str, Collection], source: Source) -> str:
    """Write the project."""
    layers = list(shown(collections, source))
    root = ET.Element("qgis", version=VERSION, projectname=title)
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "projectCrs").append(reference(crs))
    projected = ET.SubElement(ET.SubElement(root, "properties"), "SpatialRefSys")
    ET.SubElement(projected, "ProjectionsEnabled", type="int").text = "1"
    tree = ET.SubElement(root, "layer-tree-group")
    for layer in reversed(layers):
        hidden = layer.of.name in (*HIDDEN, FINDINGS)
        ET.SubElement(
            tree, "layer-tree-layer", id=layer.id, name=said(layer.of), source=layer.source, providerKey=source.provider,
            checked="Qt::Unchecked" if hidden else "Qt::Checked", expanded="0",
        )  # fmt: skip
    maps = ET.SubElement(root, "projectlayers")
    for layer in layers:
        maps.append(map_layer(layer, crs if source.provider == "ogr" else "EPSG:4326", source.provider))
    if source.provider == "ogr":
        maps.append(table(collections[FINDINGS], source))
        ET.SubElement(
            tree, "layer-tree-layer", id=TABLE, name=said(collections[FINDINGS]), source=f"{source.place}|layername={FINDINGS}",
            providerKey="ogr", checked="Qt::Checked", expanded="0",
        )  # fmt: skip
    ET.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode") + "\n"


def shown(collections: Mapping[str, Collection], source: Source) -> Iterable[Shown]:
    """List the layers of the project from the ground up."""
    file = source.provider == "ogr"
    for name in [*(n for n in DRAW_ORDER if n in collections), *(n for n in collections if n not in (*DRAW_ORDER, FINDINGS))]:
        of = collections[name]
        if of.geometry == "none":
            continue
        table = of.layer if file else name
        joined = file and of.assessed
        expression, codes = coloured(name, f"{FINDINGS}_" if joined else "")
        mixed = of.geometry == "any"
        for shape in ("line", "point") if mixed and file else ("line" if mixed else str(of.geometry),):
            yield Shown(f"shudi_{name}_{shape}", of, shape, expression, codes, source.of(table, shape, mixed), joined)
        if name == READINESS:
            rivals = f"CASE WHEN \"{FINDINGS + '_' if joined else ''}{CONTESTED.name}\" <> '' THEN '{RIVALS.value}' END"
            titled = replace(of, title=CONTESTED.title)
            yield Shown(
                "shudi_contested_border",
                titled,
                "border",
                rivals,
                {RIVALS.value: RIVALS},
                source.of(table, "border", mixed),
                joined,
            )


def coloured(name: str, prefix: str) -> tuple[str, Mapping[str, Code]]:
    """Find the expression that colours a layer, and its codes; a layer without codes has one colour."""
    if name == READINESS:
        verdict, reason, state = (f'"{prefix}{column}"' for column in ("verdict", "reason", "ready_state"))
        taken = f"WHEN {verdict} = 'blocked' AND {reason} = '{TAKEN}' THEN 'supplied' WHEN {verdict} = 'blocked' THEN 'blocked'"
        unsure = f"WHEN {verdict} = 'unknown' AND {state} = 'ready' THEN 'unknown'"
        return f"CASE {taken} {unsure} ELSE coalesce({state}, 'unknown') END", DRAWN
    if name not in CODED:
        return "''", {}
    column = CODED[name]
    codes = {value: code for value, code in (LAYERS[name].field(column).codes or {}).items() if code.colour}
    system = SYSTEM.get(name)
    return (f'CASE WHEN "code_system" = \'{system}\' THEN "{column}" END' if system else f'"{column}"'), codes


def map_layer(layer: Shown, crs: str, provider: str) -> ET.Element:
    """Write one layer."""
    made = ET.Element("maplayer", type="vector", geometry=ENGINE[layer.shape].removesuffix("String"), labelsEnabled="0")
    ET.SubElement(made, "id").text = layer.id
    ET.SubElement(made, "datasource").text = layer.source
    ET.SubElement(made, "layername").text = said(layer.of)
    ET.SubElement(made, "srs").append(reference(crs))
    ET.SubElement(made, "provider", encoding="UTF-8").text = provider
    if layer.joined:
        joins = ET.SubElement(made, "vectorjoins")
        ET.SubElement(
            joins, "join", joinLayerId=TABLE, targetFieldName="id", joinFieldName="id", memoryCache="1", dynamicForm="0",
            editable="0", hasCustomPrefix="1", customPrefix=f"{FINDINGS}_", upsertOnEdit="0", cascadedDelete="0",
        )  # fmt: skip
    made.append(renderer(layer))
    described(made, layer.of.fields, f"{FINDINGS}_" if layer.joined else "")
    ET.SubElement(made, "layerOpacity").text = "0.8" if layer.shape == "polygon" else "1"
    return made


def table(of: Collection, source: Source) -> ET.Element:
    """Write the table of findings, which the readiness is joined with."""
    made = ET.Element("maplayer", type="vector", geometry="No geometry")
    ET.SubElement(made, "id").text = TABLE
    ET.SubElement(made, "datasource").text = f"{source.place}|layername={FINDINGS}"
    ET.SubElement(made, "layername").text = said(of)
    ET.SubElement(made, "provider", encoding="UTF-8").text = source.provider
    described(made, of.fields, "")
    return made


def described(made: ET.Element, fields: Iterable[Field], prefix: str) -> None:
    """Give columns their aliases, and code lists their names."""
    widgets, aliases = ET.SubElement(made, "fieldConfiguration"), ET.SubElement(made, "aliases")
    for index, field in enumerate(fields):
        name = field.name if field.name == "id" else f"{prefix}{field.name}"
        unit = f" [{field.unit}]" if field.unit else ""
        ET.SubElement(aliases, "alias", field=name, index=str(index), name=f"{field.title.zh} {field.title.en}{unit}")
        if field.codes:
            widget = ET.SubElement(ET.SubElement(widgets, "field", name=name), "editWidget", type="ValueMap")
            options = ET.SubElement(ET.SubElement(widget, "config"), "Option", type="Map")
            listed = ET.SubElement(options, "Option", name="map", type="List")
            for code in field.codes.values():
                entry = ET.SubElement(listed, "Option", type="Map")
                ET.SubElement(entry, "Option", name=f"{code.name.zh} {code.name.en}", type="QString", value=code.value)


def renderer(layer: Shown) -> ET.Element:
    """Write how features are coloured: by the codes, what has none grey."""
    made = ET.Element("renderer-v2", type="categorizedSymbol", attr=layer.expression, symbollevels="0", enableorderby="0")
    categories, symbols = ET.SubElement(made, "categories"), ET.SubElement(made, "symbols")
    plain = NO_COLOUR if layer.codes else layer_colour(layer.of)
    entries = [(c.value, f"{c.name.zh} {c.name.en}", c.colour) for c in layer.codes.values()]
    others = [] if layer.shape == "border" else [("", "其他 other" if layer.codes else said(layer.of), plain)]
    for number, (value, label, colour) in enumerate([*entries, *others]):
        ET.SubElement(categories, "category", symbol=str(number), value=value, label=label, render="true")
        symbols.append(symbol(str(number), layer.shape, colour))
    return made


def symbol(name: str, shape: str, colour: str) -> ET.Element:
    """Write a symbol of one colour."""
    kind, drawn, options = SYMBOL[shape]
    made = ET.Element("symbol", name=name, type=kind, alpha="1", clip_to_extent="1")
    inner = ET.SubElement(made, "layer", {"class": drawn, "enabled": "1", "locked": "0", "pass": "0"})
    for key, value in {INK[shape]: colour, **options}.items():
        ET.SubElement(inner, "prop", k=key, v=rgb(value) if value.startswith("#") else value)
    return made


def rgb(colour: str) -> str:
    """Write #rrggbb as QGIS does."""
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + ",255"


def layer_colour(of: Collection) -> str:
    """Find the one colour of a layer without codes."""
    return LAYERS[of.layer].colour


def said(of: Collection) -> str:
    """Name a layer in both languages."""
    return f"{of.title.zh} {of.title.en}"


def reference(crs: str) -> ET.Element:
    """Write a reference system."""
    known = CRS.from_user_input(crs)
    made = ET.Element("spatialrefsys")
    for name, value in {
        "wkt": known.to_wkt(), "srid": crs.removeprefix("EPSG:"), "authid": crs, "description": known.name,
        "geographicflag": str(known.is_geographic).lower(),
    }.items():  # fmt: skip
        ET.SubElement(made, name).text = value
    return made
