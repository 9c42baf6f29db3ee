"""What all plots ask of each line, added up: which lines surely have not enough for all, and so which plots fit alone only.

Sums are kept of every line, and of each line and source the sums of all that hangs on it; a change of few plots walks their ways to
the source and nothing else, unless a line becomes scarce by it or ceases to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.forest import least, total, way
from layers.base import Field, Text, objects, tabled, texts
from layers.plan.capacity import KINDS
from layers.plan.contest import PART, asked_for

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]
WALKED = 500
"""From so many changed lines on the sums of all are made anew."""
CONTESTED = Field(
    "contested",
    "text",
    Text("Not enough for all who ask", "不足以满足全部需求"),
    meaning=f"of {', '.join(KINDS)}, with commas: they fit the plot alone, but surely not with all who ask for the same; missing: unknown",
)
TOLD = tuple(f"{kind}_{part}" for kind in KINDS for part in ("line", "state", "load"))
"""The findings on which it rests."""


class Asking(NamedTuple):
    """Plots that ask a line of a kind for capacity: their rows, the ids of the lines, and what they surely ask [thousandths]."""

    kind: str
    plot: Rows
    line: NDArray[np.object_]
    low: Numbers


def asking(found: pd.DataFrame) -> Iterator[Asking]:
    """List who asks whom, kind by kind, of what is found of plots (columns TOLD)."""
    for kind in KINDS:
        low = asked_for(found, kind)
        plot = np.flatnonzero(low > 0)
        if len(plot):
            yield Asking(kind, plot, objects(found[f"{kind}_line"].array.take(plot)), low[plot])


def change(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tell by kind what is asked of lines more, or less, than before: `low` [thousandths] and `askers`, by the id of the line."""
    parts = [(sign, some) for sign, frame in ((-1.0, before), (1.0, after)) if len(frame) for some in asking(frame)]
    if not parts:
        return {}
    count = [len(some.plot) for _, some in parts]
    of, ids = pd.factorize(np.concatenate([some.line for _, some in parts]))
    kind = np.repeat([KINDS.index(some.kind) for _, some in parts], count)
    low = np.concatenate([sign * some.low for sign, some in parts])
    key, at = np.unique(kind * len(ids) + of, return_inverse=True)
    sums = np.stack([np.bincount(at, low), np.bincount(at, np.repeat([sign for sign, _ in parts], count))])
    kinds, lines = np.divmod(key, len(ids))
    moved = (sums != 0).any(axis=0)
    return {
        KINDS[k]: tabled({"low": sums[0, some], "askers": sums[1, some]}, pd.Index(ids[lines[some]], dtype=object))
        for k in np.unique(kinds[moved]).tolist()
        if len(some := np.flatnonzero(moved & (kinds == k)))
    }


def added(sums: pd.DataFrame, changes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Add changes to sums by line, of whatever kind it was or is."""
    columns = ["low", "askers"]
    found: pd.DataFrame = pd.concat([sums[columns], *(more[columns] for more in changes.values())]).groupby(level=0).sum()
    return found


def nothing() -> pd.DataFrame:
    """Make the sums of lines of which nobody asks anything."""
    return tabled({"low": np.zeros(0), "askers": np.zeros(0), "tight": np.zeros(0, bool)}, pd.Index([], dtype=object))


@dataclass(frozen=True, slots=True)
class Tree:
    """Lines that were traced together, what plots ask of each and of all that hangs on it: `low` [thousandths] and askers, shape (2, n).

    traced: what they were traced to be (`layers.plan.capacity.spare`). `parent`: the gate that each hangs on, -1 none. `scarce`: it
    surely has not enough for all, who are several; `tight`: that holds of it or of one on its way. 90 bytes a line.
    """

    traced: pd.DataFrame
    ids: pd.Index
    parent: Rows
    room: Numbers
    own: Numbers
    total: Numbers
    scarce: Flags
    tight: Flags

    @classmethod
    def of(cls, traced: pd.DataFrame, sums: pd.DataFrame) -> Tree:
        """Add up what is asked of each of the traced lines by itself (`sums`, by id; those of other lines are left out)."""
        ids = pd.Index(traced.index.to_numpy(object), dtype=object)
        parent = ids.get_indexer(pd.Index(objects(traced["gate"]), dtype=object))
        at, own = ids.get_indexer(pd.Index(sums.index.to_numpy(object), dtype=object)), np.zeros((2, len(ids)))
        own[:, at[at >= 0]] = sums[["low", "askers"]].to_numpy(float).T[:, at >= 0]
        return cls._summed(traced, ids, parent, traced["room_most"].to_numpy(float) * PART, own)

    @classmethod
    def _summed(cls, traced: pd.DataFrame, ids: pd.Index, parent: Rows, room: Numbers, own: Numbers) -> Tree:
        sums = np.stack([total(parent, part) for part in own])
        scarce = (sums[0] > room) & (sums[1] > 1)
        return cls(traced, ids, parent, room, own, sums, scarce, _tight(parent, scarce))

    def plus(self, rows: Rows, more: Numbers) -> Tree:
        """Add to what is asked of some lines, each of them once; shape (2, k). Time grows with their ways, unless scarcity moves."""
        if not len(rows):
            return self
        own = self.own.copy()
        own[:, rows] += more
        if len(rows) > WALKED:
            return self._summed(self.traced, self.ids, self.parent, self.room, own)
        sums, scarce = self.total.copy(), self.scarce.copy()
        for row, part in zip(rows.tolist(), more.T, strict=True):
            along = way(self.parent, row)
            sums[:, along] += part[:, None]
            scarce[along] = (sums[0, along] > self.room[along]) & (sums[1, along] > 1)
        tight = self.tight if np.array_equal(scarce, self.scarce) else _tight(self.parent, scarce)
        return Tree(self.traced, self.ids, self.parent, self.room, own, sums, scarce, tight)

    def sums(self) -> pd.DataFrame:
        """Tell of the lines that are asked or tight: `low`, `askers`, `tight`, by id."""
        rows = np.flatnonzero((self.own[1] != 0) | self.tight)
        return tabled({"low": self.own[0, rows], "askers": self.own[1, rows], "tight": self.tight[rows]}, self.ids[rows])


def _tight(parent: Rows, scarce: Flags) -> Flags:
    """Tell which lines are scarce, or hang on one that is."""
    return least(parent, np.where(scarce, 0.0, 1.0))[0] == 0 if scarce.any() else np.zeros(len(parent), bool)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the lines of each kind, or of all together under the name ""; kinds that nobody asks may be left out."""

    trees: Mapping[str, Tree]

    @classmethod
    def of(cls, parts: Mapping[str, pd.DataFrame], sums: pd.DataFrame) -> Asked:
        """Add up sums by line over what was traced, part by part."""
        return cls({kind: Tree.of(traced, sums) for kind, traced in parts.items()})

    def after(self, parts: Mapping[str, pd.DataFrame], changes: Mapping[str, pd.DataFrame]) -> Asked:
        """Follow what was traced anew of some parts, and what is asked more or less (`change`)."""
        if ("" in parts) != ("" in self.trees):
            return Asked.of(parts, added(self.sums(), changes))
        trees = {}
        for kind, traced in parts.items():
            old = self.trees.get(kind)
            if old is None or old.traced is not traced:
                old = Tree.of(traced, nothing() if old is None else old.sums())
            trees[kind] = old
        for kind, more in changes.items():
            part = kind if kind in trees else ""
            if part in trees:
                rows = trees[part].ids.get_indexer(pd.Index(more.index.to_numpy(object), dtype=object))
                known = rows >= 0
                trees[part] = trees[part].plus(rows[known], more[["low", "askers"]].to_numpy(float).T[:, known])
        return Asked(trees)

    def sums(self) -> pd.DataFrame:
        """Tell of the lines that are asked or tight: `low` [thousandths], `askers`, `tight`, by id."""
        found = [some for tree in self.trees.values() if len(some := tree.sums())]
        return pd.concat(found) if found else nothing()

    def told_of(self, ids: Iterable[str]) -> pd.DataFrame:
        """Tell the same of some lines, those too that nobody asks."""
        some = pd.Index(np.array(sorted({*ids}), object), dtype=object)
        told, tight = np.zeros((2, len(some))), np.zeros(len(some), bool)
        for tree in self.trees.values():
            rows = tree.ids.get_indexer(some)
            told[:, rows >= 0] += tree.own[:, rows[rows >= 0]]
            tight[rows >= 0] |= tree.tight[rows[rows >= 0]]
        return tabled({"low": told[0], "askers": told[1], "tight": tight}, some)

    def flipped(self, before: Asked | pd.DataFrame) -> dict[str, list[str]]:
        """Name by kind ("": any) the lines that are tight now and were not before, or the other way; by earlier sums or trees."""
        if isinstance(before, pd.DataFrame):
            was = set(before.index[before["tight"].to_numpy(bool)])
            now = {str(id) for tree in self.trees.values() for id in tree.ids[tree.tight]}
            return {"": sorted(was ^ now)} if was ^ now else {}
        found = {}
        for kind in {**self.trees, **before.trees}:
            new, old = self.trees.get(kind), before.trees.get(kind)
            if new is not None and old is not None and new.traced is old.traced:
                ids = new.ids[new.tight != old.tight].tolist() if new.tight is not old.tight else []
            else:
                was, now = (set() if tree is None else set(tree.ids[tree.tight]) for tree in (old, new))
                ids = sorted(was ^ now)
            if ids:
                found[kind] = ids
        return found

    def contested(self, found: pd.DataFrame) -> Any:
        """List for each of the plots the kinds that fit it alone, but surely not with all who ask (CONTESTED), as texts."""
        told = np.zeros(len(found), np.int64)
        for some in asking(found):
            tree = self.trees.get(some.kind) or self.trees.get("")
            if tree is not None and tree.tight.any():
                rows = tree.ids.get_indexer(pd.Index(some.line, dtype=object))
                told[some.plot[np.append(tree.tight, False)[rows]]] |= 1 << KINDS.index(some.kind)
        return listed(told)


def listed(bits: NDArray[np.int64]) -> Any:
    """Write kinds, bit by bit in the order of KINDS, as texts: "water,power", "" for none."""
    at, pool = pd.factorize(bits)
    words = np.array([",".join(k for n, k in enumerate(KINDS) if bit >> n & 1) for bit in pool.tolist()], object)
    return texts(words).take(at) if len(words) else texts(np.array([], object))


class Counter:
    """Adds up what plots ask while their findings pass, and tells at the end who of them asks for what is contested.

    Memory grows with the lines, and with 12 bytes for each service that a plot asks for.
    """

    def __init__(self, traced: pd.DataFrame) -> None:
        self._traced, self._plots = traced, 0
        self._ids = pd.Index(traced.index.to_numpy(object), dtype=object)
        self._own = np.zeros((2, len(traced)))
        self._askers: list[tuple[NDArray[np.int64], NDArray[np.int32], int]] = []

    def add(self, found: pd.DataFrame) -> None:
        """Add the next plots."""
        for some in asking(found):
            rows = self._ids.get_indexer(pd.Index(some.line, dtype=object))
            known = np.flatnonzero(rows >= 0)
            for part, weight in zip(self._own, (some.low[known], np.ones(len(known))), strict=True):
                np.add.at(part, rows[known], weight)
            self._askers.append((self._plots + some.plot[known], rows[known].astype(np.int32), KINDS.index(some.kind)))
        self._plots += len(found)

    def asked(self) -> Asked:
        """Give the sums of all that passed."""
        sums = tabled({"low": self._own[0], "askers": self._own[1]}, self._ids)
        return Asked.of({"": self._traced}, sums)

    def marks(self, asked: Asked) -> pd.DataFrame:
        """Tell CONTESTED of those plots of which any service is, by the number of each in the order in which they passed."""
        tight = asked.trees[""].tight
        found = [(plot[some], 1 << kind) for plot, line, kind in self._askers if (some := tight[line]).any()]
        if not found:
            return tabled({CONTESTED.name: listed(np.zeros(0, np.int64))}, pd.Index([], dtype=np.int64))
        plot = np.concatenate([some for some, _ in found])
        numbers, at = np.unique(plot, return_inverse=True)
        bits = np.bincount(at, np.concatenate([np.full(len(some), float(bit)) for some, bit in found])).astype(np.int64)
        return tabled({CONTESTED.name: listed(bits)}, pd.Index(numbers))
