"""Terrain in a GeoPackage: tiles of float32 by the extension for gridded coverages (OGC 17-066r1), one table a raster."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geo.raster import Grid
from layers.base import framed, texts
from layers.store.base import Box, DuplicateError, Record, StoreError
from layers.store.frames import fixed, gone, named
from layers.store.frames import known as already
from layers.store.history import last, write_of
from layers.store.schema import quoted

TILE = 256
STRIP = 64
"""Tiles beside each other that are read from a file at once: 16 MiB."""
NODATA = -9999.0
"""What a tile holds where nobody measured: SQLite and many readers of TIFF know no NaN."""

DOCUMENT = "http://docs.opengeospatial.org/is/17-066r1/17-066r1.html"
DDL = """
CREATE TABLE IF NOT EXISTS gpkg_tile_matrix_set (
  table_name TEXT NOT NULL PRIMARY KEY, srs_id INTEGER NOT NULL,
  min_x DOUBLE NOT NULL, min_y DOUBLE NOT NULL, max_x DOUBLE NOT NULL, max_y DOUBLE NOT NULL,
  CONSTRAINT fk_gtms_table_name FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gtms_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE IF NOT EXISTS gpkg_tile_matrix (
  table_name TEXT NOT NULL, zoom_level INTEGER NOT NULL, matrix_width INTEGER NOT NULL, matrix_height INTEGER NOT NULL,
  tile_width INTEGER NOT NULL, tile_height INTEGER NOT NULL, pixel_x_size DOUBLE NOT NULL, pixel_y_size DOUBLE NOT NULL,
  CONSTRAINT pk_ttm PRIMARY KEY (table_name, zoom_level),
  CONSTRAINT fk_tmm_table_name FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name));
CREATE TABLE IF NOT EXISTS gpkg_2d_gridded_coverage_ancillary (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, tile_matrix_set_name TEXT NOT NULL UNIQUE,
  datatype TEXT NOT NULL DEFAULT 'integer', scale REAL NOT NULL DEFAULT 1.0, offset REAL NOT NULL DEFAULT 0.0,
  precision REAL DEFAULT 1.0, data_null REAL, grid_cell_encoding TEXT DEFAULT 'grid-value-is-center', uom TEXT,
  field_name TEXT DEFAULT 'Height', quantity_definition TEXT DEFAULT 'Height',
  CONSTRAINT fk_g2dgtct_name FOREIGN KEY (tile_matrix_set_name) REFERENCES gpkg_tile_matrix_set (table_name),
  CHECK (datatype in ('integer', 'float')));
CREATE TABLE IF NOT EXISTS gpkg_2d_gridded_tile_ancillary (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, tpudt_name TEXT NOT NULL, tpudt_id INTEGER NOT NULL,
  scale REAL NOT NULL DEFAULT 1.0, offset REAL NOT NULL DEFAULT 0.0, min REAL, max REAL, mean REAL, std_dev REAL,
  CONSTRAINT fk_g2dgtat_name FOREIGN KEY (tpudt_name) REFERENCES gpkg_contents (table_name), UNIQUE (tpudt_name, tpudt_id));
"""


class Window(NamedTuple):
    """Rows and columns of a raster, the ends left out."""

    top: int
    bottom: int
    left: int
    right: int


def window(grid: Grid, box: Box | None) -> Window | None:
    """Find the cells of a grid that the box touches; None where there are none, all of them without a box."""
    return window_of(grid.transform, grid.values.shape[0], grid.values.shape[1], box)


def window_of(transform: Affine, rows: int, columns: int, box: Box | None) -> Window | None:
    """Find the cells that the box touches."""
    if box is None:
        return Window(0, rows, 0, columns)
    left, right = ((x - transform.c) / transform.a for x in (box[0], box[2]))
    top, bottom = ((y - transform.f) / transform.e for y in (box[3], box[1]))
    if right < 0 or bottom < 0 or left > columns or top > rows:
        return None
    first = min(max(math.floor(top), 0), rows - 1), min(max(math.floor(left), 0), columns - 1)
    return Window(
        first[0], max(min(math.ceil(bottom), rows), first[0] + 1), first[1], max(min(math.ceil(right), columns), first[1] + 1)
    )


def footprint(transform: Affine, w: Window) -> shapely.Polygon:
    """Draw the outline of a window of cells."""
    t = transform
    return shapely.box(t.c + w.left * t.a, t.f + w.bottom * t.e, t.c + w.right * t.a, t.f + w.top * t.e)


def cut(grid: Grid, w: Window) -> Grid:
    """Cut a window out of a grid; a view, not a copy."""
    moved = grid.transform @ Affine.translation(w.left, w.top)
    return Grid(grid.values[w.top : w.bottom, w.left : w.right], moved, grid.crs)


def conform(frame: pd.DataFrame, crs: CRS) -> pd.DataFrame:
    """Check a frame of rasters: `id` and `grid`, in the base's CRS. StoreError names what does not fit."""
    for name in ("id", "grid"):
        if name not in frame.columns:
            raise StoreError(
                f"terrain: the frame has no column {name!r}. Give one row a raster, with its id and its grid.",
                f"terrain:数据框没有列 {name!r},请每个栅格一行,含 id 和 grid",
            )
    ids = frame["id"].astype("str")
    if ids.isna().any():
        raise StoreError(
            "terrain: a raster has no id. Give every raster a number of its own.", "terrain:有栅格没有编号,请给每个栅格唯一的编号"
        )
    if ids.duplicated().any():
        twice = named(ids[ids.duplicated()])
        raise DuplicateError(
            f"terrain: {twice.en} occur twice. Give every raster a number of its own.",
            f"terrain:{twice.zh} 重复,请给每个栅格唯一的编号",
        )
    for id, grid in zip(ids, frame["grid"], strict=True):
        _check(id, grid, crs)
    return pd.DataFrame({"id": ids.to_numpy(), "grid": frame["grid"].to_numpy()})


def _check(id: str, grid: Grid, crs: CRS) -> None:
    """Refuse a grid of no cells or in another CRS."""
    if not grid.values.size:
        raise StoreError(f"terrain: the raster {id} has no cells. Leave it out.", f"terrain:栅格 {id} 没有像元,请去掉")
    if not CRS.from_user_input(grid.crs).equals(crs, ignore_axis_order=True):
        raise StoreError(
            f"terrain: the raster {id} is in {grid.crs}. Warp it into the base's {crs.to_string()}.",
            f"terrain:栅格 {id} 在 {grid.crs},请重投影到本库的 {crs.to_string()}",
        )


def frame(
    rows: Sequence[tuple[str, str, Grid | None, shapely.Geometry]], columns: Sequence[str] | None, crs: CRS
) -> gpd.GeoDataFrame:
    """Build the frame of rasters: id, edition, grid, footprint."""
    ids, editions, grids, shapes = zip(*rows, strict=True) if rows else ((), (), (), ())
    held = np.empty(len(rows), object)
    held[:] = grids
    data = {"id": texts(np.array(ids, object)), "edition": texts(np.array(editions, object)), "grid": held}
    return framed({c: data[c] for c in data if columns is None or c in columns}, np.array(shapes, object), crs)


def add(connection: sqlite3.Connection, rasters: pd.DataFrame, edition: str, srs: int, seq: int) -> Iterator[None]:
    """Store rasters, each in a table of its own; yields after each tile. DuplicateError names known ones."""
    unknown(rasters, {row[0] for row in connection.execute("SELECT id FROM shudi_rasters WHERE retired IS NULL")})
    for id, grid in zip(rasters["id"], rasters["grid"], strict=True):
        yield from _store(connection, id, grid, edition, srs, seq)


def unknown(rasters: pd.DataFrame, stored: Set[str]) -> None:
    """Pass rasters whose ids are not among those stored; DuplicateError names the others."""
    if known := sorted(stored & set(rasters["id"])):
        raise already("terrain", known)


def _extend(connection: sqlite3.Connection, table: str, column: str | None) -> None:
    """Announce the extension for a table once."""
    connection.execute(
        "INSERT INTO gpkg_extensions SELECT ?1, ?2, 'gpkg_2d_gridded_coverage', ?3, 'read-write' "
        "WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = ?1)",
        (table, column, DOCUMENT),
    )


def _store(connection: sqlite3.Connection, id: str, grid: Grid, edition: str, srs: int, seq: int) -> Iterator[None]:
    """Store one raster: what the standard says about it, its tiles, yielding after each."""
    t = grid.transform
    rows, columns = grid.values.shape
    number = connection.execute("SELECT coalesce(max(fid), 0) + 1 FROM shudi_rasters").fetchone()[0]
    shelve(connection, srs, number, id, edition, columns, rows, t.c, t.f, t.a, -t.e, seq, None)
    for x, y, data in cut_tiles(grid):
        if data:
            put_tile(connection, number, x, y, data)
        yield
    announce(connection, number)


def shelve(
    connection: sqlite3.Connection, srs: int, fid: int, id: str, edition: str, columns: int, rows: int,
    x: float, y: float, dx: float, dy: float, added: int, retired: int | None,
) -> None:  # fmt: skip
    """Make the table of a raster, and enter what the standard says about it."""
    for statement in DDL.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    for extended in ("gpkg_2d_gridded_coverage_ancillary", "gpkg_2d_gridded_tile_ancillary"):
        _extend(connection, extended, None)
    t, table = Affine(dx, 0.0, x, 0.0, -dy, y), f"terrain_{fid}"
    connection.execute(
        "INSERT INTO shudi_rasters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (fid, id, edition, table, columns, rows, x, y, dx, dy, added, retired),
    )
    connection.execute(
        f"CREATE TABLE {quoted(table)} (id INTEGER PRIMARY KEY AUTOINCREMENT, zoom_level INTEGER NOT NULL, tile_column INTEGER NOT NULL, "
        "tile_row INTEGER NOT NULL, tile_data BLOB NOT NULL, UNIQUE (zoom_level, tile_column, tile_row))"
    )
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id) "
        "VALUES (?, '2d-gridded-coverage', ?, ?, ?, ?, ?, ?, ?)",
        (table, f"Terrain 地形 {table} {id}", edition, *footprint(t, Window(0, rows, 0, columns)).bounds, srs),
    )
    wide, high = math.ceil(columns / TILE), math.ceil(rows / TILE)
    whole = footprint(t, Window(0, high * TILE, 0, wide * TILE)).bounds
    connection.execute("INSERT INTO gpkg_tile_matrix_set VALUES (?, ?, ?, ?, ?, ?)", (table, srs, *whole))
    connection.execute("INSERT INTO gpkg_tile_matrix VALUES (?, 0, ?, ?, ?, ?, ?, ?)", (table, wide, high, TILE, TILE, dx, dy))
    connection.execute(
        "INSERT INTO gpkg_2d_gridded_coverage_ancillary (tile_matrix_set_name, datatype, data_null, uom) VALUES (?, 'float', ?, 'm')",
        (table, NODATA),
    )
    _extend(connection, table, "tile_data")


def put_tile(connection: sqlite3.Connection, fid: int, column: int, row: int, data: bytes) -> None:
    """Store one tile of a raster."""
    sql = f"INSERT INTO {quoted(f'terrain_{fid}')} (zoom_level, tile_column, tile_row, tile_data) VALUES (0, ?, ?, ?)"
    connection.execute(sql, (column, row, data))


def announce(connection: sqlite3.Connection, fid: int) -> None:
    """Enter what the standard says about the tiles of a raster."""
    table = f"terrain_{fid}"
    connection.execute(
        f"INSERT INTO gpkg_2d_gridded_tile_ancillary (tpudt_name, tpudt_id) SELECT ?, id FROM {quoted(table)}", (table,)
    )


def encode(values: NDArray[np.float32]) -> bytes:
    """Write a tile as TIFF, filled up to its full size."""
    tile = np.full((TILE, TILE), NODATA, np.float32)
    tile[: values.shape[0], : values.shape[1]] = np.where(np.isnan(values), np.float32(NODATA), values)
    from rasterio.io import MemoryFile

    with MemoryFile() as memory:
        shape = {"width": TILE, "height": TILE, "count": 1, "dtype": "float32"}
        with memory.open(driver="GTiff", compress="lzw", transform=Affine.translation(1, 1), **shape) as out:
            out.write(tile, 1)
        return bytes(memory.read())


@lru_cache(256)
def decode(blob: bytes) -> NDArray[np.float32]:
    """Read a tile, NaN where nobody measured; the last ones are remembered (a quarter of a megabyte each): nobody may change them."""
    from rasterio.io import MemoryFile  # a fifth of a second, which land without terrain need not pay

    with MemoryFile(blob) as memory, memory.open() as tile:
        values = np.asarray(tile.read(1), np.float32)
    heights = np.where(values == np.float32(NODATA), np.float32(np.nan), values)
    heights.flags.writeable = False
    return heights


def paste(w: Window, tiles: Iterable[tuple[int, int, bytes]]) -> NDArray[np.float32]:
    """Put the cells of a window together from the tiles (column, row, TIFF) that it touches; NaN where there is none."""
    out = np.full((w.bottom - w.top, w.right - w.left), np.nan, np.float32)
    for column, row, blob in tiles:
        left, top = column * TILE, row * TILE
        rows, columns = slice(max(top, w.top), min(top + TILE, w.bottom)), slice(max(left, w.left), min(left + TILE, w.right))
        tile = decode(blob)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        out[rows.start - w.top : rows.stop - w.top, columns.start - w.left : columns.stop - w.left] = tile
    return out


def touched(w: Window) -> tuple[int, int, int, int]:
    """Tell the first and last column and the first and last row of the tiles that a window touches."""
    return w.left // TILE, (w.right - 1) // TILE, w.top // TILE, (w.bottom - 1) // TILE


def cut_tiles(grid: Grid) -> Iterator[tuple[int, int, bytes]]:
    """Cut a grid into tiles: column, row, TIFF, b"" where nobody measured; of a file a strip of STRIP tiles is read at once."""
    rows, columns = grid.values.shape
    for y in range(math.ceil(rows / TILE)):
        for start in range(0, math.ceil(columns / TILE), STRIP):
            strip = grid.values[y * TILE : (y + 1) * TILE, start * TILE : (start + STRIP) * TILE]
            for x in range(math.ceil(strip.shape[1] / TILE)):
                tile = strip[:, x * TILE : (x + 1) * TILE]
                yield start + x, y, b"" if np.isnan(tile).all() else encode(tile)


def count(rasters: pd.DataFrame) -> int:
    """Count the tiles of rasters."""
    return sum(math.prod(math.ceil(side / TILE) for side in grid.values.shape) for grid in rasters["grid"])


def _read(connection: sqlite3.Connection, table: str, w: Window) -> NDArray[np.float32]:
    """Read the cells of a window."""
    sql = (
        f"SELECT tile_column, tile_row, tile_data FROM {quoted(table)} WHERE zoom_level = 0 "
        "AND tile_column BETWEEN ? AND ? AND tile_row BETWEEN ? AND ?"
    )
    return paste(w, connection.execute(sql, touched(w)))


def read(
    connection: sqlite3.Connection,
    crs: CRS,
    box: Box | None,
    ids: Sequence[str] | None,
    columns: Sequence[str] | None,
    first: int | None,
) -> gpd.GeoDataFrame:
    """Read rasters, cut to the box, as they were before the entry `first` of the history."""
    sql = (
        "SELECT id, edition, table_name, pixels_x, pixels_y, min_x, max_y, size_x, size_y FROM shudi_rasters WHERE "
        "iif(?1 IS NULL, retired IS NULL, added < ?1 AND (retired IS NULL OR retired >= ?1)) "
        "AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2))) "
        "AND (?3 IS NULL OR min_x <= ?5 AND min_x + pixels_x * size_x >= ?3 AND max_y >= ?4 AND max_y - pixels_y * size_y <= ?6) "
        "ORDER BY fid"
    )
    chosen = None if ids is None else json.dumps([str(i) for i in ids])
    margin = 1.0  # of rounding: which cells a box touches is told below
    sides = (None,) * 4 if box is None else (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
    stored = connection.execute(sql, (first, chosen, *sides)).fetchall()
    return opened(stored, crs, box, columns, lambda table, w: _read(connection, table, w))


def opened(
    stored: Iterable[Sequence[Any]],
    crs: CRS,
    box: Box | None,
    columns: Sequence[str] | None,
    cells: Callable[[Any, Window], NDArray[np.float32]],
) -> gpd.GeoDataFrame:
    """Build the frame of stored rasters (id, edition, key, columns, rows, west, north, cell sizes), cut to the box.

    `cells` reads the window of a raster by its key.
    """
    found: list[tuple[str, str, Grid | None, shapely.Geometry]] = []
    named = crs.to_string()  # a millisecond
    for id, edition, key, wide, high, x, y, dx, dy in stored:
        transform = Affine(dx, 0.0, x, 0.0, -dy, y)
        w = window_of(transform, high, wide, box)
        if w is not None:
            grid = None
            if columns is None or "grid" in columns:
                grid = Grid(cells(key, w), transform @ Affine.translation(w.left, w.top), named)
            found.append((id, edition, grid, footprint(transform, w)))
    return frame(found, columns, crs)


def retire(connection: sqlite3.Connection, ids: Iterable[str] | None, seq: int) -> list[str]:
    """Retire rasters, or all; gives their ids. Their tiles stay, for reading the past."""
    chosen = None if ids is None else json.dumps(list(ids))
    where = "retired IS NULL AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))"
    gone = [
        row[0]
        for row in connection.execute(f"SELECT id FROM shudi_rasters WHERE {where.replace('?2', '?1')} ORDER BY fid", (chosen,))
    ]
    connection.execute(f"UPDATE shudi_rasters SET retired = ?1 WHERE {where}", (seq, chosen))
    return gone


def _lives(connection: sqlite3.Connection, id: str) -> list[tuple[int, int | None, dict[str, Any]]]:
    """Tell for each raster that bore an id the entries that brought and retired it, and what it was."""
    sql = "SELECT added, retired, edition, pixels_x, pixels_y, min_x, max_y, size_x, size_y FROM shudi_rasters WHERE id = ? ORDER BY fid"
    return [life(id, *row) for row in connection.execute(sql, (id,))]


def life(
    id: str, added: int, retired: int | None, edition: str, wide: int, high: int, x: float, y: float, dx: float, dy: float
) -> tuple[int, int | None, dict[str, Any]]:
    """Tell the entries that brought and retired a raster, and what it was."""
    shape = footprint(Affine(dx, 0.0, x, 0.0, -dy, y), Window(0, high, 0, wide))
    return added, retired, {"id": id, "edition": edition, "geometry": shapely.to_wkt(shape, rounding_precision=-1)}


def records(connection: sqlite3.Connection, id: str) -> tuple[Record, ...]:
    """Tell what happened to the rasters that bore an id, oldest first."""
    return told(id, _lives(connection, id), lambda seq: write_of(connection, seq))


def told(
    id: str, lives: Iterable[tuple[int, int | None, dict[str, Any]]], signed: Callable[[int], tuple[datetime, str, str]]
) -> tuple[Record, ...]:
    """Tell lives of rasters as records: `signed` says who made an entry."""
    found = []
    for added, retired, state in lives:
        for seq, before, after in ((added, None, state), (retired, state, None)):
            if seq is not None:
                at, actor, reason = signed(seq)
                found.append(Record(seq, at, "terrain", id, actor, reason, before, after))
    return tuple(found)


def edit(connection: sqlite3.Connection, put: pd.DataFrame | None, delete: Sequence[str]) -> None:
    """Retire rasters, each with an entry in the history."""
    if put is not None:
        raise fixed()
    for id in dict.fromkeys(delete):
        seq = last(connection) + 1
        if not retire(connection, [id], seq):
            raise gone("terrain", [id])
        connection.execute("INSERT INTO shudi_history (seq, layer, id) VALUES (?, 'terrain', ?)", (seq, id))
