"""All that a PostGIS base holds, as `layers.store.content` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import shapely

from layers.store import blobs
from layers.store.blobs import collected
from layers.store.content import TILES, Batch, Kind, Table, batch, tables, taken
from layers.store.findings import Seen
from layers.store.frames import CHUNK
from layers.store.postgres.findings import place, sum_up
from layers.store.postgres.history import fetch
from layers.store.postgres.pool import Connection
from layers.store.schema import VECTORS, quoted

SAID: dict[Kind, str] = {
    "date": "{}::text",
    "json": "{}::text",
    "moment": """to_char({}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
}
"""How a column is asked for, where not as it is; the session's time zone is UTC."""


def content(connection: Connection) -> Iterator[Batch]:
    """Read all that a base holds, inside the caller's transaction; memory grows with CHUNK rows."""
    for table in _tables(connection):
        names = [SAID.get(kind, "{}").format(quoted(name)) for name, kind in table.columns.items()]
        names += ["st_asbinary(geom, 'NDR')"] if table.geometry else []
        order = "raster, tile_row, tile_column" if table is TILES else "1"
        with connection.cursor(name="content", binary=True) as cursor:
            cursor.execute(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order}")
            while rows := cursor.fetchmany(CHUNK // 100 if table is TILES else CHUNK):
                shapes = blobs.shapes([row[-1] for row in rows], "any", table.name) if table.geometry else None
                yield batch(table, rows, shapes)


def _tables(connection: Connection) -> list[Table]:
    noted = fetch(connection, "SELECT types FROM shudi_findings")
    return tables(noted[0][0] if noted else None)


def count(connection: Connection) -> int:
    """Count the rows of all tables but the tiles."""
    return sum(fetch(connection, f"SELECT count(*) FROM {t.name}")[0][0] for t in _tables(connection) if t is not TILES)


def fill(connection: Connection, srs: int, batches: Iterable[Batch]) -> None:
    """Put all that a base held into an empty one, inside the caller's transaction; memory grows with one batch."""
    connection.execute("SELECT set_config('shudi.writing', 'delivery', true)")
    seen = Seen()
    for table, part in groupby(taken(batches, seen), key=lambda batch: batch.table):
        if table.name == "findings":
            types = {k: v for k, v in list(table.columns.items())[2:]}
            place(connection, types, None)
            connection.execute("ALTER TABLE findings_next RENAME TO findings")
        names = [*map(quoted, table.columns), *(["geom"] if table.geometry else [])]
        with connection.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for one in part:
                columns = list(one.cells)
                if one.shapes is not None:
                    shapes = shapely.set_srid(collected(one.shapes, table.geometry), srs)
                    columns.append(shapely.to_wkb(shapes, hex=True, byte_order=1, flavor="extended", include_srid=True).tolist())
                for row in zip(*columns, strict=True):
                    copy.write_row(row)
    sum_up(connection, seen)
    _count_on(connection)


def _count_on(connection: Connection) -> None:
    """Let numbers of new features and entries go on behind all that was ever used, and let the planner look at the tables."""
    used = "SELECT greatest((SELECT max(seq) FROM shudi_history), (SELECT max(first) FROM shudi_writes), 0)"
    connection.execute(f"SELECT setval('shudi_seq', ({used}) + 1, false)")
    for layer in VECTORS:
        name = quoted(layer)
        last = (
            f"SELECT greatest((SELECT max(fid) FROM {name}), (SELECT max(fid) FROM shudi_history WHERE layer = %(layer)s), "
            "(SELECT max(last_fid) FROM editions WHERE layer = %(layer)s), 0)"
        )
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'fid'), ({last}) + 1, false)", {"layer": layer})
        connection.execute(f"ANALYZE {name}")
