"""Features as GeoJSON (RFC 7946), or in another CRS by OGC API - Features, Part 2."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring
from types import NoneType
from typing import Any

import geopandas as gpd
import shapely

from geo.crs import north_first, transform, turned
from layers.base import KEY, DType, Field, arrays_of
from layers.store.frames import cells
from layers.table import Table

ENCODE = json.JSONEncoder(ensure_ascii=False).encode
PLAIN: Mapping[DType, set[type]] = {
    "text": {str, NoneType}, "integer": {int, NoneType}, "real": {float, NoneType}, "date": {NoneType}, "flag": {NoneType},
}  # fmt: skip
"""Of which types the cells of a database's column are where they can be written as they are."""


def features(frame: gpd.GeoDataFrame | Table, fields: Sequence[Field], crs: object) -> list[str]:
    """Write each feature as a JSON object with its number as `id`, coordinates in the order of `crs`'s authority.

    Days are ISO 8601, what is missing is null. Memory grows with the text, about twice the size of the answer.
    """
    shapes = frame.moved(crs) if isinstance(frame, Table) else transform(frame.geometry.to_numpy(), frame.crs, crs)
    places = shapely.to_geojson(turned(shapes) if north_first(crs) else shapes).tolist()
    there = [f for f in fields if f.name in frame.columns]
    written = list(_columns(frame, there))
    ids = written[[f.name for f in there].index(KEY.name)]
    # One template for all rows: an encoder that is begun anew for each takes four times as long.
    keys = ",".join(ENCODE(f.name).replace("%", "%%") + ":%s" for f in there)
    template = f'{{"type":"Feature","id":%s,"geometry":%s,"properties":{{{keys}}}}}'
    return list(map(template.__mod__, zip(ids, (place or "null" for place in places), *written, strict=True)))


def _columns(frame: gpd.GeoDataFrame | Table, fields: Sequence[Field]) -> Iterator[list[str]]:
    """Write columns as JSON: where a table has the cells of its database still, from them, which spares arrays."""
    arrays = {} if isinstance(frame, Table) else arrays_of(frame)
    for f in fields:
        stored = frame.cells(f.name) if isinstance(frame, Table) else None
        if stored is not None and set(map(type, stored)) <= PLAIN.get(f.dtype, set()):
            yield _written(stored, f.dtype)
        else:
            yield _written(cells(arrays[f.name] if arrays else frame[f.name].array, f.dtype), f.dtype)


def _written(values: Sequence[Any], dtype: DType) -> list[str]:
    """Write the cells of a column as JSON; numbers all at once, for they hold no separator."""
    if dtype in ("text", "date"):
        return ["null" if value is None else encode_basestring(value) for value in values]
    return ENCODE(values)[1:-1].split(", ") if values else []
