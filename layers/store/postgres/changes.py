"""What changed in a PostGIS base when; the rules are those of `layers.store.changes`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from layers.base import Layer
from layers.store.base import Edit, When, Write
from layers.store.changes import END, agreed
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


def writes(connection: Connection, since: When, limit: int | None) -> tuple[Write, ...]:
    """Tell the writes after a moment, oldest first; of more than `limit` the newest."""
    sql = "SELECT first, at, actor, reason FROM shudi_writes WHERE first >= %s ORDER BY first DESC LIMIT %s"
    found = fetch(connection, sql, (first_after(connection, since) or END, limit))[::-1]
    ends = [row[0] - 1 for row in found[1:]] + [last(connection)]
    return tuple(
        Write(first, end, at.astimezone(UTC), actor, reason) for (first, at, actor, reason), end in zip(found, ends, strict=True)
    )


def check(connection: Connection, edits: Sequence[tuple[Layer, Edit]]) -> None:
    """Pass edits that rest on what is stored now, inside their transaction."""
    found = [stamps(connection, layer, list(edit.expect)) for layer, edit in edits]
    agreed(edits, versions(connection), found)
