"""What changed in a land base when: versions of features, who wrote, and which features a span of the history concerns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from layers.base import Layer
from layers.store.base import Conflict, Edit, When, Write, conflict
from layers.store.history import END, first_after, last, versions
from layers.store.schema import quoted


def stamps(connection: sqlite3.Connection, layer: Layer, ids: Sequence[str]) -> dict[str, int]:
    """Tell the versions of the features that are there: their last entry, or that of the delivery that brought them."""
    chosen = json.dumps([str(i) for i in ids])
    if layer.geometry == "raster":
        sql = "SELECT id, added FROM shudi_rasters WHERE retired IS NULL AND id IN (SELECT value FROM json_each(?))"
        return dict(connection.execute(sql, (chosen,)))
    own = "SELECT max(h.seq) FROM shudi_history h WHERE h.layer = ?1 AND h.id = t.id AND h.fid IS NOT NULL"
    brought = "SELECT max(e.seq) FROM editions e WHERE e.layer = ?1 AND t.fid BETWEEN e.first_fid AND e.last_fid"
    sql = (
        f"SELECT t.id, max(coalesce(({own}), 0), coalesce(({brought}), 0)) FROM {quoted(layer.name)} t "
        "WHERE t.id IN (SELECT value FROM json_each(?2))"
    )
    return dict(connection.execute(sql, (layer.name, chosen)))


def changed(connection: sqlite3.Connection, layer: Layer, since: When, until: When | None) -> tuple[str, ...]:
    """Name the features to which anything was done in a span of the history."""
    begin = first_after(connection, since) or END
    end = (None if until is None else first_after(connection, until)) or END
    span = "BETWEEN ?2 AND ?3 - 1"
    if layer.geometry == "raster":
        sql = f"SELECT DISTINCT id FROM shudi_rasters WHERE added {span} OR retired {span} AND ?1 = 'terrain' ORDER BY id"
    else:
        brought = f"JOIN editions e ON e.layer = ?1 AND e.seq {span} AND"
        sql = (
            f"SELECT id FROM shudi_history WHERE layer = ?1 AND seq {span} AND fid IS NOT NULL "
            f"UNION SELECT t.id FROM {quoted(layer.name)} t {brought} t.fid BETWEEN e.first_fid AND e.last_fid "
            f"UNION SELECT h.id FROM shudi_history h {brought} h.fid BETWEEN e.first_fid AND e.last_fid WHERE h.layer = ?1 "
            "ORDER BY 1"
        )
    return tuple(row[0] for row in connection.execute(sql, (layer.name, begin, end)))


def writes(connection: sqlite3.Connection, since: When, until: When | None, limit: int | None) -> tuple[Write, ...]:
    """Tell the writes that have entries in a span of the history, oldest first; of more than `limit` the newest."""
    begin = first_after(connection, since) or END
    end = (None if until is None else first_after(connection, until)) or END
    sql = (
        "SELECT w.first, coalesce((SELECT min(n.first) FROM shudi_writes n WHERE n.first > w.first) - 1, ?1), w.at, w.actor, w.reason "
        "FROM shudi_writes w WHERE w.first < ?3 AND w.first >= coalesce((SELECT max(first) FROM shudi_writes WHERE first <= ?2), 0) "
        "AND ?2 <= ?1 ORDER BY w.first DESC LIMIT ?4"
    )
    found = connection.execute(sql, (last(connection), begin, end, -1 if limit is None else limit)).fetchall()
    return tuple(Write(first, final, datetime.fromisoformat(at), *who) for first, final, at, *who in found[::-1])


def agreed(edits: Sequence[tuple[Layer, Edit]], known: Mapping[str, int], found: Sequence[Mapping[str, int]]) -> None:
    """Pass edits whose features and layers have the versions that they rest on; ConflictError carries those that have not.

    known: the versions of the layers; found: for each edit those of the features that it expects.
    """
    wrong = [
        Conflict(layer.name, str(id), expected, there.get(str(id), 0))
        for (layer, edit), there in zip(edits, found, strict=True)
        for id, expected in edit.expect.items()
        if there.get(str(id), 0) != expected
    ]
    wrong += [
        Conflict(layer.name, "", edit.seen, known[layer.name])
        for layer, edit in edits
        if edit.seen is not None and known[layer.name] != edit.seen
    ]
    if wrong:
        raise conflict(wrong)


def check(connection: sqlite3.Connection, edits: Sequence[tuple[Layer, Edit]]) -> None:
    """Pass edits that rest on what is stored now, inside their transaction."""
    found = [stamps(connection, layer, list(edit.expect)) for layer, edit in edits]
    agreed(edits, versions(connection, [layer.name for layer, _ in edits], None), found)
