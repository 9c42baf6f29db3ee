"""Competition in the stored findings: the sums of what plots ask of lines, kept beside them and carried on from edit to edit.

A full assessment keeps the sums of all lines; each refresh behind it keeps what is other since, and where it marked plots that it did not
assess. Whoever lacks the sums that belong to the stored findings adds them up again from these.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable
from io import BytesIO
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyarrow.feather import write_feather

from layers.base import tabled
from layers.plan.asked import CONTESTED, TOLD, Asked, added, change, nothing
from layers.plan.capacity import KINDS
from layers.store.base import Inputs, Store
from layers.tracing import Traced

CHUNK = 50_000
"""Findings that are read at once."""
MOST_BOXES = 200
"""So many places of marks are kept since the last assessment; beyond them they may be anywhere."""
WHOLE, SINCE = "asked", ("asked since", "asked then")
"""Names of what is kept: the sums of a full assessment, and by turns what refreshes behind it made other."""

Boxes = NDArray[np.float64]


class Sums:
    """What is asked of lines by the stored findings of a few moments, in memory. Safe to share between threads."""

    def __init__(self, keep: int = 4) -> None:
        self._known: OrderedDict[str, Asked] = OrderedDict()
        self._keep, self._lock = keep, threading.Lock()

    def of(self, inputs: Inputs) -> Asked | None:
        """Look up the sums that belong to findings made from `inputs`."""
        return self._known.get(_stamp(inputs))

    def note(self, inputs: Inputs, asked: Asked) -> None:
        """Remember them."""
        with self._lock:
            self._known[_stamp(inputs)] = asked
            while len(self._known) > self._keep:
                self._known.popitem(last=False)


class Marked(NamedTuple):
    """Findings with their marks: those given, the others of which the mark alone is other, the sums that they rest on, and the lines of which these are other."""

    found: pd.DataFrame
    others: pd.DataFrame
    asked: Asked
    touched: tuple[str, ...]


def _stamp(inputs: Inputs) -> str:
    return json.dumps(dict(inputs), sort_keys=True, default=str)


def parts(traced: Traced) -> dict[str, pd.DataFrame]:
    """Take what was traced kind by kind, or all of it under the name ""."""
    return {kind: part.lines for kind, part in traced.parts.items()} if traced.parts else {"": traced.lines}


def marked(store: Store, found: pd.DataFrame, gone: Iterable[str], inputs: Inputs, traced: Traced, sums: Sums) -> Marked:
    """Mark newly found plots, and those stored whose marks are other now that `found` takes the place of what is stored of them.

    inputs: what the stored findings were made from; traced: the utilities as they are. Time grows with what is found, with the
    plots whose marks change, and with the lines of kinds that were traced anew; with all findings where their sums are lost.
    """
    named = sorted({*found.index, *gone})
    stored = store.findings(named, TOLD)[0] if named else found
    before = sums.of(inputs) or _kept(store, inputs)
    changes, lines = change(stored, found), parts(traced)
    asked = before.after(lines, changes) if isinstance(before, Asked) else Asked.of(lines, added(before, changes))
    any_of: dict[str, list[str]] = {}
    flipped = asked.flipped(before)
    for kind, ids in flipped.items():
        any_of |= {f"{each}_line": ids for each in ((kind,) if kind else KINDS)}
    others = store.findings(None, None, any_of)[0] if any_of else found.iloc[:0]
    others = others[~others.index.isin(named)]
    if len(others):
        marks = asked.contested(others)
        other = np.flatnonzero(np.asarray(marks != others[CONTESTED.name].array, bool))
        others = others.assign(**{CONTESTED.name: marks}).iloc[other]
    touched = {str(id) for more in changes.values() for id in more.index}.union(*flipped.values())
    found = found.assign(**{CONTESTED.name: asked.contested(found)}) if len(found) else found
    return Marked(found, others, asked, tuple(sorted(touched)))


def _kept(store: Store, inputs: Inputs) -> pd.DataFrame:
    """Take the sums that were kept with the stored findings, or add them up from these: 20 us a plot."""
    whole, since = store.kept(WHOLE), _since(store, inputs)[1]
    if whole and whole[0]["inputs"] == dict(inputs):
        return _read(whole[1])
    if whole and since and since[0].get("base") == whole[0]["inputs"]:
        first, more = _read(whole[1]), _read(since[1])
        return pd.concat([first[~first.index.isin(more.index)], more])
    ids, found, tight = store.findings(columns=[])[0].index, list[pd.DataFrame](), set[str]()
    for start in range(0, len(ids), CHUNK):
        part = store.findings(ids[start : start + CHUNK].tolist(), (*TOLD, CONTESTED.name))[0]
        found.extend(change(part.iloc[:0], part).values())
        for kind in KINDS:
            mine = part[CONTESTED.name].str.contains(kind, na=False).to_numpy(bool)
            tight |= set(part[f"{kind}_line"].array[mine])
    if not found:
        return nothing()
    sums: pd.DataFrame = pd.concat(found).groupby(level=0).sum()
    return sums.assign(tight=sums.index.isin(list(tight)))


def _read(content: bytes) -> pd.DataFrame:
    table = pa.ipc.open_file(content).read_all()
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return tabled(columns, pd.Index(columns.pop("id").astype(object), dtype=object))


def _written(sums: pd.DataFrame) -> bytes:
    table = pa.table({"id": pa.array(sums.index, pa.string()), **{name: sums[name].to_numpy() for name in sums.columns}})
    content = BytesIO()
    write_feather(table, content)
    return content.getvalue()


def keep(store: Store, asked: Asked, inputs: Inputs) -> None:
    """Keep the sums that belong to all findings as they are stored now."""
    store.keep(WHOLE, {"inputs": dict(inputs)}, _written(asked.sums()))
    note = {"base": dict(inputs), "inputs": dict(inputs), "from": _last(inputs), "boxes": []}
    store.keep(SINCE[0], note, _written(nothing()))


def _since(store: Store, inputs: Inputs) -> tuple[str, tuple[Inputs, bytes] | None]:
    """Find what is kept of refreshes up to findings made from `inputs`, and where the next is to be kept."""
    for name, other in zip(SINCE, SINCE[::-1], strict=True):
        kept = store.kept(name)
        if kept and kept[0]["inputs"] == dict(inputs):
            return other, kept
    return SINCE[1], None


def carry(store: Store, marked: Marked, then: Inputs, now: Inputs) -> None:
    """Keep what of the sums is other, and where marks alone changed, in findings that are about to take the place of those of `then`.

    It is kept before they are stored, beside what is kept of those that stand: nobody sees findings of which it is missing.
    """
    name, since = _since(store, then)
    if since is None:
        store.keep(WHOLE, {"inputs": dict(now)}, _written(marked.asked.sums()))
    note: Inputs = since[0] if since else {"base": dict(now), "from": _last(then), "boxes": []}
    known: list[str] = _read(since[1]).index.tolist() if since else []
    sums = marked.asked.told_of([*known, *marked.touched]) if since else nothing()
    boxes = [*note["boxes"], *([_last(now), *box] for box in bounds(store, marked.others.index.tolist()).tolist())]
    full = len(boxes) > MOST_BOXES
    places = {"from": _last(now) if full else note["from"], "boxes": [] if full else boxes}
    store.keep(name, {"base": note["base"], "inputs": dict(now), **places}, _written(sums))


def _last(inputs: Inputs) -> int:
    """Name the last entry of the history on which findings rest."""
    return int(max(inputs["layers"].values()))


def bounds(store: Store, ids: list[str]) -> Boxes:
    """Bound plots, shape (k, 4); all of them together where they are many."""
    if not ids:
        return np.zeros((0, 4))
    found = shapely.bounds(store.read("parcels", ids=ids, columns=["id"]).geometry.to_numpy())
    found = found[~np.isnan(found[:, 0])]
    whole = np.r_[found[:, :2].min(axis=0), found[:, 2:].max(axis=0)][None] if len(found) > MOST_BOXES // 4 else found
    return np.asarray(whole, np.float64)


def moved(store: Store, then: Inputs) -> Boxes | None:
    """Bound the plots of which since findings made from `then` the marks alone changed, shape (k, 4); None: they may be anywhere."""
    since = _since(store, store.findings([], [])[1])[1]
    if since is None or since[0]["from"] > _last(then):
        return None
    boxes = [box for version, *box in since[0]["boxes"] if version > _last(then)]
    return np.array(boxes, np.float64).reshape(-1, 4)
