"""Geometry blobs of the GeoPackage standard: a header with the envelope, then ISO WKB (OGC 12-128r18, 2.1.3)."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Mapping, Sequence
from operator import add
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from layers.store.base import StoreError

HEADER = np.dtype([("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs", "<i4"), ("envelope", "<f8", (4,))])
LITTLE, EMPTY, EXTENDED = 1, 16, 32
DOUBLES = (0, 4, 6, 6, 8)
"""Doubles of an envelope by its indicator: none, XY, XYZ, XYM, XYZM."""

START = tuple(8 + 8 * (DOUBLES[k] if (k := flags >> 1 & 7) < len(DOUBLES) else 0) for flags in range(256))
"""Where the WKB begins, by the header's flags."""

ONE = (b"\5\0\0\0\1\0\0\0", b"\6\0\0\0\1\0\0\0")
"""How the WKB of a collection of one line or one polygon goes on behind its byte order, where that is little-endian."""

MANY: Mapping[str, Callable[..., Any]] = {"polygon": shapely.multipolygons, "line": shapely.multilinestrings}


def collected(shapes: NDArray[np.object_], kind: str) -> NDArray[np.object_]:
    """Turn single parts into collections for a column of `kind` (polygon, line); those of any kind stay as they are."""
    if kind in MANY:
        shapes = shapes.copy()
        single = np.isin(shapely.get_type_id(shapes), (1, 3))
        shapes[single] = MANY[kind](shapes[single], indices=np.arange(single.sum()))
    return shapes


def encode(shapes: NDArray[np.object_], srs: int, kind: str) -> list[bytes | None]:
    """Encode shapes for a column of `kind` (polygon, line: stored as collections; any: as they are); None where missing."""
    shapes = collected(shapes, kind)
    empty = shapely.is_empty(shapes)
    head = np.zeros(len(shapes), HEADER)
    head["magic"], head["srs"] = b"GP", srs
    head["flags"] = np.where(empty, LITTLE | EMPTY, LITTLE | 1 << 1)
    head["envelope"] = shapely.bounds(shapes)[:, [0, 2, 1, 3]]
    heads = head.view(f"V{HEADER.itemsize}").tolist()
    for k in np.flatnonzero(empty):
        heads[k] = heads[k][:8]
    wkb = shapely.to_wkb(shapes, byte_order=1, flavor="iso")
    missing = shapely.is_missing(shapes)
    if missing.any():
        wkb[missing] = b""
        return [None if gone else h + w for gone, h, w in zip(missing.tolist(), heads, wkb.tolist(), strict=True)]
    return list(map(add, heads, wkb.tolist()))


def decode(blobs: Sequence[bytes | None], kind: str, where: str) -> NDArray[np.object_]:
    """Decode blobs of any writer, as `shapes` does WKB."""
    return shapes(blobs, kind, where, _only if kind in MANY else _body)


def shapes(blobs: Sequence[bytes | None], kind: str, where: str, body: Callable[[bytes], bytes] = bytes) -> NDArray[np.object_]:
    """Read WKB, the `body` of each blob; in columns of `kind` polygon or line a collection of one part becomes the part.

    StoreError names what is no geometry.
    """
    try:
        found = np.asarray(shapely.from_wkb([None if b is None else body(b) for b in blobs]), dtype=object)
    except (shapely.errors.ShapelyError, TypeError, ValueError, IndexError) as error:
        raise StoreError(
            f"{where} holds a geometry that cannot be read: {error}. Repair it in the program that wrote it.",
            f"{where} 有无法读取的几何:{error},请在写入它的程序中修复",
        ) from error
    if kind in MANY:
        type_ = shapely.get_type_id(found)
        single = ((type_ == 5) | (type_ == 6)) & (shapely.get_num_geometries(found) == 1)
        found[single] = shapely.get_geometry(found[single], 0)
    return found


def _body(blob: bytes) -> bytes:
    """Cut the header off."""
    if blob[:2] != b"GP" or blob[3] & EXTENDED:
        raise ValueError("no standard GeoPackage geometry")
    return blob[START[blob[3]] :]


def _only(blob: bytes) -> bytes:
    """Cut the header off, and that of a collection of one part."""
    body = _body(blob)
    return body[9:] if body[1:9] in ONE else body


def envelope(blob: bytes | None) -> tuple[float, float, float, float] | None:
    """Read xmin, xmax, ymin, ymax from the header, or from the coordinates where it has none; None where empty."""
    if blob is None or blob[:2] != b"GP" or blob[3] & EMPTY:
        return None
    if blob[3] >> 1 & 7:
        xmin, xmax, ymin, ymax = struct.unpack_from("<4d" if blob[3] & LITTLE else ">4d", blob, 8)
    else:
        xmin, ymin, xmax, ymax = shapely.bounds(shapely.from_wkb(_body(blob))).tolist()
    return None if np.isnan(xmin) else (xmin, xmax, ymin, ymax)


def register(connection: sqlite3.Connection) -> None:
    """Teach a connection the five functions that the standard's R-tree triggers call."""

    def edge(k: int) -> object:
        def of(blob: bytes | None) -> float | None:
            box = envelope(blob)
            return None if box is None else box[k]

        return of

    for k, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        connection.create_function(name, 1, edge(k), deterministic=True)  # type: ignore[arg-type]
    connection.create_function(
        "ST_IsEmpty", 1, lambda blob: None if blob is None else int(envelope(blob) is None), deterministic=True
    )
