"""A delivery made ready for a layer: its fields, types, codes and CRS; every feature is taken or refused with a reason."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from geo.crs import is_same
from layers.base import PANDAS, Codes, Field, Layer, Text
from layers.codes import PLANNING_2023, SURVEY_GTDC
from layers.formats import vector
from layers.formats.errors import FormatError, MappingError, UnreadableError
from layers.formats.mapping import Mapping, Source, resolve
from layers.formats.place import moved_by
from layers.formats.shapes import REASONS, Judged, Marks, judge
from layers.formats.values import code, convert, text, translate
from layers.formats.vector import Delivery

CLASSIFICATIONS: Dict[str, Codes] = {"planning_2023": PLANNING_2023, "survey_gtdc": SURVEY_GTDC}
"""Code lists that hold where the feature's code_system names them; codes of other systems are taken as they are."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery ready to be stored: len(features) + len(rejects) is the number of features of the source.

    features: the layer's columns but `edition`, typed, in the base's CRS. rejects: number (1 is the source's first feature), id,
    reason, detail, en, zh, geometry as in the source but in EPSG:4326, None where it has no place. repairs: number, id, reason,
    area_before, area_after, change [m2]. mapping: the source of each field.
    """

    features: gpd.GeoDataFrame
    rejects: gpd.GeoDataFrame
    repairs: pd.DataFrame
    mapping: tuple[Source, ...]
    notes: tuple[Text, ...]

    @property
    def summary(self) -> pd.DataFrame:
        """Count the rejects by reason: reason, en, zh, features, first (number of the first)."""
        counted = self.rejects.groupby(["reason", "en", "zh"], sort=False)["number"]
        counts: pd.DataFrame = counted.agg(features="size", first="min").reset_index()
        return counts


def prepare(delivery: Delivery, layer: Layer, mapping: Mapping, target_crs: str, repair: bool = False) -> Prepared:
    """Turn what a file holds into features of a layer; what does not fit is listed, never bent and never lost.

    Each refused feature has the first reason found, of its geometry, then of its values, then of its number. Features without
    numbers get them by row, with a note. Raises MappingError, ImplausibleError or BadCRSError where nothing could be right.
    Vectorised over features; memory grows with the delivery, by about one copy of it.
    """
    frame = delivery.frame.reset_index(drop=True)
    judged = judge(delivery, layer.geometry, CRS.from_user_input(target_crs), mapping.swap_xy, repair)
    notes = [*delivery.notes, *judged.notes]
    if not is_same(delivery.frame.crs, target_crs):
        notes.append(moved_by(delivery.frame.crs, CRS.from_user_input(target_crs)))
    sources = numbered(resolve(mapping, layer, frame), layer, notes)
    columns = assemble(frame, layer, sources, judged.marks)
    taken = judged.marks.taken
    again = columns.loc[taken, "id"].duplicated()
    repeated = np.zeros(len(frame), bool)
    repeated[np.flatnonzero(taken)[again.to_numpy(bool)]] = True
    judged.marks.mark(repeated, "duplicate_id", columns["id"].to_numpy(object))
    taken = judged.marks.taken
    features = gpd.GeoDataFrame(columns[taken].reset_index(drop=True), geometry=judged.shapes[taken], crs=target_crs)
    if layer.geometry != "none" and (same := alike(judged.shapes[taken])):
        notes.append(
            Text(f"{same} features lie exactly on an earlier one; they were kept", f"{same} 个要素与前面的几何相同,均已保留")
        )
    return Prepared(
        features, refused(delivery, columns["id"], judged.marks), repaired(judged, columns["id"]), sources, tuple(notes)
    )


def numbered(sources: tuple[Source, ...], layer: Layer, notes: list[Text]) -> tuple[Source, ...]:
    """See that all required fields have a source; numbers by row where the delivery has none."""
    have = {s.field for s in sources}
    if "id" not in have:
        notes.append(
            Text(
                f"no column gives numbers: they are made by row, {layer.name}-000001 and so on; --map id=COLUMN names one",
                f"没有编号字段:按行号生成 {layer.name}-000001 等;可用 --map id=字段 指定",
            )
        )
        sources = (Source("id", template=f"{layer.name}-{{row}}", by="row"), *sources)
    lacking = [f for f in layer.columns if f.required and f.name not in have and f.name != "id"]
    if lacking:
        name = lacking[0].name
        codes = list(lacking[0].codes or {})[:12]
        among = Text(f", one of {', '.join(codes)}", f"({'、'.join(codes)} 之一)") if codes else Text("", "")
        raise MappingError(
            f"the layer {layer.name} needs {name}{among.en}: give --map {name}=COLUMN or --map {name}:=VALUE",
            f"图层 {layer.name} 需要 {name}{among.zh}:请用 --map {name}=字段 或 --map {name}:=值 给出",
        )
    return sources


def assemble(frame: gpd.GeoDataFrame, layer: Layer, sources: tuple[Source, ...], marks: Marks) -> pd.DataFrame:
    """Make the layer's columns of all features, marking those with values that are missing or do not fit."""
    by_field = {s.field: s for s in sources}
    columns = pd.DataFrame(index=frame.index)
    for field in layer.columns:
        if field.name == "edition":
            continue
        if field.name not in by_field:
            columns[field.name] = pd.Series(None, frame.index, dtype=PANDAS[field.dtype])
            continue
        source = by_field[field.name]
        raw = values(frame, source)
        raw = translate(raw, source.translation) if source.translation else raw
        column, bad = convert(raw, field, source.scale, source.format)
        marks.mark(bad, "unreadable_value", details(field, raw, bad))
        if field.codes is not None:
            before = column
            column, bad = coded(column, field.codes, columns.get("code_system"))
            marks.mark(bad, "unknown_code", details(field, before, bad))
        if field.required:
            marks.mark(column.isna().to_numpy(bool), "missing_value", field.name)
        columns[field.name] = column
    return columns


def values(frame: gpd.GeoDataFrame, source: Source) -> pd.Series:
    """Take the values of one field from the source: a column, a constant, or a template filled in."""
    if source.column is not None:
        found: pd.Series = frame[source.column]
        return found
    if source.template is None:
        return pd.Series([source.constant] * len(frame), frame.index)
    result = pd.Series("", frame.index, "str")
    row = pd.Series(np.arange(1, len(frame) + 1), frame.index).astype("str").str.zfill(6)
    for k, piece in enumerate(re.split(r"{([^{}]*)}", source.template)):
        result = result + (piece if k % 2 == 0 else row if piece == "row" else text(by_name(frame, piece)))
    return result


def by_name(frame: gpd.GeoDataFrame, name: str) -> pd.Series:
    """Take a column by its name in any case; the mapping has made sure that it is there."""
    found: pd.Series = frame[next(c for c in frame.columns if c == name or str(c).casefold() == name.casefold())]
    return found


def coded(column: pd.Series, own: Codes, system: pd.Series | None) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Hold values against a field's own code list, or against that of each feature's code system."""
    if system is None or own not in CLASSIFICATIONS.values():
        return code(column, own)
    result, wrong = column.copy(), np.zeros(len(column), bool)
    for name, codes in CLASSIFICATIONS.items():
        of = (system == name).to_numpy(bool)
        result[of], wrong[of] = code(column[of], codes)
    unstated = system.isna().to_numpy(bool)
    result[unstated], wrong[unstated] = code(column[unstated], own)
    return result, wrong


def details(field: Field, values: pd.Series, bad: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Write field and value for the features that are marked."""
    result = np.full(len(values), "", object)
    result[bad] = [f"{field.name}: {str(v)[:80]}" for v in values[bad]]
    return result


def alike(shapes: NDArray[np.object_]) -> int:
    """Count the features that have the geometry of an earlier one, whatever its direction and start."""
    box = pd.DataFrame(shapely.bounds(shapes))
    box["points"] = shapely.get_num_coordinates(shapes)
    maybe = shapes[box.duplicated(keep=False).to_numpy(bool)]
    return int(pd.Series(shapely.to_wkb(shapely.normalize(maybe))).duplicated().sum()) if len(maybe) else 0


@np.errstate(invalid="ignore", over="ignore")
def refused(delivery: Delivery, ids: pd.Series, marks: Marks) -> gpd.GeoDataFrame:
    """List the refused features with reason and place."""
    rows = np.flatnonzero(~marks.taken)
    reason = marks.reason[rows]
    shapes = np.asarray(delivery.frame.geometry.to_numpy(), object)[rows]
    placed = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    shapes[~placed] = None
    there = gpd.GeoSeries(shapes, crs=delivery.frame.crs).to_crs("EPSG:4326")
    there = there.where(np.isfinite(there.bounds).all(axis=1), None)
    return gpd.GeoDataFrame(
        {
            "number": rows + 1,
            "id": ids.iloc[rows].reset_index(drop=True).astype("str"),
            "reason": pd.Series(reason, dtype="str"),
            "detail": pd.Series(marks.detail[rows], dtype="str"),
            "en": pd.Series([REASONS[r].en for r in reason], dtype="str"),
            "zh": pd.Series([REASONS[r].zh for r in reason], dtype="str"),
        },
        geometry=there,
        crs="EPSG:4326",
    )


def repaired(judged: Judged, ids: pd.Series) -> pd.DataFrame:
    """List the repairs of the features that were taken."""
    repairs: pd.DataFrame = judged.repairs[judged.marks.taken[judged.repairs["row"].to_numpy(np.intp)]].reset_index(drop=True)
    rows = repairs.pop("row")
    repairs.insert(0, "number", rows + 1)
    repairs.insert(1, "id", ids.iloc[rows].reset_index(drop=True))
    return repairs


def write_rejects(rejects: gpd.GeoDataFrame, path: str | Path) -> None:
    """Write the refused features as GeoJSON in EPSG:4326; the file appears whole or not at all."""
    target = Path(path)
    part = target.with_name(f".{target.name}.part.geojson")
    try:
        with warnings.catch_warnings():
            # Places outside of the degrees are what is reported here, not a fault of the report.
            warnings.simplefilter("ignore")
            pyogrio.write_dataframe(rejects, part, driver="GeoJSON", RFC7946="NO", WRITE_BBOX="NO")
        os.replace(part, target)
    except (OSError, pyogrio.errors.DataSourceError) as error:
        raise FormatError(
            f"the list of rejects cannot be written to {target.name}: give a folder that can be written to",
            f"被拒要素清单无法写入 {target.name}:请给出可写的文件夹",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def coverage(said: str | None, target_crs: str, crs: str | None = None) -> BaseGeometry | None:
    """Read the area that a delivery claims to cover: a file of polygons, "xmin,ymin,xmax,ymax" in the base's CRS, or "none".

    A file's polygons are united, in the base's CRS; None for "none" and for nothing said. FormatError names what is wrong.
    """
    if said is None or said.strip().lower() in ("", "none"):
        return None
    if re.fullmatch(r"[-+\d.eE\s]+(,[-+\d.eE\s]+){3}", said):
        try:
            west, south, east, north = (float(n) for n in said.split(","))
        except ValueError as error:
            raise UnreadableError(
                f"the coverage {said!r} is no box: write xmin,ymin,xmax,ymax",
                f"覆盖范围 {said!r} 不是矩形:请写成 xmin,ymin,xmax,ymax",
            ) from error
        if not (west < east and south < north and np.isfinite([west, south, east, north]).all()):
            raise UnreadableError(
                f"the coverage {said!r} has no area: write xmin,ymin,xmax,ymax in the base's CRS",
                f"覆盖范围 {said!r} 没有面积:请按本库坐标系写成 xmin,ymin,xmax,ymax",
            )
        return shapely.box(west, south, east, north)
    delivery = vector.read(said, crs)
    judged = judge(delivery, "polygon", CRS.from_user_input(target_crs), False, repair=True)
    if not judged.marks.taken.all():
        row = int(np.flatnonzero(~judged.marks.taken)[0])
        why = REASONS[judged.marks.reason[row]]
        raise UnreadableError(
            f"{delivery.name} is no coverage: its feature {row + 1} is refused ({why.en}); repair it or leave it out",
            f"{delivery.name} 不能作为覆盖范围:第 {row + 1} 个要素被拒({why.zh}),请修复或去掉",
        )
    area: BaseGeometry = shapely.union_all(judged.shapes)
    return area
