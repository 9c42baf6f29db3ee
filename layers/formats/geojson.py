"""Features as GeoJSON (RFC 7946), or in another CRS by OGC API - Features, Part 2."""

from __future__ import annotations

import json
from collections.abc import Sequence

import geopandas as gpd
import shapely

from geo.crs import north_first, transform, turned
from layers.base import Field
from layers.store.frames import cells


def features(frame: gpd.GeoDataFrame, fields: Sequence[Field], crs: object) -> list[str]:
    """Write each feature as a JSON object with its number as `id`, coordinates in the order of `crs`'s authority.

    Days are ISO 8601, what is missing is null. Memory grows with the text, about twice the size of the answer.
    """
    shapes = transform(frame.geometry.to_numpy(), frame.crs, crs)
    places = shapely.to_geojson(turned(shapes) if north_first(crs) else shapes).tolist()
    there = [f for f in fields if f.name in frame.columns]
    columns = [cells(frame[f.name], f.dtype) for f in there]
    rows = [dict(zip([f.name for f in there], row, strict=True)) for row in zip(*columns, strict=True)]
    return [
        f'{{"type":"Feature","id":{json.dumps(row["id"], ensure_ascii=False)},"geometry":{place or "null"},'
        f'"properties":{json.dumps(row, ensure_ascii=False)}}}'
        for row, place in zip(rows, places, strict=True)
    ]
