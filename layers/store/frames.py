"""Frames at the door of a store: checked and typed on the way in, built from rows on the way out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from layers.base import PANDAS, TEXT, DType, Field, Geometry, Layer, Text, arrays_of, framed, listed, names, texts
from layers.base import objects as texts_of
from layers.catalogue import LAYERS
from layers.store.base import Box, Compare, DuplicateError, StaleError, StoreError

CHUNK = 20_000
"""Features that are in memory at once as Python objects while a delivery is stored."""

SHAPES: Mapping[str, tuple[int, int]] = {"line": (1, 5), "polygon": (3, 6)}
"""GEOS type ids of one part and of many, for layers of one kind of geometry."""
DRAWN: Mapping[Geometry, str] = {"line": "线", "polygon": "面"}
TYPED: Mapping[DType, str] = {"text": "文本", "integer": "整数", "real": "实数", "date": "日期", "flag": "是否值"}
"""Kinds of geometry and types, in Chinese."""


def layer_of(name: str) -> Layer:
    """Find a layer; StoreError lists the names where there is none."""
    if name not in LAYERS:
        raise StoreError(
            f"There is no layer {name!r}. The layers are {', '.join(LAYERS)}.",
            f"没有图层 {name!r},现有图层为 {'、'.join(LAYERS)}",
        )
    return LAYERS[name]


def pick(layer: Layer, columns: Sequence[str] | None) -> tuple[Field, ...]:
    """Choose the fields of a layer by name, in the order asked; None is all. StoreError where one is unknown."""
    if columns is None:
        return layer.columns
    wanted = [c for c in columns if c != "geometry"]
    known = {f.name: f for f in layer.columns}
    for name in wanted:
        if name not in known:
            raise StoreError(
                f"{layer.name} has no column {name!r}. Its columns are {', '.join(known)}.",
                f"{layer.name} 没有字段 {name!r},现有字段为 {'、'.join(known)}",
            )
    return tuple(known[name] for name in wanted)


def named(values: Iterable[object]) -> Text:
    """Name up to five of many."""
    listed = [str(v) for v in values]
    if len(listed) <= 5:
        return Text(", ".join(listed), "、".join(listed))
    return Text(f"{', '.join(listed[:5])} and {len(listed) - 5} more", f"{'、'.join(listed[:5])} 等 {len(listed)} 个")


def gone(layer: str, ids: Iterable[object]) -> StaleError:
    """Say that features to remove are not there."""
    some = named(ids)
    return StaleError(
        f"{layer}: not all of {some.en} are there; somebody deleted them. Read the layer again.",
        f"{layer}:{some.zh} 不全在库中,已被他人删除,请重新读取该图层",
    )


def known(layer: str, ids: Iterable[object]) -> DuplicateError:
    """Say that features to bring are there already."""
    some = named(ids)
    return DuplicateError(
        f"{layer}: {some.en} are stored already. Replace the layer, or leave them out of the delivery.",
        f"{layer}:{some.zh} 已在库中,请替换该图层,或从交付中去掉",
    )


def fixed() -> StoreError:
    """Say that rasters are not edited."""
    return StoreError(
        "A raster cannot be edited. Deliver the new one with add and replace.", "栅格不能编辑,请用 add 和 replace 交付新的栅格"
    )


def conform(layer: Layer, frame: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    """Give a frame the layer's columns and types, numbered from 0; columns that it lacks become missing.

    Collections of a single part become that part, and polygons lose their heights. StoreError names the column or feature
    that does not fit, DuplicateError numbers that occur twice. No CRS, or another one than the base's, is refused.
    """
    _same_crs(layer, frame, crs)
    geometry = frame.active_geometry_name
    for name in frame.columns:
        if name != geometry and name not in names(layer.columns):
            raise StoreError(
                f"{layer.name} has no column {name!r}: drop it, or map it to {', '.join(names(layer.fields))}.",
                f"{layer.name} 没有字段 {name!r}:请去掉,或映射到 {'、'.join(names(layer.fields))}",
            )
    arrays = {name: array for name, array in arrays_of(frame).items() if name != geometry}
    data = {f.name: _typed(layer, f, arrays.get(f.name), len(frame)) for f in layer.columns}
    ids = listed(data["id"])
    nameless = np.flatnonzero([not id for id in texts_of(ids)])
    if len(nameless):
        raise StoreError(
            f"{layer.name}: row {nameless[0]} has no id. Give every feature a number of its own.",
            f"{layer.name}:行 {nameless[0]} 没有编号,请给每个要素唯一的编号",
        )
    twice = ids[ids.duplicated()]
    if len(twice):
        some = named(twice.unique())
        raise DuplicateError(
            f"{layer.name}: {some.en} occur twice. Give every feature a number of its own.",
            f"{layer.name}:{some.zh} 重复,请给每个要素唯一的编号",
        )
    return framed(data, _shapes(layer, frame, ids), crs)


def _same_crs(layer: Layer, frame: gpd.GeoDataFrame, crs: CRS) -> None:
    """Refuse a frame without geometry or in another CRS."""
    if frame.active_geometry_name is None:
        raise StoreError(
            f"{layer.name}: the frame has no geometry. Set it with set_geometry.",
            f"{layer.name}:数据框没有几何,请用 set_geometry 设定",
        )
    if frame.crs is None:
        raise StoreError(
            f"{layer.name}: the features have no CRS. Say which one they are in; the base is in {crs.to_string()}.",
            f"{layer.name}:要素没有坐标系,请说明;本库为 {crs.to_string()}",
        )
    if frame.crs is not crs and not frame.crs.equals(crs, ignore_axis_order=True):
        raise StoreError(
            f"{layer.name}: the features are in {frame.crs.to_string()}. Bring them into the base's {crs.to_string()}.",
            f"{layer.name}:要素在 {frame.crs.to_string()},请转换到本库的 {crs.to_string()}",
        )


def _typed(layer: Layer, field: Field, array: Any, count: int) -> Any:
    """Copy the array of a column, cast to its type; missing where there is none."""
    if array is None:
        return BUILD[field.dtype]([None] * count)
    try:
        return array.copy() if is_cast(array, field.dtype) else cast(pd.Series(array), field.dtype).array
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{layer.name}.{field.name} is no {field.dtype}: {error}. Correct the column.",
            f"{layer.name}.{field.name} 不是{TYPED[field.dtype]}:{error},请更正该列",
        ) from error


def cast(values: pd.Series, dtype: DType) -> pd.Series:
    """Cast values to the pandas type of a field; ValueError or TypeError where they do not fit."""
    kind: Any = PANDAS[dtype]
    if dtype == "date":
        days: pd.Series = pd.to_datetime(values).dt.normalize().astype(kind)
        return days
    numbers = pd.to_numeric(values) if dtype == "real" else values
    typed: pd.Series = numbers.astype(kind)
    return typed


def _shapes(layer: Layer, frame: gpd.GeoDataFrame, ids: pd.Series) -> NDArray[np.object_]:
    """Check the geometries of a frame, reduce collections of one part to it, drop heights of polygons."""
    shapes = np.array(frame.geometry.to_numpy(), dtype=object)
    bounds = shapely.bounds(shapes)
    present = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    broken = present & ~np.isfinite(bounds).all(axis=1)
    if broken.any():
        some = named(ids[broken])
        raise StoreError(
            f"{layer.name}: {some.en} have coordinates that are not numbers. Correct or drop them.",
            f"{layer.name}:{some.zh} 含有非数值坐标,请更正或去掉",
        )
    if layer.geometry == "none" and not shapely.is_missing(shapes).all():
        some = named(ids[~shapely.is_missing(shapes)])
        raise StoreError(
            f"{layer.name}: {some.en} have a geometry, and records have no place. Leave it out.",
            f"{layer.name}:{some.zh} 带有几何,而台账记录没有位置,请去掉",
        )
    if layer.geometry in SHAPES:
        one, many = SHAPES[layer.geometry]
        types = shapely.get_type_id(shapes)
        odd = present & ~np.isin(types, (one, many))
        if odd.any():
            kind, some = shapes[odd][0].geom_type, named(ids[odd])
            raise StoreError(
                f"{layer.name}: {some.en} are no {layer.geometry}s (the first is a {kind}). Convert or drop them.",
                f"{layer.name}:{some.zh} 不是{DRAWN[layer.geometry]}(首个为 {kind}),请转换或去掉",
            )
        single = (types == many) & (shapely.get_num_geometries(shapes) == 1)
        shapes[single] = shapely.get_geometry(shapes[single], 0)
    if layer.geometry == "polygon":
        high = shapely.has_z(shapes)
        shapes[high] = shapely.force_2d(shapes[high])
    return shapes


def chunks(layer: Layer, features: gpd.GeoDataFrame | Iterable[gpd.GeoDataFrame], crs: CRS) -> Iterator[gpd.GeoDataFrame]:
    """Cut a delivery, or a stream of frames, into checked frames of at most CHUNK features; one chunk is alive at a time."""
    for frame in [features] if isinstance(features, gpd.GeoDataFrame) else features:
        for start in range(0, len(frame), CHUNK):
            yield conform(layer, frame.iloc[start : start + CHUNK], crs)


def is_cast(values: Any, dtype: DType) -> bool:
    """Tell whether an array of a frame is what `cast` makes."""
    return bool(values.dtype == DTYPES[dtype]) and (dtype != "date" or _whole(np.asarray(values)))


def _whole(days: NDArray[np.datetime64]) -> bool:
    """Tell whether moments of seconds are days, or missing."""
    return bool((np.isnat(days) | (days.astype(np.int64) % 86_400 == 0)).all())


def cells(values: Any, dtype: DType) -> list[Any]:
    """Turn a typed column, or its array, into values for a database: None where missing, days as ISO text."""
    if dtype == "date":
        at, days = pd.factorize(np.asarray(values, "datetime64[s]"))  # days recur, and writing them is slow
        written = np.array([*np.datetime_as_string(days, unit="D").tolist(), None], object)
        return list(written[at])
    return plain(values)


def plain(values: Any) -> list[Any]:
    """List the values of a column, or of its array, None where missing."""
    if isinstance(values, np.ndarray):
        return [None if gap else value for value, gap in zip(values.tolist(), pd.isna(values).tolist(), strict=True)]
    if values.dtype == TEXT:
        return list(texts_of(values))
    listed: list[Any] = values.to_numpy(dtype=object, na_value=None).tolist()
    return listed


def _days(cells: Sequence[Any]) -> NDArray[np.datetime64]:
    """Read ISO days; a time of day is cut off."""
    return np.array([c[:10] if c else "NaT" for c in cells], dtype="datetime64[s]")


def _texts(cells: Sequence[Any]) -> Any:
    """Read texts; what another program wrote as a number becomes one."""
    try:
        return texts(cells)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pd.array(cells, dtype=TEXT)


DTYPES: Mapping[DType, Any] = {kind: pd.Series([], dtype=name).dtype for kind, name in PANDAS.items()}
BUILD: Mapping[DType, Callable[[Sequence[Any]], Any]] = {
    "text": _texts,
    "integer": lambda cells: pd.array(cells, dtype="Int64"),
    "real": lambda cells: np.array(cells, dtype=object).astype(np.float64),
    "date": _days,
    "flag": lambda cells: pd.arrays.BooleanArray(
        np.array([bool(c) for c in cells], bool), np.array([c is None for c in cells], bool)
    ),
}
"""From the cells of a database's column to an array of the field's pandas type."""


def objects(cells: Sequence[Any]) -> NDArray[np.object_]:
    """Take texts as objects, None where missing; what another program wrote as a number becomes a text."""
    found = np.empty(len(cells), object)
    told = set(map(type, cells)) <= {str, type(None)}
    found[:] = cells if told else [c if c is None or isinstance(c, str) else str(c) for c in cells]
    return found


def column(where: str, dtype: DType, values: Sequence[Any], light: bool = False) -> Any:
    """Build a typed array of database cells, `light`: of texts an array of objects.

    StoreError where another program wrote something else there.
    """
    try:
        return objects(values) if light and dtype == "text" else BUILD[dtype](values)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{where} holds what is no {dtype}: {error}. Correct it in the program that wrote it.",
            f"{where} 中有不是{TYPED[dtype]}的内容:{error},请在写入它的程序中更正",
        ) from error


def placed(array: Any, at: NDArray[np.intp], dtype: DType) -> Any:
    """Take the values of a typed column from some places, -1 being missing; None is a column that is not there."""
    if array is None:
        return BUILD[dtype]([None] * len(at))
    same = len(array) == len(at) and bool((at == np.arange(len(at))).all())
    return array if same else pd.api.extensions.take(array, at, allow_fill=True)


def meets(shapes: NDArray[np.object_], box: Box) -> NDArray[np.bool_]:
    """Tell which shapes have an envelope that meets the box; missing and empty ones have none."""
    xmin, ymin, xmax, ymax = box
    b = shapely.bounds(shapes)
    return (b[:, 0] <= xmax) & (b[:, 2] >= xmin) & (b[:, 1] <= ymax) & (b[:, 3] >= ymin)


RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "in": lambda values, wanted: pd.Series(values).isin(wanted).to_numpy(bool),
}  # fmt: skip


def comparable(layer: Layer, where: Sequence[Compare]) -> tuple[tuple[Field, Compare], ...]:
    """Find the fields of conditions. StoreError for a column that is unknown or of flags."""
    fields = pick(layer, [c.column for c in where])
    for field in fields:
        if field.dtype == "flag":
            raise StoreError(
                f"{layer.name}.{field.name} is a flag, which no condition compares. Read it and filter the frame.",
                f"{layer.name}.{field.name} 是是否值,不能作为条件,请读出后筛选",
            )
    return tuple(zip(fields, where, strict=True))


def holds(layer: Layer, frame: gpd.GeoDataFrame, where: Sequence[Compare]) -> NDArray[np.bool_]:
    """Tell for which features all conditions hold; what is missing meets none but "missing"."""
    keep = np.ones(len(frame), bool)
    for field, (_, op, value) in comparable(layer, where):
        known = np.array(frame[field.name].notna(), bool)
        if op in RELATIONS:
            values = frame[field.name][known].to_numpy("datetime64[s]" if field.dtype == "date" else object)
            wanted = np.array(value, values.dtype) if field.dtype == "date" else value
            known[known] = RELATIONS[op](values, wanted)
        keep &= ~known if op == "missing" else known
    return keep


def boxed(found: gpd.GeoDataFrame, box: Box | None, full: bool, more: Callable[[int], gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Drop what an index of single precision found too much; of a `full` page `more` reads as many behind it."""
    if box is None or (met := meets(found.geometry.to_numpy(), box)).all():
        return found
    inside = found[met].reset_index(drop=True)
    return pd.concat([inside, more(int((~met).sum()))], ignore_index=True) if full else inside


def first(frame: gpd.GeoDataFrame, after: str | None, limit: int) -> gpd.GeoDataFrame:
    """Keep the first `limit` features with ids beyond `after`, in the order of ids (code points)."""
    ids = frame["id"].to_numpy(object)
    order = np.argsort(ids, kind="stable")
    return frame.iloc[order if after is None else order[ids[order] > after]].head(limit)


def states(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Tell features as the history does: plain values by column, None where missing, the geometry as WKT."""
    fields = {f: frame[f] for f in frame.columns if f != "geometry"}
    data = {name: [_day(v) for v in plain(values)] for name, values in fields.items()}
    data["geometry"] = shapely.to_wkt(frame.geometry.to_numpy(), rounding_precision=-1).tolist()
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


def _day(value: Any) -> Any:
    """Turn a value of an object column into a plain one; a moment becomes its day."""
    if value is pd.NaT:
        return None
    return date(value.year, value.month, value.day) if isinstance(value, pd.Timestamp) else value


def extent(features: gpd.GeoDataFrame) -> tuple[int, Box]:
    """Count features and bound their envelopes; zeros where there is none."""
    placed = not features.geometry.isna().all()
    west, south, east, north = features.total_bounds.tolist() if placed else (0.0, 0.0, 0.0, 0.0)
    return len(features), (west, south, east, north)
