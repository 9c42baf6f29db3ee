"""Findings of all plots in a GeoPackage: one attribute table, made anew each time, and what it was made from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from geo.compiled import pays
from layers.base import DType, arrays_of, tabled
from layers.overview import CELL, USED, Sums, added, parts, rows, sums
from layers.store import schema
from layers.store.base import AnyOf, ConflictError, DuplicateError, Findings, Marks, Progress, StoreError
from layers.store.connection import Connections
from layers.store.frames import CHUNK, cast, cells, column, is_cast, named
from layers.store.schema import quoted

SUMMED = "SELECT cell, state, status, plots, area FROM shudi_overview WHERE zoom = ? AND x = ? AND y = ?"
ADD = (
    "INSERT INTO shudi_overview VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (zoom, x, y, cell, state, status) "
    "DO UPDATE SET plots = shudi_overview.plots + excluded.plots, area = shudi_overview.area + excluded.area"
)
MANY = 2_000
"""From so many rows on pages pay for loading the kernel that writes them."""
EMPTIED = "DELETE FROM shudi_overview WHERE zoom = ? AND x = ? AND y = ? AND plots = 0"


def conform(findings: pd.DataFrame, types: Mapping[str, DType] | None = None) -> tuple[pd.DataFrame, dict[str, DType]]:
    """Give findings the five types that are stored, or those of `types`, indexed by parcel id; and tell the types.

    Booleans become flags, whole numbers integers, moments days, anything else that is no number text.
    """
    if findings.index.has_duplicates:
        raise twice(findings.index[findings.index.duplicated()].unique())
    taken = [str(c) for c in findings.columns if str(c).lower() in ("id", "fid")]
    if taken:
        raise StoreError(
            f"Findings have a column {taken[0]!r}, which the store needs for itself. Rename it.",
            f"评估结果中的列 {taken[0]!r} 为库所专用,请改名",
        )
    arrays = arrays_of(findings)
    types = dict(types) if types else {name: kind_of(findings[name]) for name in arrays}
    data = {n: a if is_cast(a, types[n]) else cast(pd.Series(a), types[n]).array for n, a in arrays.items()}
    return tabled(data, pd.Index(findings.index.astype("str"), name="id")), types


def twice(ids: Iterable[object]) -> DuplicateError:
    """Say that findings of some parcels came more than once."""
    some = named(ids)
    return DuplicateError(
        f"Findings of {some.en} occur twice. Give one row a parcel.", f"{some.zh} 的评估结果重复,请每宗地只给一行"
    )


def kind_of(values: pd.Series) -> DType:
    """Tell which of the five types a column is."""
    known = values.infer_objects() if values.dtype == object else values
    if pd.api.types.is_bool_dtype(known):
        return "flag"
    if pd.api.types.is_integer_dtype(known):
        return "integer"
    if pd.api.types.is_float_dtype(known):
        return "real"
    return "date" if pd.api.types.is_datetime64_any_dtype(known) else "text"


def nothing() -> pd.DataFrame:
    """Make the findings of no plot."""
    return pd.DataFrame(index=pd.Index([], dtype="str", name="id"))


NOTHING = nothing()
"""For who asks for the inputs of findings alone."""


def stream(findings: Findings) -> Iterator[pd.DataFrame]:
    """Give findings frame by frame."""
    yield from [findings] if isinstance(findings, pd.DataFrame) else findings


class Seen:
    """Sums findings up as they pass; memory grows with the cells of the map that have plots, some 50 bytes each."""

    def __init__(self) -> None:
        self._sums: list[Sums] = []

    def passing(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Pass findings on, and add up those that can be."""
        for frame in frames:
            self.see(frame)
            yield frame

    def see(self, frame: pd.DataFrame) -> None:
        """Add findings up, where they can be."""
        if set(USED) <= set(frame.columns):
            self._sums.append(sums(frame))

    def took(self, columns: Mapping[str, Any], values: Sequence[Sequence[Any]]) -> None:
        """Add up findings that come as cells, column by column."""
        if set(USED) <= set(columns):
            of = dict(zip(columns, values, strict=True))
            self.see(tabled({n: column(f"findings.{n}", columns[n], of[n]) for n in USED}, pd.RangeIndex(len(values[0]))))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """List the sums, row by row of the table."""
        return rows(added(self._sums))


def sum_up(connection: sqlite3.Connection, seen: Seen) -> None:
    """Keep the sums of all findings, inside the caller's transaction."""
    connection.execute(f"{schema.OVERVIEW} WITHOUT ROWID")
    connection.execute("DELETE FROM shudi_overview")
    connection.executemany("INSERT INTO shudi_overview VALUES (?, ?, ?, ?, ?, ?, ?, ?)", seen.rows())


def changed(before: pd.DataFrame, after: pd.DataFrame) -> tuple[list[tuple[Any, ...]], set[tuple[int, int, int]]]:
    """List what the sums change by where findings take the places of others, and the tiles that this concerns."""
    different = list(rows(added([sums(before, -1), sums(after)]))) if set(USED) <= set(before.columns) else []
    return different, {row[:3] for row in different}


def save(
    connections: Connections, findings: Findings, inputs: Mapping[str, Any], progress: Progress | None, marks: Marks | None = None
) -> None:
    """Replace the findings by others, which wait in a table of one connection's own until the last is there.

    Nobody else sees that table and no writer waits for it: the base is locked while it is copied at the end.
    """
    connections.may_write()
    with connections.lent() as c:
        try:
            seen = Seen()
            types = _stage(
                c, seen.passing(stream(findings)), progress, len(findings) if isinstance(findings, pd.DataFrame) else 0
            )
            for name, numbers, texts in marked(marks):
                c.execute("BEGIN")
                c.executemany(f"UPDATE staging.staged SET {quoted(name)} = ? WHERE fid = ?", zip(texts, numbers, strict=True))
                c.execute("COMMIT")
            with connections.writing("assess", c), _unwiped(c):
                _publish(c, types, inputs)
                sum_up(c, seen)
        finally:
            schema.drop_staged(c)


@contextmanager
def _unwiped(connection: sqlite3.Connection) -> Iterator[None]:
    """Let SQLite leave pages as they are that are freed inside and filled again: some builds of it write zeros over them first."""
    (wiped,) = connection.execute("PRAGMA main.secure_delete").fetchone()
    connection.execute("PRAGMA main.secure_delete = OFF")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA main.secure_delete = {wiped:d}")


def _stage(
    connection: sqlite3.Connection, findings: Iterable[pd.DataFrame], progress: Progress | None, total: int
) -> dict[str, DType]:
    """Put findings into the table in which they wait; tell their types, which the first frame has.

    Memory grows with a frame of the stream and CHUNK rows, packed or as Python objects; the table lies in a file of SQLite's for
    temporary things.
    """
    types: dict[str, DType] | None = None
    done = 0
    for frame in findings:
        typed, known = conform(frame, types)
        if types is None:
            types = known
            schema.staged_findings(connection, types)
        for start in range(0, len(typed), CHUNK):
            part = typed.iloc[start : start + CHUNK]
            _put(connection, part, types, done + 1)
            done += len(part)
            if progress is not None:
                progress(done, total)
    if types is None:
        schema.staged_findings(connection, {})
    return types or {}


def _put(connection: sqlite3.Connection, part: pd.DataFrame, types: Mapping[str, DType], first: int) -> None:
    """Put rows into the table in which they wait, numbered from `first` on: as pages, or value by value where those do not pay."""
    if pays(len(part), MANY):
        from layers.store import packed  # brings in numba

        if packed.insert(connection, "staging.staged", schema.staged_columns(types), first, part, types):
            return
    data = [cells(part[name], kind) for name, kind in types.items()]
    numbers = range(first, first + len(part))
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO staging.staged VALUES ({', '.join('?' * (len(types) + 2))})",
        zip(numbers, part.index.to_series().tolist(), *data, strict=True),
    )
    connection.execute("COMMIT")


def marked(marks: Marks | None) -> Iterator[tuple[str, list[int], list[str | None]]]:
    """Ask for what takes the place of texts that came: the column, the numbers of the plots from 1, the texts."""
    told = pd.DataFrame() if marks is None else marks()
    for name in told.columns if len(told) else ():
        yield str(name), (told.index.to_numpy() + 1).tolist(), cells(told[name], "text")


def _publish(connection: sqlite3.Connection, types: Mapping[str, DType], inputs: Mapping[str, Any]) -> None:
    """Replace the findings by those that were staged on the same connection, inside the caller's transaction."""
    schema.findings_table(connection, types)
    connection.execute("INSERT INTO main.findings SELECT * FROM staging.staged")
    schema.index_findings(connection)
    connection.execute(
        "INSERT OR REPLACE INTO shudi_findings VALUES (1, ?, ?)",
        (json.dumps(dict(inputs), ensure_ascii=False), json.dumps(types)),
    )


def matching(
    findings: pd.DataFrame, types: Mapping[str, DType], noted: Mapping[str, Any], expect: Mapping[str, Any]
) -> dict[str, DType]:
    """Give the types of stored findings in the order of others that shall take their places; both must have the same columns.

    ConflictError where the stored ones were not made from `expect`.
    """
    if dict(noted) != dict(expect):
        raise ConflictError(
            "somebody assessed the plots meanwhile, and nothing was stored; read the findings again",
            "其间已有他人完成评估,未存储任何结论,请重新读取",
        )
    if len(findings) and set(map(str, findings.columns)) != set(types):
        raise StoreError(
            "the findings have other columns than those stored; assess all plots again with --full",
            "结论的字段与已存结论不同,请用 --full 重新评估全部宗地",
        )
    return {str(name): types[str(name)] for name in findings.columns}


def update(
    connection: sqlite3.Connection,
    findings: pd.DataFrame,
    gone: Sequence[str],
    inputs: Mapping[str, Any],
    expect: Mapping[str, Any],
) -> None:
    """Replace the findings of some plots inside the caller's transaction; memory grows with them."""
    row = connection.execute("SELECT inputs, types FROM shudi_findings").fetchone()
    noted, known = (json.loads(row[0]), json.loads(row[1])) if row else ({}, {})
    types = matching(findings, known, noted, expect)
    before = load(connection, [*findings.index, *gone], USED)[0]
    connection.execute("DELETE FROM findings WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(gone)),))
    different, tiles = changed(before, findings if len(findings) else before.iloc[:0])
    connection.executemany(ADD, different)
    connection.executemany(EMPTIED, tiles)
    if len(findings):
        typed = conform(findings, types)[0]
        names = [quoted(name) for name in types]
        sql = (
            f"INSERT INTO findings ({', '.join(['id', *names])}) VALUES ({', '.join('?' * (len(names) + 1))}) "
            f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"
        )
        data = [cells(array, types[name]) for name, array in arrays_of(typed).items()]
        connection.executemany(sql, zip(typed.index.tolist(), *data, strict=True))
    connection.execute("UPDATE shudi_findings SET inputs = ?", (json.dumps(dict(inputs), ensure_ascii=False),))


def load(
    connection: sqlite3.Connection, ids: Sequence[str] | None, wanted: Sequence[str] | None = None, any_of: AnyOf | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read findings and what they were made from; both empty where nothing was assessed."""
    noted = connection.execute("SELECT inputs, types FROM shudi_findings").fetchone()
    if noted is None:
        return nothing(), {}
    if ids is not None and wanted is not None and not ids and not wanted:
        return NOTHING, json.loads(noted[0])
    types: dict[str, DType] = {k: v for k, v in json.loads(noted[1]).items() if wanted is None or k in wanted}
    sql = f"SELECT {', '.join(['id', *map(quoted, types)])} FROM findings"
    where, values = among(ids, any_of, "IN (SELECT value FROM json_each(?))")
    rows = connection.execute(f"{sql}{where} ORDER BY fid", list(map(json.dumps, values))).fetchall()
    return build(types, rows), json.loads(noted[0])


def among(ids: Sequence[str] | None, any_of: AnyOf | None, meets: str) -> tuple[str, list[list[str]]]:
    """Write the condition of `Store.findings`, and give its lists of values; `meets` says in SQL that a column has one of a list."""
    asked: list[AnyOf] = ([] if ids is None else [{"id": ids}]) + ([] if any_of is None else [any_of])
    each = [" OR ".join(f"{quoted(name)} {meets}" for name in names) for names in asked]
    where = f" WHERE {' AND '.join(f'({one})' for one in each)}" if each else ""
    return where, [[str(value) for value in given] for names in asked for given in names.values()]


def build(types: Mapping[str, DType], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Build the findings of rows of id and of the columns of `types`."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(types) + 1)
    data = {name: column(f"findings.{name}", kind, columns[k]) for k, (name, kind) in enumerate(types.items(), 1)}
    return tabled(data, pd.Index(columns[0], dtype="str", name="id"))


def overview(connection: sqlite3.Connection, zoom: int, x: int, y: int) -> pd.DataFrame | None:
    """Read the sums of a tile; None where what is stored was not summed up."""
    noted = connection.execute("SELECT types FROM shudi_findings").fetchone()
    if noted is None or CELL.name not in json.loads(noted[0]):
        return None
    return parts(connection.execute(SUMMED, (zoom, x, y)).fetchall())


def keep(connection: sqlite3.Connection, name: str, note: Mapping[str, Any], content: bytes) -> None:
    """Keep what takes long to derive again, inside the caller's transaction."""
    connection.execute(schema.KEPT)
    connection.execute("INSERT OR REPLACE INTO shudi_kept VALUES (?, ?, ?)", (name, json.dumps(dict(note)), content))


def kept(connection: sqlite3.Connection, name: str) -> tuple[dict[str, Any], bytes] | None:
    """Take what is kept under a name; None where nothing is, as in a base where nothing was kept yet."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'shudi_kept'").fetchone():
        return None
    row = connection.execute("SELECT note, content FROM shudi_kept WHERE name = ?", (name,)).fetchone()
    return (json.loads(row[0]), row[1]) if row else None
