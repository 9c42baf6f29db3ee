"""What a land base knew when: reading its history, undoing it, and the deliveries in force."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from layers.base import Edition, Field, Layer, framed, names
from layers.store import blobs
from layers.store.base import Box, Compare, Record, When
from layers.store.deliveries import in_force, stamp
from layers.store.frames import column, first, holds, meets, states
from layers.store.schema import quoted, rtree
from layers.table import Cells, Table

Query = tuple[str, list[Any]]
Rows = Sequence[Sequence[Any]]
Decode = Callable[[Sequence[bytes | None], str, str], NDArray[np.object_]]

MET = "r.minx <= ? AND r.maxx >= ? AND r.miny <= ? AND r.maxy >= ?"
"""Whether an envelope meets a box: east, west, north, south."""
END = 2**62
"""An entry of the history that never comes."""
MANY = 4_000
"""Features in a box from which on a page of them is found along the ids instead."""


class Later(NamedTuple):
    """What came after a moment: the first entry of the history, and the fids of features delivered since."""

    first: int
    fids: tuple[tuple[int, int], ...]


def first_after(connection: sqlite3.Connection, as_of: When) -> int | None:
    """Find the first entry of the history that was not known at a moment; None where all was.

    The last write stamped at or before the moment is the last that was known: the order is that of the writes, so a clock
    that was set back hides nothing that came before.
    """
    if isinstance(as_of, int):
        return as_of + 1 if as_of < last(connection) else None
    known = connection.execute(
        "SELECT first FROM shudi_writes WHERE at <= ? ORDER BY first DESC LIMIT 1", (stamp(as_of),)
    ).fetchone()
    sql = "SELECT first FROM shudi_writes WHERE first > ? ORDER BY first LIMIT 1"
    row = connection.execute(sql, (known[0] if known else 0,)).fetchone()
    return None if row is None else int(row[0])


def later(connection: sqlite3.Connection, layer: str, as_of: When | None) -> Later | None:
    """Find what came to a layer after a moment; None where nothing did."""
    first = None if as_of is None else first_after(connection, as_of)
    if first is None:
        return None
    sql = "SELECT first_fid, last_fid FROM editions WHERE layer = ? AND seq >= ? AND first_fid <= last_fid"
    return Later(first, tuple(connection.execute(sql, (layer, first))))


class Asked(NamedTuple):
    """Which features are asked for: see `layers.store.base.Store.read`.

    `walk`: the box holds so many that the page is sooner found along the ids than by collecting and sorting what is in it.
    """

    box: Box | None = None
    ids: Sequence[str] | None = None
    where: Sequence[tuple[Field, Compare]] = ()
    after: str | None = None
    limit: int | None = None
    walk: bool = False

    @property
    def whole(self) -> Asked:
        """The same without conditions and limits."""
        return Asked(self.box, self.ids)


def rows(layer: Layer, fields: Sequence[Field], asked: Asked, since: Later | None = None) -> Query:
    """Ask for key, fields and geometry of features in the order of the key, as they were before `since`.

    The key is the fid, or the id where there is a limit. Features unchanged since come from the table, the others from the
    first entry that tells what they were before; of those no conditions or limits are asked.
    """
    key = "fid" if asked.limit is None else "id"
    columns = [f"t.{quoted(name)}" for name in (key, *(f.name for f in fields))]
    sql, values = stored([*columns, "t.geom" if layer.drawn else "NULL"], layer, asked, since)
    if since is not None:
        past, more = _undone(layer, fields, asked.ids, since)
        sql, values = f"{sql} UNION ALL {past}", values + more
    return f"{sql} ORDER BY 1" + ("" if asked.limit is None else f" LIMIT {asked.limit:d}"), values


def stored(columns: Sequence[str], layer: Layer, asked: Asked, since: Later | None = None) -> Query:
    """Ask for columns of features of the table."""
    sql = f"SELECT {', '.join(columns) or '1'} FROM "
    where: list[str] = []
    values: list[Any] = []
    table, tree = quoted(layer.name), rtree(layer.name)
    if not columns and asked == Asked(asked.box) and asked.box is not None and layer.drawn and since is None:
        sql += f"{tree} r"  # to count what is in a box takes nothing of the features
        where.append(MET)
        values += [float(asked.box[k]) for k in (2, 0, 3, 1)]
    elif asked.box is None or not layer.drawn:
        sql += f"{table} t"
        where += [] if asked.box is None else ["0"]
    else:
        sql += (
            f"{table} t CROSS JOIN {tree} r ON r.id = t.fid" if asked.walk else f"{tree} r CROSS JOIN {table} t ON t.fid = r.id"
        )
        where.append(MET)
        values += [float(asked.box[k]) for k in (2, 0, 3, 1)]
    if asked.ids is not None:
        where.append("t.id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps([str(i) for i in asked.ids]))
    if asked.after is not None:
        where.append("t.id > ?")
        values.append(asked.after)
    for field, compare in asked.where:
        told, more = condition(field, compare)
        where.append(told)
        values += more
    if since is not None:
        where.append(
            "NOT EXISTS (SELECT 1 FROM shudi_history h WHERE h.layer = ? AND h.id = t.id AND h.seq >= ? AND h.fid IS NOT NULL)"
        )
        values += [layer.name, since.first]
        where += ["t.fid NOT BETWEEN ? AND ?"] * len(since.fids)
        values += [fid for pair in since.fids for fid in pair]
    return (f"{sql} WHERE {' AND '.join(where)}" if where else sql), values


def condition(field: Field, compare: Compare) -> Query:
    """Write a condition of `read`; a time of day that another program wrote behind a day is left out."""
    column = f"t.{quoted(field.name)}"
    if compare.op in ("missing", "known"):
        return f"{column} IS {'' if compare.op == 'missing' else 'NOT '}NULL", []
    if field.dtype == "date":
        column = f"substr({column}, 1, 10)"
    if compare.op == "in":
        return f"{column} IN (SELECT value FROM json_each(?))", [json.dumps([_plain(v) for v in compare.value])]
    return f"{column} {compare.op} ?", [_plain(compare.value)]


def _plain(value: Any) -> Any:
    """Write a day as text."""
    return value.isoformat() if isinstance(value, date) else value


def _undone(layer: Layer, fields: Sequence[Field], ids: Sequence[str] | None, since: Later) -> Query:
    """Ask for features that changed since, as they were."""
    values: list[Any] = [f'$."{f.name}"' for f in fields] + [layer.name, since.first]
    only = ""
    if ids is not None:
        only = " AND id IN (SELECT value FROM json_each(?))"
        values.append(json.dumps([str(i) for i in ids]))
    picked = "".join("json_extract(h.before, ?), " for _ in fields)
    sql = (
        f"SELECT h.fid, {picked}h.geom FROM shudi_history h WHERE h.seq IN (SELECT min(seq) FROM shudi_history "
        f"WHERE layer = ? AND seq >= ? AND fid IS NOT NULL{only} GROUP BY id) AND h.before IS NOT NULL"
    )
    values += [fid for pair in since.fids for fid in pair]
    return sql + " AND h.fid NOT BETWEEN ? AND ?" * len(since.fids), values


def frame(layer: Layer, fields: Sequence[Field], found: Rows, crs: CRS, decode: Decode = blobs.decode) -> gpd.GeoDataFrame:
    """Build a frame of rows of fid, fields and geometry, which `decode` reads."""
    columns = list(zip(*found, strict=True)) if found else [()] * (len(fields) + 2)
    data = {f.name: column(f"{layer.name}.{f.name}", f.dtype, columns[k + 1]) for k, f in enumerate(fields)}
    return framed(data, decode(columns[-1], layer.geometry, layer.name), crs)


def table(layer: Layer, found: Rows, crs: CRS, box: Box) -> Table:
    """Build a table of those rows of fid, all fields and geometry whose envelopes meet the box."""
    shapes = blobs.decode([row[-1] for row in found], layer.geometry, layer.name)
    if not (met := meets(shapes, box)).all():
        found, shapes = [row for row, inside in zip(found, met.tolist(), strict=True) if inside], shapes[met]
    cells = list(zip(*found, strict=True)) if found else [()] * (len(layer.columns) + 2)
    make = {
        f.name: Cells(cells[k], partial(column, f"{layer.name}.{f.name}", f.dtype, light=True))
        for k, f in enumerate(layer.columns, 1)
    }
    return Table(make, shapes, crs)


def kept(then: gpd.GeoDataFrame, layer: Layer, asked: Asked, fields: Sequence[Field]) -> gpd.GeoDataFrame:
    """Keep of features as they were what is asked for; of the past no database asks, so memory grows with all that was read."""
    if asked.box is not None:
        then = then[meets(then.geometry.to_numpy(), asked.box)]
    then = then[holds(layer, then, [compare for _, compare in asked.where])]
    if asked.limit is not None:
        then = first(then, asked.after, asked.limit)
    return then[[*names(fields), "geometry"]].reset_index(drop=True)


def count(connection: sqlite3.Connection, layer: Layer, asked: Asked, most: int | None) -> int:
    """Count features of the table by the R-tree and conditions, not beyond `most`."""
    sql, values = stored((), layer, asked)
    bounded = sql if most is None else f"{sql} LIMIT {most:d}"
    found: int = connection.execute(f"SELECT count(*) FROM ({bounded})", values).fetchone()[0]
    return found


def planned(connection: sqlite3.Connection, layer: Layer, asked: Asked) -> Asked:
    """Choose how to find a page in a box: along the ids where the box holds many."""
    if asked.box is None or asked.limit is None or not layer.drawn:
        return asked
    return asked._replace(walk=count(connection, layer, asked, MANY) == MANY)


def editions(connection: sqlite3.Connection, layer: str | None, as_of: When | None) -> tuple[Edition, ...]:
    """List the deliveries in force at a moment, in the order of arrival."""
    first = None if as_of is None else first_after(connection, as_of)
    sql = "SELECT id, layer, source, date, geom, kinds, replaces FROM editions WHERE (?1 IS NULL OR layer = ?1) AND (?2 IS NULL OR seq < ?2)"
    return delivered(connection.execute(f"{sql} ORDER BY seq", (layer, first)).fetchall())


def delivered(found: Rows, decode: Decode = blobs.decode) -> tuple[Edition, ...]:
    """List the deliveries in force of rows of id, layer, source, date, coverage, kinds and replaces, in the order of arrival."""
    areas = decode([row[4] for row in found], "polygon", "editions")
    return in_force(
        (Edition(row[0], row[1], row[2], date.fromisoformat(row[3][:10]), area, tuple(json.loads(row[5]))), bool(row[6]))
        for row, area in zip(found, areas.tolist(), strict=True)
    )


@dataclass(slots=True)
class Step:
    """One step in the life of a feature: its entry, fid, and what it was before and after, as rows of the table."""

    seq: int
    fid: int
    before: Sequence[Any] | None
    after: Sequence[Any] | None = None


def records(connection: sqlite3.Connection, layer: Layer, id: str, crs: CRS) -> tuple[Record, ...]:
    """Tell the life of a feature, oldest first."""
    picked = "".join(f"json_extract(before, '$.\"{f.name}\"'), " for f in layer.columns)
    sql = f"SELECT seq, before IS NULL, fid, {picked}geom FROM shudi_history WHERE layer = ? AND id = ? AND fid IS NOT NULL ORDER BY seq"
    past = connection.execute(sql, (layer.name, id)).fetchall()
    current = connection.execute(*rows(layer, layer.columns, Asked(ids=[id]))).fetchall()
    steps = lived(past, current, lambda fid: _delivery(connection, layer.name, fid))
    return told(layer, id, steps, lambda seq: write_of(connection, seq), lambda known: frame(layer, layer.columns, known, crs))


def lived(past: Rows, current: Rows, delivery: Callable[[int], int | None]) -> list[Step]:
    """Put the steps of a feature's life together from its entries (seq, whether it was born, row) and its rows of now.

    A delivered feature has no entry of its own: where a fid turns up that no entry brought, `delivery` did.
    """
    steps: list[Step] = []
    for seq, born, *state in [*past, *((0, False, *row) for row in current)]:
        fid = state[0]
        if not born:
            last = steps[-1] if steps else None
            brought = delivery(fid) if last is None or last.fid != fid else None
            if brought is not None:
                steps.append(Step(brought, fid, None, state))
            elif last is not None:
                last.after = state
        if seq:
            steps.append(Step(seq, fid, None if born else state))
    return steps


def told(
    layer: Layer,
    id: str,
    steps: Sequence[Step],
    signed: Callable[[int], tuple[datetime, str, str]],
    build: Callable[[Rows], gpd.GeoDataFrame],
) -> tuple[Record, ...]:
    """Tell steps as records: `signed` says who made an entry, `build` makes a frame of rows."""
    known = [state for step in steps for state in (step.before, step.after) if state is not None]
    spoken = iter(states(build(known)))
    found = []
    for step in steps:
        at, actor, reason = signed(step.seq)
        before = None if step.before is None else next(spoken)
        after = None if step.after is None else next(spoken)
        found.append(Record(step.seq, at, layer.name, id, actor, reason, before, after))
    return tuple(found)


def _delivery(connection: sqlite3.Connection, layer: str, fid: int) -> int | None:
    """Find the entry of the delivery that brought a fid; None where no delivery did."""
    row = connection.execute(
        "SELECT seq FROM editions WHERE layer = ? AND ? BETWEEN first_fid AND last_fid", (layer, fid)
    ).fetchone()
    return None if row is None else int(row[0])


def last(connection: sqlite3.Connection) -> int:
    """Tell the number of the last entry; 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM shudi_history").fetchone()[0])


def write_of(connection: sqlite3.Connection, seq: int) -> tuple[datetime, str, str]:
    """Tell when, by whom and why an entry of the history was made."""
    sql = "SELECT at, actor, reason FROM shudi_writes WHERE first <= ? ORDER BY first DESC LIMIT 1"
    at, actor, reason = connection.execute(sql, (seq,)).fetchone()
    return datetime.fromisoformat(at), actor, reason


def versions(connection: sqlite3.Connection, layers: Iterable[str], as_of: When | None) -> dict[str, int]:
    """Tell the last entry of each layer; 0 where there is none."""
    end = (None if as_of is None else first_after(connection, as_of)) or END
    entry = "SELECT seq FROM shudi_history WHERE layer = value AND seq < ? ORDER BY seq DESC LIMIT 1"
    return dict(connection.execute(f"SELECT value, coalesce(({entry}), 0) FROM json_each(?)", (end, json.dumps(list(layers)))))
