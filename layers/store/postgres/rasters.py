"""Terrain in a PostGIS base: the tiles of `layers.store.rasters`, byte by byte, in one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from layers.store.base import Box, Record
from layers.store.postgres.history import fetch, write_of
from layers.store.postgres.pool import Connection
from layers.store.rasters import Window, cut_tiles, life, opened, paste, told, touched, unknown


def add(connection: Connection, rasters: pd.DataFrame, edition: str, seq: int) -> Iterator[None]:
    """Store rasters, yielding after each tile. DuplicateError names those that are stored already."""
    unknown(rasters, {row[0] for row in connection.execute("SELECT id FROM shudi_rasters WHERE retired IS NULL")})
    for id, grid in zip(rasters["id"], rasters["grid"], strict=True):
        t = grid.transform
        high, wide = grid.values.shape
        number = fetch(connection, "SELECT coalesce(max(fid), 0) + 1 FROM shudi_rasters")[0][0]
        connection.execute(
            "INSERT INTO shudi_rasters VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NULL)",
            (number, id, edition, wide, high, t.c, t.f, t.a, -t.e, seq),
        )
        with connection.cursor().copy("COPY shudi_tiles FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int4", "int4", "bytea"])
            for column, row, data in cut_tiles(grid):
                if data:
                    copy.write_row((number, column, row, data))
                yield


def read(
    connection: Connection,
    crs: CRS,
    box: Box | None,
    ids: Sequence[str] | None,
    columns: Sequence[str] | None,
    first: int | None,
) -> gpd.GeoDataFrame:
    """Read rasters, cut to the box, as they were before the entry `first` of the history."""
    chosen = None if ids is None else [str(i) for i in ids]
    sql = (
        "SELECT id, edition, fid, pixels_x, pixels_y, min_x, max_y, size_x, size_y FROM shudi_rasters WHERE "
        "CASE WHEN %(first)s::bigint IS NULL THEN retired IS NULL ELSE added < %(first)s AND coalesce(retired >= %(first)s, true) END "
        "AND (%(ids)s::text[] IS NULL OR id = ANY(%(ids)s)) ORDER BY fid"
    )
    stored = connection.execute(sql, {"first": first, "ids": chosen}, binary=True).fetchall()
    return opened(stored, crs, box, columns, lambda fid, w: _cells(connection, fid, w))


def _cells(connection: Connection, fid: int, w: Window) -> NDArray[np.float32]:
    """Read the cells of a window."""
    sql = (
        "SELECT tile_column, tile_row, data FROM shudi_tiles WHERE raster = %s AND tile_column BETWEEN %s AND %s "
        "AND tile_row BETWEEN %s AND %s"
    )
    return paste(w, fetch(connection, sql, (fid, *touched(w))))


def retire(connection: Connection, ids: Iterable[str] | None, seq: int) -> int:
    """Retire rasters, or all; gives their count. Their tiles stay, for reading the past."""
    chosen = None if ids is None else list(ids)
    sql = "UPDATE shudi_rasters SET retired = %s WHERE retired IS NULL AND (%s::text[] IS NULL OR id = ANY(%s))"
    return connection.execute(sql, (seq, chosen, chosen)).rowcount


def records(connection: Connection, id: str) -> tuple[Record, ...]:
    """Tell what happened to the rasters that bore an id, oldest first."""
    sql = "SELECT added, retired, edition, pixels_x, pixels_y, min_x, max_y, size_x, size_y FROM shudi_rasters WHERE id = %s ORDER BY fid"
    lives = [life(id, *row) for row in fetch(connection, sql, (id,))]
    return told(id, lives, lambda seq: write_of(connection, seq))
