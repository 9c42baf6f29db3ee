"""All that a land base holds, table by table, in cells that a file and a database both take: numbers, text, days as ISO text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import DType
from layers.store import blobs, findings, rasters, schema
from layers.store.frames import CHUNK, cells, column
from layers.store.schema import VECTORS, quoted

Kind = DType | Literal["moment", "json", "bytes"]


class Table(NamedTuple):
    """One table: its columns in order, the first of them its key; `geometry` is the kind of its column `geom`, "" for none."""

    name: str
    columns: Mapping[str, Kind]
    geometry: str = ""


class Batch(NamedTuple):
    """Some rows of a table in the order of its key: cells by column, and shapes where the table has geometry."""

    table: Table
    cells: Sequence[Sequence[Any]]
    shapes: NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.cells[0])


WRITES = Table("shudi_writes", {"first": "integer", "at": "moment", "actor": "text", "reason": "text"})
HISTORY = Table(
    "shudi_history", {"seq": "integer", "layer": "text", "id": "text", "fid": "integer", "before": "json"}, geometry="any"
)
EDITIONS = Table(
    "editions",
    {
        "seq": "integer", "id": "text", "layer": "text", "source": "text", "date": "date", "kinds": "text", "replaces": "flag",
        "first_fid": "integer", "last_fid": "integer",
    },
    geometry="any",
)  # fmt: skip
RASTERS = Table(
    "shudi_rasters",
    {
        "fid": "integer", "id": "text", "edition": "text", "pixels_x": "integer", "pixels_y": "integer", "min_x": "real",
        "max_y": "real", "size_x": "real", "size_y": "real", "added": "integer", "retired": "integer",
    },
)  # fmt: skip
TILES = Table("shudi_tiles", {"raster": "integer", "tile_column": "integer", "tile_row": "integer", "data": "bytes"})
NOTED = Table("shudi_findings", {"one": "integer", "inputs": "json", "types": "json"})


def tables(types: str | None) -> list[Table]:
    """List the tables of a base whose findings have the columns of `types` (JSON); None where nothing was assessed."""
    layers = [
        Table(n, {"fid": "integer", **{f.name: f.dtype for f in y.columns}}, y.geometry if y.drawn else "")
        for n, y in VECTORS.items()
    ]
    found = [] if types is None else [Table("findings", {"fid": "integer", "id": "text", **json.loads(types)}), NOTED]
    return [WRITES, HISTORY, EDITIONS, *layers, RASTERS, TILES, *found]


def batch(table: Table, rows: Sequence[Sequence[Any]], shapes: NDArray[np.object_] | None = None) -> Batch:
    """Make a batch of rows of a database; StoreError where another program wrote what a column does not hold."""
    found = []
    for (name, kind), values in zip(table.columns.items(), zip(*rows, strict=True), strict=False):
        if kind == "moment" or kind == "json" or kind == "bytes":
            found.append(list(values))
        else:
            found.append(cells(pd.Series(column(f"{table.name}.{name}", kind, values)), kind))
    return Batch(table, found, shapes)


def content(connection: sqlite3.Connection) -> Iterator[Batch]:
    """Read all that a GeoPackage holds, inside the caller's transaction; memory grows with CHUNK rows."""
    noted = connection.execute("SELECT types FROM shudi_findings").fetchone()
    for table in tables(noted and noted[0]):
        for rows in _rows(connection, table):
            shapes = blobs.decode([row[-1] for row in rows], "any", table.name) if table.geometry else None
            yield batch(table, rows, shapes)


def _rows(connection: sqlite3.Connection, table: Table) -> Iterator[list[Any]]:
    """Read the rows of a table in chunks, the geometry last."""
    if table is TILES:
        for fid, held in connection.execute("SELECT fid, table_name FROM shudi_rasters ORDER BY fid").fetchall():
            sql = f"SELECT {int(fid)}, tile_column, tile_row, tile_data FROM {quoted(held)} ORDER BY tile_row, tile_column"
            yield from _chunks(connection.execute(sql), CHUNK // 100)
        return
    names = [*map(quoted, table.columns), *(["geom"] if table.geometry else [])]
    yield from _chunks(connection.execute(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY 1"), CHUNK)


def _chunks(cursor: sqlite3.Cursor, size: int) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(size):
        yield rows


def count(connection: sqlite3.Connection) -> int:
    """Count the rows of all tables but the tiles."""
    noted = connection.execute("SELECT types FROM shudi_findings").fetchone()
    names = [table.name for table in tables(noted and noted[0]) if table is not TILES]
    return sum(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names)


def fill(connection: sqlite3.Connection, srs: int, batches: Iterable[Batch]) -> None:
    """Put all that a base held into an empty GeoPackage, inside the caller's transaction; memory grows with one batch."""
    births = {name: sql for layer in VECTORS.values() for name, sql in schema.birth_triggers(layer).items()}
    for name in births:
        connection.execute(f"DROP TRIGGER {quoted(name)}")
    connection.execute("UPDATE shudi_context SET inside = 1")
    seen = findings.Seen()
    for table, part in groupby(taken(batches, seen), key=lambda batch: batch.table):
        if table.name == "findings":
            schema.findings_table(connection, {k: v for k, v in list(table.columns.items())[2:]})
            schema.index_findings(connection)
        for one in part:
            _put(connection, srs, one)
    for row in connection.execute("SELECT fid FROM shudi_rasters ORDER BY fid").fetchall():
        rasters.announce(connection, row[0])
    for layer in VECTORS:
        schema.count_on(connection, layer)
    findings.sum_up(connection, seen)
    connection.execute("UPDATE shudi_context SET inside = 0")
    for sql in births.values():
        connection.execute(sql)


def taken(batches: Iterable[Batch], seen: findings.Seen) -> Iterator[Batch]:
    """Pass batches on, and sum up the findings among them."""
    for batch in batches:
        if batch.table.name == "findings":
            seen.took(batch.table.columns, batch.cells)
        yield batch


def _put(connection: sqlite3.Connection, srs: int, batch: Batch) -> None:
    """Insert one batch."""
    table = batch.table
    if table is RASTERS:
        for row in zip(*batch.cells, strict=True):
            rasters.shelve(connection, srs, *row)
    elif table is TILES:
        for raster, *tile in zip(*batch.cells, strict=True):
            rasters.put_tile(connection, raster, *tile)
    else:
        names = [*map(quoted, table.columns), *(["geom"] if table.geometry else [])]
        columns = list(batch.cells)
        if batch.shapes is not None:
            columns.append(blobs.encode(batch.shapes, srs, table.geometry))
        sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        connection.executemany(sql, zip(*columns, strict=True))
        if table.name in VECTORS and batch.shapes is not None:
            schema.place(connection, table.name, batch.cells[0], batch.shapes)
