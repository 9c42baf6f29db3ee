"""Contest: who asks for the capacity of which line, and where there is surely not enough for all who ask.

What one plot asks for binds another wherever all their ways to the sources meet, however far apart they lie: at the gates that
every way to a line ever passes (`layers.plan.networks.serving`), on which it is said to hang. A change of a plot (its outline,
use, status, project) or of a line's capacity can alter the answers about all plots whose lines hang on the same source, before
or after the change: `Contest.differing` names the lines whose answers it did alter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.forest import least, spans, total, way
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


def claims(found: pd.DataFrame) -> pd.DataFrame:
    """List what plots ask of lines: `who`, `project`, `kind`, `line`, `low` [thousandths of the unit, rounded down], `committed`.

    found: what is found of plots, by id (`layers.plan.readiness.readiness`). A plot asks the line that serves it best, at least
    for what it surely asks; one that is short of it or has none asks for nothing.
    """
    who, project = found.index.to_numpy(object), found["load_project"].to_numpy(object)
    tables = []
    for kind in KINDS:
        low, committed = asked_for(found, kind), (found[f"{kind}_capacity"] == "committed").to_numpy(bool)
        mine = np.flatnonzero((low > 0) | (committed & found[f"{kind}_state"].isin(ASKING).to_numpy(bool)))
        line = found[f"{kind}_line"].array.take(mine).to_numpy(object)
        columns = {"who": who[mine], "project": project[mine], "line": line, "low": low[mine], "committed": committed[mine]}
        tables.append(pd.DataFrame(columns).assign(kind=kind))
    return pd.concat(tables, ignore_index=True)


def asked_for(found: pd.DataFrame, kind: str) -> Numbers:
    """Tell what plots surely ask of their line, in whole thousandths of the unit of the kind; 0 where they do not ask it."""
    low = np.floor(np.nan_to_num(found[f"{kind}_load"].to_numpy(float)) * PART)
    return np.where(found[f"{kind}_state"].isin(ASKING).to_numpy(bool), low, 0.0) if low.any() else low


@dataclass(frozen=True)
class Contest:
    """What plots ask of lines and sources, shape (lines,): `ids`, `parent` (the gate that each hangs on, -1 none), `room` [unit].

    `load` is what all ask for at least, that hang on the line, in thousandths. `narrow` is the nearest line or source on the
    way, itself included, that surely has not enough for all of them: its row, -1 for none. `place` and `behind`: see
    `geo.forest.spans`. Of each of the claims, sorted by `at`, the place of its line: `low`, what it asks for; `committed`; `name`,
    the place in `names` (sorted) of the project that wants most of the plot, else of the plot. `own` finds the claim of a kind and
    of one of `plots`, -1 for none. 0.2 kB a plot.
    """

    ids: pd.Index
    parent: Rows
    room: Numbers
    load: Numbers
    narrow: Rows
    place: Rows
    behind: Rows
    at: Rows
    low: Numbers
    committed: NDArray[np.bool_]
    name: Rows
    names: NDArray[np.object_]
    plots: Mapping[str, int]
    own: NDArray[np.int32]

    @classmethod
    def of(cls, traced: pd.DataFrame, claims: pd.DataFrame) -> Contest:
        """Add up claims along the ways of traced lines (`layers.plan.capacity.spare`, indexed by id); time grows with both.

        What is asked of lines that are not among them is left out.
        """
        ids = pd.Index(traced.index.to_numpy(object), dtype=object)
        parent, room = (
            ids.get_indexer(pd.Index(traced["gate"].to_numpy(object), dtype=object)),
            traced["room_most"].to_numpy(float),
        )
        place, behind = spans(parent)
        row = ids.get_indexer(pd.Index(claims["line"].to_numpy(object), dtype=object))
        known = np.flatnonzero(row >= 0)
        order = known[np.argsort(place[row[known]], kind="stable")]
        row, low, committed = row[order], claims["low"].to_numpy(float)[order], claims["committed"].to_numpy(bool)[order]
        load, askers = (total(parent, np.bincount(row, weight, len(ids)).astype(np.float64)) for weight in (low, low > 0))
        worst, at = least(parent, np.where((load > room * PART) & (askers > 1), 0.0, 1.0))
        who, project = (claims[c].to_numpy(object)[order] for c in ("who", "project"))
        plot, plots = pd.factorize(who)
        name, names = pd.factorize(np.where(pd.isna(project), who, project), sort=True)
        own = np.full((len(KINDS), len(plots)), -1, np.int32)
        own[pd.factorize(np.r_[np.array(KINDS, object), claims["kind"].to_numpy(object)[order]])[0][len(KINDS) :], plot] = (
            np.arange(len(order))
        )
        whose = dict(zip(plots.tolist(), range(len(plots)), strict=True))
        return cls(
            ids, parent, room, load, np.where(worst == 0, at, -1), place, behind, place[row], low, committed, name,
            np.asarray(names, object), whose, own,
        )  # fmt: skip

    def differing(self, other: Contest) -> set[str]:
        """Name the lines about which this contest and another would answer differently on any plot, or that only one knows."""
        mine, theirs = self._answers(), other._answers()
        return {line for line in {*mine, *theirs} if mine.get(line) != theirs.get(line)}

    def _answers(self) -> dict[str, str | None]:
        names = np.append(self.ids.to_numpy(object), np.array([None], object))
        return dict(zip(self.ids, names[self.narrow], strict=True))

    def compete(self, found: pd.DataFrame) -> pd.DataFrame:
        """Mark in the `_capacity` of plots those that fit, or may fit, alone but surely not with all who ask for the same.

        found: what is found of plots that are among those who ask (`layers.plan.readiness.readiness`).
        """
        answer = {}
        for kind in KINDS:
            row = self.ids.get_indexer(pd.Index(found[f"{kind}_line"].to_numpy(object), dtype=object))
            tight = (np.append(self.narrow, -1)[row] >= 0) & (asked_for(found, kind) > 0)
            among = tight & found[f"{kind}_capacity"].isin(("enough", "unknown")).to_numpy(bool)
            answer[f"{kind}_capacity"] = found[f"{kind}_capacity"].mask(among, "competing")
        return found.assign(**answer)

    def against(self, capacity: Capacity, kind: str, line: str, site: str, shares: Mapping[str, float]) -> Capacity:
        """Hold what a site asks for against what others ask for on its way; names who they are and whose load is committed.

        site: its id; shares: the part of each plot that it takes, by id: what those plots ask for is the site's, in that part.
        """
        start = self._row(line)
        if start < 0:
            return capacity
        on_way = np.array(way(self.parent, start), np.intp)
        others = self.load[on_way]
        taken = [(self.plots[who], part) for who, part in shares.items() if who in self.plots]
        claim, part = self.own[KINDS.index(kind), [plot for plot, _ in taken]], np.array([part for _, part in taken])
        claim, part = claim[claim >= 0], part[claim >= 0]
        mine, theirs = np.floor(self.low[claim] * part), self.at[claim, None]
        others = others - mine @ ((theirs >= self.place[on_way]) & (theirs < self.behind[on_way]))
        own = np.floor((capacity.low or 0.0) * PART)
        tight = (others + own > self.room[on_way] * PART) & (others > 0) & (own > 0)
        # a bottleneck of the day may be none once what is planned gives another way
        narrow = on_way == self._row(capacity.bottleneck or line)
        at = int(on_way[(tight if tight.any() else narrow).argmax()])
        competing = tight.any() and capacity.state in ("enough", "unknown")
        name, low = self._hanging(at, False)
        for whole in claim[part > 1 - 1e-6]:
            low[name == self.name[whole]] -= self.low[whole]
        asking = np.flatnonzero((low > 0) & (self.names[name] != site))
        takers, _ = self._hanging(at, True)
        return replace(
            capacity,
            state="competing" if competing else capacity.state,
            place=str(self.ids[at]),
            others=max(float(others[on_way == at][0]), 0.0) / PART,
            rivals=tuple(self.names[name[asking[np.argsort(-low[asking], kind="stable")[:NAMED]]]]),
            rival_count=len(asking),
            takers=tuple(self.names[takers[:NAMED]]),
            taker_count=len(takers),
        )

    def _row(self, line: str) -> int:
        return int(self.ids.get_loc(line)) if line in self.ids else -1  # type: ignore[arg-type]

    def _hanging(self, at: int, committed: bool) -> tuple[Rows, Numbers]:
        """Add up the loads of those who hang on a line, or of those whose load is committed there, by their place in `names`."""
        start, stop = np.searchsorted(self.at, (self.place[at], self.behind[at]))
        mine = self.committed[start:stop] == committed
        name, whose = np.unique(self.name[start:stop][mine], return_inverse=True)
        return name, np.bincount(whose, self.low[start:stop][mine], len(name)).astype(np.float64)


Ring = Callable[[frozenset[str]], Contest | None]
"""Finds the contest around sources, by their ids; None where too much hangs on them to be counted for one site."""


def taken(site: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> dict[str, float]:
    """Measure which part of each parcel a site takes, by id; the site is a frame of one polygon."""
    (shape,), shapes = site.geometry.to_numpy(), parcels.geometry.to_numpy()
    near = np.flatnonzero(shapely.intersects(shapes, shape))
    part = shapely.area(shapely.intersection(shapes[near], shape)) / shapely.area(shapes[near])
    return {id: float(p) for id, p in zip(parcels["id"].to_numpy(object)[near], part, strict=True) if p > 0}
