"""Findings of all plots in a PostGIS base: one table of them, and what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import psycopg

from layers.base import DType, arrays_of
from layers.overview import CELL, USED, parts
from layers.store.base import AnyOf, Findings, Marks, Progress
from layers.store.findings import (
    ADD,
    EMPTIED,
    NOTHING,
    SUMMED,
    Seen,
    among,
    build,
    changed,
    conform,
    marked,
    matching,
    nothing,
    stream,
    twice,
)  # fmt: skip
from layers.store.frames import CHUNK, cells
from layers.store.postgres.history import fetch
from layers.store.postgres.pool import Connection
from layers.store.postgres.schema import TYPES, WIRE, wire
from layers.store.schema import OVERVIEW, quoted


def save(
    connection: Connection, findings: Findings, inputs: Mapping[str, Any], progress: Progress | None, marks: Marks | None = None
) -> None:
    """Replace the findings, inside the caller's transaction: until it ends readers see those of before.

    They take the places of the old ones, or those in a table of their own where their columns are others. Memory grows with a
    frame of the stream.
    """
    noted = fetch(connection, "SELECT types FROM shudi_findings")
    types: dict[str, DType] | None = None
    table, done, seen = "findings", 0, Seen()
    for frame in seen.passing(stream(findings)):
        typed, known = conform(frame, types)
        if types is None:
            types = known
            table = place(connection, types, json.loads(noted[0][0]) if noted else None)
        _fill(connection, table, typed, types, done)
        done += len(typed)
        if progress is not None and len(typed):
            progress(done, len(findings) if isinstance(findings, pd.DataFrame) else 0)
    if types is None:
        table = place(connection, {}, None)
    for name, numbers, texts in marked(marks):
        connection.execute(
            f"UPDATE {table} SET {quoted(name)} = told.text FROM unnest(%s::bigint[], %s::text[]) AS told (fid, text) "
            f"WHERE {table}.fid = told.fid",
            (numbers, texts),
        )
    if table != "findings":
        connection.execute("DROP TABLE IF EXISTS findings")
        connection.execute(f"ALTER TABLE {table} RENAME TO findings")
    connection.execute("DELETE FROM shudi_findings")
    said = json.dumps(dict(inputs), ensure_ascii=False), json.dumps(types or {})
    connection.execute("INSERT INTO shudi_findings VALUES (1, %s, %s)", said)
    sum_up(connection, seen)


def sum_up(connection: Connection, seen: Seen) -> None:
    """Keep the sums of all findings, inside the caller's transaction."""
    connection.execute(OVERVIEW)
    connection.execute("DELETE FROM shudi_overview")
    with connection.cursor().copy("COPY shudi_overview FROM STDIN") as copy:
        for row in seen.rows():
            copy.write_row(row)


def place(connection: Connection, types: Mapping[str, DType], old: Mapping[str, DType] | None) -> str:
    """Make the place for findings of some types and name it: the emptied table, or a new one."""
    if old == types:
        connection.execute("DELETE FROM findings")
        return "findings"
    columns = "".join(f", {quoted(name)} {TYPES[kind]}" for name, kind in types.items())
    connection.execute(f"CREATE TABLE findings_next (fid bigint PRIMARY KEY, id text NOT NULL UNIQUE{columns})")
    return "findings_next"


def _fill(connection: Connection, table: str, typed: pd.DataFrame, types: Mapping[str, DType], done: int) -> None:
    """Put a frame of findings into a table. DuplicateError where an id is there already."""
    for start in range(0, len(typed), CHUNK):
        part = typed.iloc[start : start + CHUNK]
        data = [wire(part[name], kind) for name, kind in types.items()]
        fids = range(done + start + 1, done + start + len(part) + 1)
        try:
            with connection.transaction(), connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "text", *(WIRE[kind] for kind in types.values())])
                for row in zip(fids, part.index.tolist(), *data, strict=True):
                    copy.write_row(row)
        except psycopg.errors.UniqueViolation as error:
            known = fetch(connection, f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY fid", (part.index.tolist(),))
            raise twice(row[0] for row in known) from error


def update(
    connection: Connection, findings: pd.DataFrame, gone: Sequence[str], inputs: Mapping[str, Any], expect: Mapping[str, Any]
) -> None:
    """Replace the findings of some plots inside the caller's transaction; memory grows with them."""
    rows = fetch(connection, "SELECT inputs, types FROM shudi_findings")
    noted, known = (json.loads(rows[0][0]), json.loads(rows[0][1])) if rows else ({}, {})
    types = matching(findings, known, noted, expect)
    before = load(connection, [*findings.index, *gone], USED)[0]
    connection.execute("DELETE FROM findings WHERE id = ANY(%s)", (list(gone),))
    different, tiles = changed(before, findings if len(findings) else before.iloc[:0])
    connection.cursor().executemany(ADD.replace("?", "%s"), different)
    connection.cursor().executemany(EMPTIED.replace("?", "%s"), tiles)
    if len(findings):
        typed = conform(findings, types)[0]
        names, last = [quoted(name) for name in types], fetch(connection, "SELECT coalesce(max(fid), 0) FROM findings")[0][0]
        sql = (
            f"INSERT INTO findings ({', '.join(['fid', 'id', *names])}) VALUES ({', '.join(['%s'] * (len(names) + 2))}) "
            f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
        )
        data = [cells(array, types[name]) for name, array in arrays_of(typed).items()]
        numbers = range(last + 1, last + len(typed) + 1)
        connection.cursor().executemany(sql, list(zip(numbers, typed.index.tolist(), *data, strict=True)))
    connection.execute("UPDATE shudi_findings SET inputs = %s", (json.dumps(dict(inputs), ensure_ascii=False),))


def overview(connection: Connection, zoom: int, x: int, y: int) -> pd.DataFrame | None:
    """Read the sums of a tile; None where what is stored was not summed up."""
    noted = fetch(connection, "SELECT types FROM shudi_findings")
    if not noted or CELL.name not in json.loads(noted[0][0]):
        return None
    return parts(fetch(connection, SUMMED.replace("?", "%s"), (zoom, x, y)))


def load(
    connection: Connection, ids: Sequence[str] | None, wanted: Sequence[str] | None = None, any_of: AnyOf | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read findings and what they were made from; both empty where nothing was assessed."""
    noted = fetch(connection, "SELECT inputs, types FROM shudi_findings")
    if not noted:
        return nothing(), {}
    if ids is not None and wanted is not None and not ids and not wanted:
        return NOTHING, json.loads(noted[0][0])
    types: dict[str, DType] = {k: v for k, v in json.loads(noted[0][1]).items() if wanted is None or k in wanted}
    picked = "".join(f", {quoted(name)}{'::text' if kind == 'date' else ''}" for name, kind in types.items())
    where, values = among(ids, any_of, "= ANY(%s)")
    return build(types, fetch(connection, f"SELECT id{picked} FROM findings{where} ORDER BY fid", values)), json.loads(
        noted[0][0]
    )
