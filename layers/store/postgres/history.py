"""What a PostGIS base knew when; the rules are those of `layers.store.history`, whose rows these queries give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
from pyproj import CRS

from layers.base import Edition, Field, Layer
from layers.catalogue import LAYERS
from layers.store import blobs
from layers.store.base import Compare, Record, When
from layers.store.deliveries import stamp
from layers.store.history import END, Asked, Later, Query, Rows, delivered, lived, told
from layers.store.history import frame as framed
from layers.store.postgres.pool import Connection
from layers.store.schema import quoted

POINTS = ' COLLATE "C"'
"""Lets text be ordered by code points, as Python and SQLite order it."""


def fetch(connection: Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Fetch all rows of a query, numbers as they are in the base."""
    return connection.execute(sql, values, binary=True).fetchall()


def first_after(connection: Connection, as_of: When) -> int | None:
    """Find the first entry of the history that was not known at a moment; None where all was."""
    if isinstance(as_of, int):
        return as_of + 1 if as_of < last(connection) else None
    sql = (
        "SELECT first FROM shudi_writes WHERE first > coalesce((SELECT first FROM shudi_writes WHERE at <= %s "
        "ORDER BY first DESC LIMIT 1), 0) ORDER BY first LIMIT 1"
    )
    row = connection.execute(sql, (stamp(as_of),)).fetchone()
    return None if row is None else int(row[0])


def later(connection: Connection, layer: str, as_of: When | None) -> Later | None:
    """Find what came to a layer after a moment; None where nothing did."""
    first = None if as_of is None else first_after(connection, as_of)
    if first is None:
        return None
    sql = "SELECT first_fid, last_fid FROM editions WHERE layer = %s AND seq >= %s AND first_fid <= last_fid"
    return Later(first, tuple(fetch(connection, sql, (layer, first))))


def rows(layer: Layer, fields: Sequence[Field], asked: Asked, since: Later | None = None) -> Query:
    """Ask for key, fields and geometry of features in the order of the key, as they were before `since`.

    The key is the fid, or the id where there is a limit.
    """
    key = "t.fid" if asked.limit is None else f"t.id{POINTS}"
    shape = "st_asbinary(t.geom, 'NDR')" if layer.drawn else "NULL::bytea"
    sql, values = stored(f"{key}{picked(fields, 't')}, {shape}", layer, asked, since)
    if since is not None:
        past, more = _undone(layer, fields, asked.ids, since)
        sql, values = f"{sql} UNION ALL {past}", values + more
    return f"{sql} ORDER BY 1" + ("" if asked.limit is None else f" LIMIT {asked.limit:d}"), values


def picked(fields: Sequence[Field], alias: str) -> str:
    """List columns as cells: days as ISO text, the rest as they are."""
    return "".join(f", {alias}.{quoted(f.name)}{'::text' if f.dtype == 'date' else ''}" for f in fields)


def stored(columns: str, layer: Layer, asked: Asked, since: Later | None = None) -> Query:
    """Ask for columns of features of the table."""
    where: list[str] = []
    values: list[Any] = []
    if asked.box is not None and not layer.drawn:
        where.append("false")
    elif asked.box is not None:
        where.append("t.geom && st_makeenvelope(%s, %s, %s, %s)")
        values += [float(v) for v in asked.box]
    if asked.ids is not None:
        where.append("t.id = ANY(%s)")
        values.append([str(i) for i in asked.ids])
    if asked.after is not None:
        where.append(f"t.id{POINTS} > %s")
        values.append(asked.after)
    for field, compare in asked.where:
        told, more = condition(field, compare)
        where.append(told)
        values += more
    if since is not None:
        where.append(
            "NOT EXISTS (SELECT 1 FROM shudi_history h WHERE h.layer = %s AND h.id = t.id AND h.seq >= %s AND h.fid IS NOT NULL)"
        )
        values += [layer.name, since.first]
        where += ["t.fid NOT BETWEEN %s AND %s"] * len(since.fids)
        values += [fid for pair in since.fids for fid in pair]
    sql = f"SELECT {columns} FROM {quoted(layer.name)} t"
    return (f"{sql} WHERE {' AND '.join(where)}" if where else sql), values


def condition(field: Field, compare: Compare) -> Query:
    """Write a condition of `read`."""
    column = f"t.{quoted(field.name)}{POINTS if field.dtype == 'text' else ''}"
    if compare.op in ("missing", "known"):
        return f"t.{quoted(field.name)} IS {'' if compare.op == 'missing' else 'NOT '}NULL", []
    cast = field.dtype if field.dtype in ("text", "date") else "float8"
    listed = list(compare.value) if compare.op == "in" else [compare.value]
    values = [float(v) for v in listed] if cast == "float8" else listed
    return (f"{column} = ANY(%s::{cast}[])", [values]) if compare.op == "in" else (f"{column} {compare.op} %s::{cast}", values)


def count(connection: Connection, layer: Layer, asked: Asked, most: int | None) -> int:
    """Count features of the table by its index and conditions, not beyond `most`."""
    sql, values = stored("1", layer, asked)
    bounded = sql if most is None else f"{sql} LIMIT {most:d}"
    return int(fetch(connection, f"SELECT count(*) FROM ({bounded}) found", values)[0][0])


def _undone(layer: Layer, fields: Sequence[Field], ids: Sequence[str] | None, since: Later) -> Query:
    """Ask for features that changed since, as they were."""
    values: list[Any] = [layer.name, since.first]
    only = ""
    if ids is not None:
        only = " AND id = ANY(%s)"
        values.append([str(i) for i in ids])
    sql = (
        f"SELECT h.fid{picked(fields, 'p')}, st_asbinary(h.geom, 'NDR') FROM shudi_history h, "
        f"json_populate_record(NULL::{quoted(layer.name)}, h.before) p WHERE h.seq IN (SELECT min(seq) FROM shudi_history "
        f"WHERE layer = %s AND seq >= %s AND fid IS NOT NULL{only} GROUP BY id) AND h.before IS NOT NULL"
    )
    values += [fid for pair in since.fids for fid in pair]
    return sql + " AND h.fid NOT BETWEEN %s AND %s" * len(since.fids), values


def frame(layer: Layer, fields: Sequence[Field], found: Rows, crs: CRS) -> gpd.GeoDataFrame:
    """Build a frame of rows of fid, fields and geometry."""
    return framed(layer, fields, found, crs, blobs.shapes)


def editions(connection: Connection, layer: str | None, as_of: When | None) -> tuple[Edition, ...]:
    """List the deliveries in force at a moment, in the order of arrival."""
    first = None if as_of is None else first_after(connection, as_of)
    sql = (
        "SELECT id, layer, source, date::text, st_asbinary(geom, 'NDR'), kinds, replaces FROM editions "
        "WHERE layer = coalesce(%s, layer) AND seq < coalesce(%s, seq + 1) ORDER BY seq"
    )
    return delivered(fetch(connection, sql, (layer, first)), blobs.shapes)


def records(connection: Connection, layer: Layer, id: str, crs: CRS) -> tuple[Record, ...]:
    """Tell the life of a feature, oldest first."""
    sql = (
        f"SELECT h.seq, h.before IS NULL, h.fid{picked(layer.columns, 'p')}, st_asbinary(h.geom, 'NDR') FROM shudi_history h "
        f"LEFT JOIN LATERAL json_populate_record(NULL::{quoted(layer.name)}, h.before) p ON h.before IS NOT NULL "
        "WHERE h.layer = %s AND h.id = %s AND h.fid IS NOT NULL ORDER BY h.seq"
    )
    past = fetch(connection, sql, (layer.name, id))
    current = fetch(connection, *rows(layer, layer.columns, Asked(ids=[id])))
    steps = lived(past, current, lambda fid: _delivery(connection, layer.name, fid))
    return told(layer, id, steps, lambda seq: write_of(connection, seq), lambda known: frame(layer, layer.columns, known, crs))


def _delivery(connection: Connection, layer: str, fid: int) -> int | None:
    """Find the entry of the delivery that brought a fid; None where no delivery did."""
    sql = "SELECT seq FROM editions WHERE layer = %s AND %s BETWEEN first_fid AND last_fid"
    row = connection.execute(sql, (layer, fid)).fetchone()
    return None if row is None else int(row[0])


def write_of(connection: Connection, seq: int) -> tuple[datetime, str, str]:
    """Tell when, by whom and why an entry of the history was made."""
    sql = "SELECT at, actor, reason FROM shudi_writes WHERE first <= %s ORDER BY first DESC LIMIT 1"
    row = connection.execute(sql, (seq,)).fetchone()
    assert row is not None  # no entry comes before its write
    at, actor, reason = row
    return at.astimezone(UTC), actor, reason


def versions(connection: Connection, as_of: When | None = None) -> dict[str, int]:
    """Tell the last entry of each layer; 0 where there is none."""
    end = (None if as_of is None else first_after(connection, as_of)) or END
    entry = "SELECT seq FROM shudi_history WHERE layer = n AND seq < %s ORDER BY seq DESC LIMIT 1"
    return dict(connection.execute(f"SELECT n, coalesce(({entry}), 0) FROM unnest(%s::text[]) n", (end, list(LAYERS))).fetchall())


def last(connection: Connection) -> int:
    """Tell the number of the last entry; 0 where there is none."""
    return int(fetch(connection, "SELECT coalesce(max(seq), 0) FROM shudi_history")[0][0])


def entered(connection: Connection) -> int:
    """Take the next number of the history for an entry."""
    return int(fetch(connection, "SELECT nextval('shudi_seq')")[0][0])


def coming(connection: Connection) -> int:
    """Tell which number the next entry of the history will have."""
    return int(fetch(connection, "SELECT last_value + is_called::integer FROM shudi_seq")[0][0])


def sign(connection: Connection, first: int, at: datetime, actor: str, reason: str) -> None:
    """Sign what was entered since `first`, if anything was."""
    connection.execute(
        "INSERT INTO shudi_writes SELECT %(first)s, %(at)s::timestamptz, %(actor)s, %(reason)s "
        "WHERE EXISTS (SELECT 1 FROM shudi_history WHERE seq >= %(first)s)",
        {"first": first, "at": stamp(at), "actor": actor, "reason": reason},
    )
