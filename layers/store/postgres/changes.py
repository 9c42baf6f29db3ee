"""What changed in a PostGIS base when; the rules are those of `layers.store.changes`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from layers.base import Layer
from layers.store.base import Edit, When, Write
from layers.store.changes import agreed
from layers.store.history import END
from layers.store.postgres.history import fetch, first_after, last, versions
from layers.store.postgres.pool import Connection
from layers.store.schema import quoted


def stamps(connection: Connection, layer: Layer, ids: Sequence[str]) -> dict[str, int]:
    """Tell the versions of the features that are there: their last entry, or that of the delivery that brought them."""
    chosen = [str(i) for i in ids]
    if layer.geometry == "raster":
        return dict(fetch(connection, "SELECT id, added FROM shudi_rasters WHERE retired IS NULL AND id = ANY(%s)", (chosen,)))
    own = "SELECT max(h.seq) FROM shudi_history h WHERE h.layer = %s AND h.id = t.id AND h.fid IS NOT NULL"
    brought = "SELECT max(e.seq) FROM editions e WHERE e.layer = %s AND t.fid BETWEEN e.first_fid AND e.last_fid"
    sql = f"SELECT t.id, greatest(({own}), ({brought}), 0) FROM {quoted(layer.name)} t WHERE t.id = ANY(%s)"
    return dict(fetch(connection, sql, (layer.name, layer.name, chosen)))


def changed(connection: Connection, layer: Layer, since: When, until: When | None) -> tuple[str, ...]:
    """Name the features to which anything was done in a span of the history."""
    begin = first_after(connection, since) or END
    end = (None if until is None else first_after(connection, until)) or END
    span = "BETWEEN %(begin)s AND %(end)s - 1"
    if layer.geometry == "raster":
        sql = f"SELECT DISTINCT id FROM shudi_rasters WHERE added {span} OR retired {span}"
    else:
        brought = f"JOIN editions e ON e.layer = %(layer)s AND e.seq {span} AND"
        sql = (
            f"SELECT id FROM shudi_history WHERE layer = %(layer)s AND seq {span} AND fid IS NOT NULL "
            f"UNION SELECT t.id FROM {quoted(layer.name)} t {brought} t.fid BETWEEN e.first_fid AND e.last_fid "
            f"UNION SELECT h.id FROM shudi_history h {brought} h.fid BETWEEN e.first_fid AND e.last_fid WHERE h.layer = %(layer)s"
        )
    found = connection.execute(
        f'SELECT id FROM ({sql}) s ORDER BY id COLLATE "C"', {"layer": layer.name, "begin": begin, "end": end}
    )
    return tuple(row[0] for row in found)


def writes(connection: Connection, since: When, until: When | None, limit: int | None) -> tuple[Write, ...]:
    """Tell the writes that have entries in a span of the history, oldest first; of more than `limit` the newest."""
    begin = first_after(connection, since) or END
    end = (None if until is None else first_after(connection, until)) or END
    sql = (
        "SELECT w.first, coalesce((SELECT min(n.first) FROM shudi_writes n WHERE n.first > w.first) - 1, %(last)s), w.at, w.actor, "
        "w.reason FROM shudi_writes w WHERE w.first < %(end)s AND %(begin)s <= %(last)s AND w.first >= "
        "coalesce((SELECT max(first) FROM shudi_writes WHERE first <= %(begin)s), 0) ORDER BY w.first DESC LIMIT %(limit)s"
    )
    values = {"last": last(connection), "begin": begin, "end": end, "limit": limit}
    found = connection.execute(sql, values, binary=True).fetchall()
    return tuple(Write(first, final, at.astimezone(UTC), *who) for first, final, at, *who in found[::-1])


def check(connection: Connection, edits: Sequence[tuple[Layer, Edit]]) -> None:
    """Pass edits that rest on what is stored now, inside their transaction."""
    found = [stamps(connection, layer, list(edit.expect)) for layer, edit in edits]
    agreed(edits, versions(connection), found)
