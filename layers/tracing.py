"""Networks traced from their sources as a whole, and traced again kind by kind where few edits came since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layers.base import Ask, Edition, Survey, arrays_of, joined, objects, tabled
from layers.catalogue import LAND
from layers.plan.capacity import spare
from layers.store.base import Store, When
from layers.table import Table

Rows = NDArray[np.intp]
ASKED = frozenset(
    {
        "id", "kind", "role", "class", "red_line_width", "pressure", "invert_start", "invert_end", "capacity", "committed",
        "capacity_unit", "status", "in_service_from", "retired_on", "relocated_on",
    }
)  # fmt: skip
FEW = 50
"""Beyond so many changed lines of a network it is traced as a whole: of each the history is read."""


class Part(NamedTuple):
    """The lines of one kind: their places in the order of storage, their features, and what was traced of each, by id."""

    place: Rows
    features: Table
    lines: pd.DataFrame


class Traced(NamedTuple):
    """What was traced of each line of a network, by id, and the kinds that it was put together from; none where these are not known."""

    lines: pd.DataFrame
    parts: Mapping[str, Part]

    def differing(self, other: Traced, columns: Sequence[str]) -> Iterable[Table]:
        """Give the lines of which another trace tells something else in some columns, kind by kind; not those only one has."""
        for kind, mine in self.parts.items():
            theirs = other.parts[kind].lines if kind in other.parts else other.lines
            if mine.lines is not theirs:
                at = theirs.index.get_indexer(mine.lines.index)
                rows = np.flatnonzero(at >= 0)
                yield mine.features.take(rows[_differs(mine.lines, theirs, rows, at[rows], columns)])


def _differs(a: pd.DataFrame, b: pd.DataFrame, rows: Rows, at: Rows, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which rows of a frame differ from rows of another in some columns; what is missing in both is the same."""
    found = np.zeros(len(rows), bool)
    for name in (name for name in columns if name in a):
        one, two = (_comparable(frame[name].array)[some] for frame, some in ((a, rows), (b, at)))
        found |= (one != two) & ~(pd.isna(one) & pd.isna(two))
    return found


def _comparable(array: Any) -> NDArray[Any]:
    return objects(array) if isinstance(array.dtype, pd.StringDtype) else np.asarray(array)


def traced(store: Store, name: str, ask: Ask, as_of: When | None) -> Traced:
    """Trace a network as it was known at a moment; memory and time grow with its lines."""
    features = Table.of(store.read(name, columns=_columns(name), as_of=as_of))
    kinds, editions = _kinds(features), store.editions(name, as_of)
    rows = {kind: np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds)} or {"": np.arange(0)}
    return _together({kind: _part(some, features.take(some).made(), editions, ask) for kind, some in rows.items()})


def _columns(name: str) -> list[str]:
    """List the columns of a network that tracing asks for, and that tell how far its lines reach."""
    return [f.name for f in LAND[name].columns if f.name in ASKED]


def _kinds(features: Table) -> NDArray[np.object_]:
    """Tell the kind of each line; "" where the layer has none."""
    if "kind" not in features:
        return np.full(len(features), "", object)
    kinds = features["kind"].to_numpy()
    return np.where(pd.isna(kinds), "", kinds)


def _part(place: Rows, features: Table, editions: Sequence[Edition], ask: Ask) -> Part:
    """Trace the lines of one kind."""
    from layers.plan.networks import serving  # brings in scipy, which a command need not load where the trace is kept

    found = serving(Survey(features, tuple(editions)), ask)
    if "capacity" in features:
        found = spare(features, found, ask)
    return Part(place, features, found.set_axis(pd.Index(features["id"].to_numpy(), dtype=object, name="id")))


def _together(parts: Mapping[str, Part]) -> Traced:
    """Put the kinds of a network together."""
    found = [arrays_of(part.lines) for part in parts.values()]
    ids = np.concatenate([part.lines.index.to_numpy() for part in parts.values()])
    lines = {name: joined([arrays[name] for arrays in found]) for name in found[0]}
    return Traced(tabled(lines, pd.Index(ids, dtype="str", name="id")), parts)


def again(store: Store, name: str, ask: Ask, old: Traced, since: int) -> Traced | None:
    """Trace anew those kinds of a network that edits since a trace concern; None where a delivery came, or more than a few."""
    ids, editions = store.changed(name, since), store.editions(name)
    if len(ids) > FEW or store.editions(name, since) != editions:
        return None
    # what was deleted and brought again is stored behind all others
    left = {id for id in ids if any(step.seq > since and step.after is None for step in store.history(name, id))}
    new = Table.of(store.read(name, ids=ids, columns=_columns(name)))
    parts, place = dict(old.parts), dict[str, int]()
    for kind, part in old.parts.items():
        at = part.lines.index.get_indexer(pd.Index(ids, dtype=object))
        place |= {id: int(part.place[k]) for id, k in zip(ids, at, strict=True) if k >= 0 and id not in left}
        if (at >= 0).any():
            rows = np.delete(np.arange(len(part.place)), at[at >= 0])
            parts[kind] = Part(part.place[rows], part.features.take(rows), part.lines)
    behind = 1 + max(int(part.place.max(initial=-1)) for part in old.parts.values())
    places = np.array([place.get(id, behind + k) for k, id in enumerate(new["id"].to_numpy())], np.intp)
    kinds = _kinds(new)
    for kind in dict.fromkeys(kinds):
        rows, some = np.flatnonzero(kinds == kind), parts.get(kind)
        where = places[rows] if some is None else np.r_[some.place, places[rows]]
        features = new.take(rows) if some is None else some.features.joined(new.take(rows))
        order = np.argsort(where, kind="stable")
        parts[kind] = Part(where[order], features.take(order), old.lines)
    anew = {k: p if p is old.parts.get(k) else _part(p.place, p.features.made(), editions, ask) for k, p in parts.items()}
    return _together(anew)
