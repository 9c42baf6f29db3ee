"""Whole collections to files, frame by frame: GeoJSON text sequences, FlatGeobuf and GeoParquet; memory grows with one frame.

Coordinates in FlatGeobuf and GeoParquet are east before north whatever their CRS, as these formats say; in GeoJSON they are in
the order of the CRS's authority.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from geo.crs import transform
from layers.base import DType, Field
from layers.formats.geojson import features
from layers.store.frames import cells

TYPES: Mapping[DType, pa.DataType] = {
    "text": pa.string(), "integer": pa.int64(), "real": pa.float64(), "date": pa.date32(), "flag": pa.bool_(),
}  # fmt: skip
Frames = Iterable[gpd.GeoDataFrame]


def sequence(frames: Frames, fields: Sequence[Field], crs: str, path: Path) -> None:
    """Write a GeoJSON text sequence (RFC 8142): each feature a line behind a record separator."""
    with path.open("w", encoding="utf-8") as out:
        for frame in frames:
            out.writelines(f"\x1e{feature}\n" for feature in features(frame, fields, crs))


def flatgeobuf(frames: Frames, fields: Sequence[Field], crs: str, path: Path) -> None:
    """Write FlatGeobuf without its index, which would need all features at once."""
    import pyogrio

    reader = pa.RecordBatchReader.from_batches(schema(fields), batches(frames, fields, crs))
    pyogrio.write_arrow(
        reader, path, driver="FlatGeobuf", geometry_name="geometry", geometry_type="Unknown", crs=crs,
        layer_options={"SPATIAL_INDEX": "NO"},
    )  # fmt: skip


def parquet(frames: Frames, fields: Sequence[Field], crs: str, path: Path) -> None:
    """Write GeoParquet 1.0.0, a row group a frame."""
    column = {"encoding": "WKB", "geometry_types": [], "crs": CRS.from_user_input(crs).to_json_dict()}
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    told = schema(fields).with_metadata({"geo": json.dumps(geo)})
    with pq.ParquetWriter(path, told, compression="zstd") as out:
        for batch in batches(frames, fields, crs):
            out.write_batch(batch.replace_schema_metadata(told.metadata))


FORMATS: Mapping[str, tuple[str, Callable[[Frames, Sequence[Field], str, Path], None]]] = {
    "geojsonseq": ("application/geo+json-seq", sequence),
    "fgb": ("application/flatgeobuf", flatgeobuf),
    "parquet": ("application/vnd.apache.parquet", parquet),
}
"""The media type and the writer of each format."""


def schema(fields: Sequence[Field]) -> pa.Schema:
    """Describe the columns and the geometry as WKB."""
    return pa.schema([*(pa.field(f.name, TYPES[f.dtype]) for f in fields), pa.field("geometry", pa.binary())])


def batches(frames: Frames, fields: Sequence[Field], crs: str) -> Iterator[pa.RecordBatch]:
    """Turn frames into Arrow."""
    told = schema(fields)
    for frame in frames:
        shapes = np.asarray(transform(frame.geometry.to_numpy(), frame.crs, crs), object)
        columns = [pa.array(dated(cells(frame[f.name], f.dtype), f.dtype), TYPES[f.dtype]) for f in fields]
        yield pa.record_batch([*columns, pa.array(shapely.to_wkb(shapes), pa.binary())], schema=told)


def dated(values: list[object], dtype: DType) -> object:
    """Read ISO days as days; other values as they are."""
    return np.array(values, "datetime64[D]") if dtype == "date" else values
