"""Contest: who asks for the capacity of which line, and where there is surely not enough for all who ask.

What one plot asks for binds another wherever their ways to the source meet, however far apart they lie. A change of a plot (its
outline, use, status, project) or of a line's capacity can alter the answers about all plots whose lines hang on the same
source, before or after the change: `Contest.differing` names the lines whose answers it did alter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.forest import least, total, way
from layers.plan.capacity import KINDS, Capacity
from layers.service import SERVING

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]
PART = 1000
"""Loads are added up in whole thousandths of their unit, so that a sum is exact in any order."""
NAMED = 20
"""So many of those who ask, or whose load is committed, are named; the others are counted."""
ASKING = (*SERVING, "planned")
"""States of a service in which a plot asks its line for capacity."""


def claims(asking: gpd.GeoDataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """List what plots ask of lines: `who`, `project`, `kind`, `line`, `low` [thousandths of the unit, rounded down], `committed`.

    asking: plots with the columns of `layers.plan.capacity.demand`; found: what `utilities.assess` answers about them. A plot
    asks the line that serves it best, at least for what it surely asks; one that is short of it or has none asks for nothing.
    """
    ids, project = asking["id"].to_numpy(object), asking["load_project"].to_numpy(object)
    committed = asking["load_committed"].to_numpy(bool)
    tables = []
    for kind in KINDS:
        line, state = (found[f"{kind}_{part}"].to_numpy(object) for part in ("line", "state"))
        low = np.nan_to_num(asking[f"load_{kind}_low"].to_numpy(float))
        mine = np.flatnonzero(np.isin(state, ASKING) & ((low > 0) | committed))
        columns = {"who": ids, "project": project, "line": line, "low": np.floor(low * PART), "committed": committed}
        tables.append(pd.DataFrame({name: column[mine] for name, column in columns.items()}).assign(kind=kind))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class Contest:
    """What plots ask of lines and sources, shape (lines,): `ids`, `parent` (what each hangs on, -1 none), `room` [unit].

    `load` is what all ask for at least, that hang on the line, in thousandths. `narrow` is the nearest line or source on the
    way, itself included, that surely has not enough for all of them: its row, -1 for none. Of each of the `claims`: `row`, its
    line; `low`, what it asks for; `name`, the project that wants most of the plot, else the plot.
    """

    ids: pd.Index
    parent: Rows
    room: Numbers
    claims: pd.DataFrame
    row: Rows
    low: Numbers
    name: NDArray[np.object_]
    load: Numbers
    narrow: Rows
    _own: Mapping[tuple[str, str], int]
    _sums: dict[tuple[str, int, bool], Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, traced: pd.DataFrame, claims: pd.DataFrame) -> Contest:
        """Add up claims along the ways of traced lines (`layers.plan.capacity.spare`, indexed by id); time grows with both."""
        ids = traced.index
        parent, room = ids.get_indexer(pd.Index(traced["via"])), traced["room_most"].to_numpy(float)
        row = ids.get_indexer(pd.Index(claims["line"]))
        low = claims["low"].to_numpy(float)
        asks = np.where(low > 0, 1.0, 0.0)
        load, askers = (total(parent, np.bincount(row, weight, len(ids)).astype(np.float64)) for weight in (low, asks))
        tight = (load > room * PART) & (askers > 1)
        worst, at = least(parent, np.where(tight, 0.0, 1.0))
        own = {key: k for k, key in enumerate(zip(claims["who"], claims["kind"], strict=True))}
        name = claims["project"].where(claims["project"].notna(), claims["who"]).to_numpy(object)
        return cls(ids, parent, room, claims, row, low, name, load, np.where(worst == 0, at, -1), own)

    def differing(self, other: Contest) -> set[str]:
        """Name the lines about which this contest and another would answer differently on any plot, or that only one knows."""
        mine, theirs = self._answers(), other._answers()
        return {line for line in {*mine, *theirs} if mine.get(line) != theirs.get(line)}

    def _answers(self) -> dict[str, str | None]:
        names = np.append(self.ids.to_numpy(object), np.array([None], object))
        return dict(zip(self.ids, names[self.narrow], strict=True))

    def compete(self, found: pd.DataFrame) -> pd.DataFrame:
        """Mark in the `_capacity` of plots those that fit, or may fit, alone but surely not with all who ask for the same.

        found: answers about plots that are among those who ask, by plot (`layers.plan.readiness.readiness`, index: ids).
        """
        asks = (self.low > 0) & (self.narrow[self.row] >= 0)
        answer = {}
        for kind in KINDS:
            named = self.claims["who"][asks & (self.claims["kind"] == kind).to_numpy(bool)]
            among = found.index.isin(named) & found[f"{kind}_capacity"].isin(("enough", "unknown")).to_numpy(bool)
            answer[f"{kind}_capacity"] = found[f"{kind}_capacity"].mask(among, "competing")
        return found.assign(**answer)

    def against(self, capacity: Capacity, kind: str, line: str, site: str, shares: Mapping[str, float]) -> Capacity:
        """Hold what a site asks for against what others ask for on its way; names who they are and whose load is committed.

        site: its id; shares: the part of each plot that it takes, by id: what those plots ask for is the site's, in that part.
        """
        start = self._row(line)
        if start < 0:
            return capacity
        on_way = way(self.parent, start)
        others = self.load[on_way].copy()
        mine = {who: claim for who in shares if (claim := self._own.get((who, kind))) is not None}
        for who, claim in mine.items():
            passed = set(way(self.parent, int(self.row[claim])))
            part = np.floor(self.low[claim] * shares[who])
            others -= [part if k in passed else 0.0 for k in on_way]
        own = np.floor((capacity.low or 0.0) * PART)
        tight = (others + own > self.room[on_way] * PART) & (others > 0) & (own > 0)
        at = (
            on_way[int(tight.argmax())]
            if tight.any()
            else start
            if capacity.bottleneck is None
            else self._row(capacity.bottleneck)
        )
        competing = tight.any() and capacity.state in ("enough", "unknown")
        rivals = dict(self._named(kind, at, False))
        for who, claim in mine.items():
            if shares[who] > 1 - 1e-6 and (name := self.name[claim]) in rivals:
                rivals[name] -= self.low[claim]
        asking = [name for name, low in rivals.items() if low > 0 and name != site]
        takers = list(self._named(kind, at, True))
        return replace(
            capacity,
            state="competing" if competing else capacity.state,
            place=str(self.ids[at]),
            others=max(float(others[on_way.index(at)]), 0.0) / PART,
            rivals=tuple(asking[:NAMED]),
            rival_count=len(asking),
            takers=tuple(takers[:NAMED]),
            taker_count=len(takers),
        )

    def _row(self, line: str) -> int:
        return int(self.ids.get_loc(line)) if line in self.ids else -1  # type: ignore[arg-type]

    def _named(self, kind: str, at: int, committed: bool) -> Mapping[str, float]:
        """Add up the loads of those who hang on a line, by name, the largest first; remembered."""
        if (kind, at, committed) not in self._sums:
            hang = least(self.parent, np.where(np.arange(len(self.parent)) == at, 0.0, 1.0))[0] == 0
            alike = (self.claims["kind"] == kind) & (self.claims["committed"] == committed)
            sums: dict[str, float] = {}
            mine = hang[self.row] & alike.to_numpy(bool)
            for name, low in zip(self.name[mine], self.low[mine].tolist(), strict=True):
                sums[name] = sums.get(name, 0.0) + low
            self._sums[kind, at, committed] = dict(sorted(sums.items(), key=lambda found: -found[1]))
        return self._sums[kind, at, committed]


Ring = Callable[[frozenset[str]], Contest | None]
"""Finds the contest around sources, by their ids; None where too much hangs on them to be counted for one site."""


def taken(site: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> dict[str, float]:
    """Measure which part of each parcel a site takes, by id; the site is a frame of one polygon."""
    shape, shapes = site.geometry.iloc[0], parcels.geometry.to_numpy()
    near = np.flatnonzero(shapely.intersects(shapes, shape))
    part = shapely.area(shapely.intersection(shapes[near], shape)) / shapely.area(shapes[near])
    return {id: float(p) for id, p in zip(parcels["id"].to_numpy(object)[near], part, strict=True) if p > 0}
