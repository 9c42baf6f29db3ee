"""Reads one layer of a DXF through ezdxf; run by `worker.py`, in a process of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

SAGITTA = 0.001
"""How far the lines that stand for an arc may lie off it [m]."""
OUTLINES = ("LINE", "LWPOLYLINE", "POLYLINE", "ARC", "CIRCLE", "ELLIPSE", "SPLINE")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Read the entities of the layer that the request names, blocks resolved, as `worker.answer` does.

    Closed outlines are polygons, with the texts that stand in them, of whichever layer; arcs and bulges are lines. Entities that
    give no outline are counted in a note.
    """
    from ezdxf import recover, units
    from ezdxf.disassemble import recursive_decompose

    document, _ = recover.readfile(request["path"])
    found, texts, left = [], [], Counter[str]()
    for entity in recursive_decompose(document.modelspace()):
        if entity.dxftype() in ("TEXT", "MTEXT"):
            texts.append(label(entity))
        elif (shape := outline(entity)) is not None:
            found.append((entity.dxf.layer, entity.dxf.get("linetype", ""), entity.dxf.handle or "", shape))
        else:
            left[entity.dxftype()] += 1
    layers = sorted({row[0] for row in found})
    layer = request["sublayer"] or (layers[0] if len(layers) == 1 else None)
    if layer not in layers:
        return {"choose": layers, "wanted": layer}
    mine = [row for row in found if row[0] == layer]
    table = tabled(mine, texts)
    with pa.OSFile(str(Path(request["folder"]) / "table.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    unit = document.header.get("$INSUNITS", 0)
    notes = noted(left, units.unit_name(unit) if unit not in (0, 6) else "")
    return {"layer": layer, "crs": None, "geometry": 4, "rows": len(mine), "count": len(mine), "repeated": [], "notes": notes}


def label(entity: Any) -> tuple[str, BaseGeometry]:
    """Read a text in one line, and its place."""
    said = entity.plain_text()
    return " ".join(said.split()), shapely.Point(entity.dxf.insert.x, entity.dxf.insert.y)


def outline(entity: Any) -> BaseGeometry | None:
    """Draw an entity: a point, a line, or a polygon where it is closed; None for what is no outline."""
    from ezdxf.path import make_path

    if entity.dxftype() == "POINT":
        return shapely.Point(entity.dxf.location.x, entity.dxf.location.y)
    if entity.dxftype() not in OUTLINES:
        return None
    path = make_path(entity)
    points = [(p.x, p.y) for p in path.flattening(SAGITTA)] if len(path) else []
    if len(points) < 2:
        return None
    return shapely.Polygon(points) if path.is_closed and len(points) > 3 else shapely.LineString(points)


def tabled(found: list[tuple[str, str, str, BaseGeometry]], texts: list[tuple[str, BaseGeometry]]) -> pa.Table:
    """Put what was found into a table, with the texts that stand in each polygon."""
    shapes = [row[3] for row in found]
    inside: list[list[str]] = [[] for _ in found]
    if texts:
        of, at = shapely.STRtree([place for _, place in texts]).query(shapes, predicate="contains")
        for n, t in sorted(zip(of.tolist(), at.tolist(), strict=True)):
            inside[n].append(texts[t][0])
    words = [" ".join(said) or None for said in inside]
    names = [[row[k] for row in found] for k in range(3)]
    columns = [
        *(pa.array(name, pa.string()) for name in (*names, words)),
        pa.array([shapely.to_wkb(s) for s in shapes], pa.binary()),
    ]
    return pa.table(columns, names=["Layer", "Linetype", "EntityHandle", "Text", "wkb"])


def noted(left: Counter[str], unit: str) -> list[tuple[str, str]]:
    """Say in English and Chinese what was left out, and that the drawing's own unit was not believed."""
    notes = []
    if left:
        said = ", ".join(f"{n} {kind}" for kind, n in sorted(left.items()))
        notes.append((f"entities that give no outline were left out: {said}", f"未读取不构成界线的图元:{said}"))
    if unit:
        notes.append(
            (
                f"the drawing says that its unit is {unit}; coordinates were taken in the unit of the CRS",
                f"图形自称单位为 {unit};坐标按坐标系的单位采用",
            )
        )
    return notes
