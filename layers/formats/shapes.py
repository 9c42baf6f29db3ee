"""The geometry of a delivery, judged and brought into the base's CRS; what cannot be taken is marked with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import DatumShiftError, ImplausibleCoordinatesError, is_same, transform
from layers.base import Geometry, Text
from layers.formats.errors import BadCRSError, ImplausibleError
from layers.formats.place import explain, plausible
from layers.formats.vector import Delivery

Shapes = NDArray[np.object_]
Mask = NDArray[np.bool_]

REASONS: Mapping[str, Text] = {
    "no_geometry": Text("no geometry", "无几何"),
    "empty_geometry": Text("empty geometry", "空几何"),
    "damaged_geometry": Text("damaged geometry, as an open ring", "几何损坏(如环未闭合)"),
    "wrong_type": Text("geometry of another type than the layer's", "几何类型不符"),
    "not_finite": Text("coordinates that are no finite numbers", "坐标非有限数"),
    "outside_crs": Text("outside the area where the CRS is used", "超出坐标系适用范围"),
    "antimeridian": Text("reaches around the Earth, as across the antimeridian", "跨越 180° 经线"),
    "zero_area": Text("zero area", "面积为零"),
    "zero_length": Text("zero length", "长度为零"),
    "invalid_geometry": Text("invalid geometry", "几何无效"),
    "missing_value": Text("a required value is missing", "缺少必填值"),
    "unreadable_value": Text("a value that is no such number, day or flag", "数值或日期无法识别"),
    "unknown_code": Text("a value that is not in the code list", "值不在代码表内"),
    "duplicate_id": Text("a number that an earlier feature has", "编号重复"),
}
TYPES: Mapping[Geometry, tuple[int, ...]] = {
    "polygon": (3, 6),
    "line": (1, 5),
    "any": (0, 1, 3, 4, 5, 6),
    "raster": (),
    "none": (),
}


class Marks:
    """Why features are refused: the first reason found for each, "" for those still taken."""

    def __init__(self, count: int) -> None:
        self.reason = np.full(count, "", object)
        self.detail = np.full(count, "", object)

    @property
    def taken(self) -> Mask:
        """Mask of the features without a reason."""
        return np.asarray(self.reason == "", bool)

    def mark(self, mask: Mask, reason: str, detail: str | NDArray[np.object_] = "") -> None:
        """Give the marked features that have none yet a reason; `detail` is one text, or one for each feature."""
        new = mask & self.taken
        self.reason[new] = reason
        self.detail[new] = detail if isinstance(detail, str) else detail[new]


@dataclass(frozen=True, slots=True)
class Judged:
    """Geometry in the base's CRS, with marks; repairs: row, reason, area_before, area_after, change [CRS unit squared]."""

    shapes: Shapes
    marks: Marks
    repairs: pd.DataFrame
    notes: tuple[Text, ...]


@np.errstate(invalid="ignore", over="ignore")
def judge(delivery: Delivery, geometry: Geometry, target: CRS, swap_xy: bool, repair: bool) -> Judged:
    """Judge the geometry of all features and transform what is taken into `target`.

    Without `repair` an invalid or damaged geometry is refused, with it it is made valid (structure method: rings keep their role;
    collapsed parts fall away) and the change of its area is told. ImplausibleError where all features lie outside the area of
    either CRS, BadCRSError where no datum transformation is known. Memory: one copy of the coordinates.
    """
    shapes = np.asarray(delivery.frame.geometry.to_numpy(), object).copy()
    source = CRS.from_user_input(delivery.frame.crs)
    marks, notes = Marks(len(shapes)), list[Text]()
    if geometry == "none":
        marks.mark(~shapely.is_missing(shapes), "wrong_type")
        nothing = np.zeros(0)
        return Judged(
            shapes,
            marks,
            pd.DataFrame(
                {"row": np.zeros(0, np.intp), "reason": [], "area_before": nothing, "area_after": nothing, "change": nothing}
            ),
            (),
        )
    missing = shapely.is_missing(shapes)
    marks.mark(delivery.damaged & (missing | (not repair)), "damaged_geometry")
    marks.mark(missing, "no_geometry")
    marks.mark(shapely.is_empty(shapes), "empty_geometry")
    if geometry == "polygon":
        shapes = gather(shapes, marks.taken, delivery.driver, notes)
    kind = shapely.get_type_id(shapes)
    marks.mark(~np.isin(kind, TYPES[geometry]), "wrong_type", np.array([KINDS.get(k, "") for k in kind], object))
    coordinates, row = shapely.get_coordinates(shapes, return_index=True)
    marks.mark(np.bincount(row[~np.isfinite(coordinates).all(axis=1)], minlength=len(shapes)) > 0, "not_finite")
    if swap_xy:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
        notes.append(Text("x and y were exchanged as the mapping says", "已按映射交换 x、y"))
    locate(delivery.name, shapes, source, target, marks)
    before = shapes.copy()
    bad, fixed, why = validity(shapes, marks, repair)
    shapes[bad] = fixed
    damaged = np.flatnonzero(delivery.damaged & marks.taken)
    taken = np.flatnonzero(marks.taken)
    shapes[taken] = move(delivery.name, shapes[taken], source, target)
    reasons = pd.Series(why, bad, "str").reindex(np.union1d(bad, damaged), fill_value="Ring not closed")
    reasons = reasons[marks.taken[reasons.index]]
    repaired = reasons.index.to_numpy(np.intp)
    area = shapely.area(move(delivery.name, before[repaired], source, target))
    after = shapely.area(shapes[repaired])
    repairs = pd.DataFrame(
        {"row": repaired, "reason": reasons.to_numpy(), "area_before": area, "area_after": after, "change": after - area}
    )
    if not is_same(source, target):
        smooth(shapes, marks.taken, notes)
    return Judged(shapes, marks, repairs, tuple(notes))


KINDS = {
    -1: "", 0: "point", 1: "line", 2: "ring", 3: "polygon", 4: "points", 5: "lines", 6: "polygons", 7: "collection",
}  # fmt: skip


def gather(shapes: Shapes, taken: Mask, driver: str, notes: list[Text]) -> Shapes:
    """Make polygons of collections that hold nothing else (KML), and of closed lines of a drawing, with a note."""
    kind = shapely.get_type_id(shapes)
    rows = np.flatnonzero(taken & (kind == 7))
    if rows.size:
        parts, owner = shapely.get_parts(shapes[rows], return_index=True)
        pure = np.bincount(owner[shapely.get_type_id(parts) != 3], minlength=rows.size) == 0
        keep = pure[owner]
        if keep.any():
            number = np.cumsum(pure) - 1
            shapes[rows[pure]] = shapely.multipolygons(parts[keep], indices=number[owner[keep]])
    rows = np.flatnonzero(taken & (kind == 1) & (driver == "DXF"))
    rows = rows[shapely.is_closed(shapes[rows]) & (shapely.get_num_coordinates(shapes[rows]) >= 4)]
    if rows.size:
        coordinates, owner = shapely.get_coordinates(shapes[rows], return_index=True)
        shapes[rows] = shapely.polygons(shapely.linearrings(coordinates, indices=owner))
        notes.append(Text(f"{rows.size} closed lines of the drawing were taken as polygons", f"{rows.size} 条闭合线按面导入"))
    return shapes


def locate(name: str, shapes: Shapes, source: CRS, target: CRS, marks: Marks) -> None:
    """Mark features outside the areas of the two CRSs; ImplausibleError with the likely cause where that is all of them."""
    rows = np.flatnonzero(marks.taken)
    if not rows.size:
        return
    box = shapely.bounds(shapes[rows])
    fine = plausible(box[:, :2], source, target) & plausible(box[:, 2:], source, target)
    if not fine.any():
        explain(name, box[:, :2], source, target)
    wide = source.is_geographic & fine & (box[:, 2] - box[:, 0] > 180)
    every = np.arange(len(shapes))
    marks.mark(np.isin(every, rows[wide]), "antimeridian")
    where = np.full(len(shapes), "", object)
    where[rows[~fine]] = [f"at {x:.6g}, {y:.6g}" for x, y in box[~fine, :2]]
    marks.mark(np.isin(every, rows[~fine]), "outside_crs", where)


def validity(shapes: Shapes, marks: Marks, repair: bool) -> tuple[NDArray[np.intp], Shapes, list[str]]:
    """Mark features without extent and, unless they are repaired, invalid ones; gives repaired rows, shapes and reasons."""
    rows = np.flatnonzero(marks.taken)
    rows = rows[~shapely.is_valid(shapes[rows])]
    fixed = shapely.make_valid(shapes[rows], method="structure", keep_collapsed=False)
    area = np.isin(shapely.get_type_id(shapes[rows]), TYPES["polygon"])
    nothing = np.where(area, shapely.area(fixed), shapely.length(fixed)) == 0
    every = np.arange(len(shapes))
    marks.mark(np.isin(every, rows[nothing & area]), "zero_area")
    marks.mark(np.isin(every, rows[nothing & ~area]), "zero_length")
    open_ = ~nothing
    why = [str(w) for w in shapely.is_valid_reason(shapes[rows[open_]])]
    if not repair:
        detail = np.full(len(shapes), "", object)
        detail[rows[open_]] = why
        marks.mark(np.isin(every, rows[open_]), "invalid_geometry", detail)
        return rows[:0], fixed[:0], []
    return rows[open_], fixed[open_], why


def move(name: str, shapes: Shapes, source: CRS, target: CRS) -> Shapes:
    """Transform shapes as `geo.crs.transform`; its refusals become those of an import."""
    try:
        return transform(shapes, source, target)
    except DatumShiftError as error:
        raise BadCRSError(
            f"{name} cannot be brought into {target.name}: {error.en}", f"{name} 无法转换到 {target.name}:{error.zh}"
        ) from error
    except ImplausibleCoordinatesError as error:
        raise ImplausibleError(
            f"{name} cannot be brought into {target.name}: {error.en}", f"{name} 无法转换到 {target.name}:{error.zh}"
        ) from error


def smooth(shapes: Shapes, taken: Mask, notes: list[Text]) -> None:
    """Make valid what only the rounding of the transformation made invalid, with a note."""
    rows = np.flatnonzero(taken)
    rows = rows[~shapely.is_valid(shapes[rows])]
    if rows.size:
        shapes[rows] = shapely.make_valid(shapes[rows], method="structure", keep_collapsed=False)
        notes.append(
            Text(
                f"{rows.size} geometries were made valid after the rounding of the transformation",
                f"{rows.size} 个几何因转换取整而修正",
            )
        )
